#include "src/run/run_file.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/version.h"
#include "kernels/interval_core.h"
#include "src/model/state.h"
#include "src/model/weights.h"
#include "src/plan/memory_plan.h"

const char *psac_timing_name(int timing) {
  return timing < PSAC_N_STAGES ? psac_stage_name((psac_stage)timing) : timing == PSAC_TIMING_IO ? "io" : "other";
}

psac_status psac_timing_collect(const psac_session *session, psac_timing *timing) {
  timing->total = psac_clock_seconds() - session->start_seconds;
  double other = timing->total - session->io_seconds;
  for (int s = 0; s < PSAC_N_STAGES; s++) {
    timing->mean[s] = session->network->stages.seconds[s];
    other -= timing->mean[s];
  }
  timing->mean[PSAC_TIMING_IO] = session->io_seconds;
  timing->mean[PSAC_TIMING_OTHER] = fmax(other, 0.0);
  memcpy(timing->max, timing->mean, sizeof timing->max);
  PSAC_TRY(psac_ranks_sum_f64(session->ranks, timing->mean, PSAC_N_TIMINGS));
  PSAC_TRY(psac_ranks_max_f64(session->ranks, timing->max, PSAC_N_TIMINGS));
  for (int s = 0; s < PSAC_N_TIMINGS; s++) timing->mean[s] /= session->ranks->n_ranks;
  return PSAC_OK;
}

static psac_status write_attributes(const psac_session *session, psac_h5_file *file) {
  char now[21] = "";
  if (session->ranks->rank == 0) psac_clock_utc(now);
  PSAC_TRY(psac_ranks_broadcast(session->ranks, now, sizeof now));
  char start[21];
  memcpy(start, session->start_time, sizeof start);
  PSAC_TRY(psac_ranks_broadcast(session->ranks, start, sizeof start));
  const struct {
    const char *name, *text;
  } texts[] = {
      {"program", "psac_dist"},
      {"program_version", PSAC_VERSION},
      {"git_revision", PSAC_GIT_REVISION},
      {"command_line", session->options->command_line},
      {"start_time", start},
      {"end_time", now},
      {"backend", session->backend->name},
      {"transport", session->transport.name},
      {"model", session->config.network.model == PSAC_MODEL_NOTEBOOK ? "notebook" : "psac"},
      {"configuration", session->config_text},
  };
  for (size_t k = 0; k < sizeof texts / sizeof *texts; k++)
    PSAC_TRY(psac_h5_write_text(file, "/", texts[k].name, texts[k].text));
  PSAC_TRY(psac_h5_write_i64(file, "/", "arithmetic_version", PSAC_ARITHMETIC_VERSION));
  PSAC_TRY(psac_h5_write_i64(file, "/", "ranks", session->ranks->n_ranks));
  PSAC_TRY(psac_h5_write_i64(file, "/", "replicas", session->n_replicas));
  return psac_h5_write_sonata_root(file);
}

// One dataset per member of the curve's points.
static psac_status write_curve(const psac_session *session, const psac_curve *curve, const char *group,
                               psac_h5_file *file) {
#define COLUMN(member, type, units) \
  { #member, offsetof(psac_curve_point, member), type, units }
  static const struct {
    const char *name;
    size_t offset;
    psac_type type;
    const char *units;
  } column[] = {
      COLUMN(trials, PSAC_I64, "trials"),      COLUMN(epoch, PSAC_I64, NULL),
      COLUMN(accuracy, PSAC_F64, "fraction"),  COLUMN(mean_abs_td_error, PSAC_F64, "reward"),
      COLUMN(rate_middle_exc, PSAC_F64, "Hz"), COLUMN(rate_middle_inh, PSAC_F64, "Hz"),
      COLUMN(rate_output, PSAC_F64, "Hz"),     COLUMN(rate_critic, PSAC_F64, "Hz"),
  };
#undef COLUMN
  int64_t n = curve->n;
  PSAC_TRY(psac_ranks_broadcast(session->ranks, &n, sizeof n));
  const int64_t mine = session->ranks->rank == 0 ? n : 0;
  for (size_t c = 0; c < sizeof column / sizeof *column; c++) {
    char path[128];
    uint64_t *value = malloc(sizeof *value * (size_t)mine + 1);  // every column's elements have eight bytes
    if (!value) return psac_fail(PSAC_ERR_MEMORY, "out of memory writing the learning curve");
    for (int64_t k = 0; k < mine; k++)
      memcpy(&value[k], (const char *)&curve->point[k] + column[c].offset, sizeof *value);
    snprintf(path, sizeof path, "%s/%s", group, column[c].name);
    const psac_field field = {path, column[c].type, 1, {n}, 0, mine, value, 0, column[c].units};
    const psac_status status = psac_h5_write(file, &field);
    free(value);
    PSAC_TRY(status);
  }
  return PSAC_OK;
}

static psac_status write_evaluation(const psac_session *session, const psac_evaluation *evaluation,
                                    psac_h5_file *file) {
  const int64_t n = session->test.n, n_output = session->network->readout.layer[0].n;
  const int64_t mine = session->ranks->rank == 0 ? n : 0, my_labels = mine > 0 ? PSAC_N_LABELS : 0;
  const psac_field fields[] = {
      {"/evaluation/predictions", PSAC_I32, 1, {n}, 0, mine, evaluation->prediction, 0, NULL},
      {"/evaluation/labels", PSAC_I32, 1, {n}, 0, mine, evaluation->label, 0, NULL},
      {"/evaluation/output_counts", PSAC_I32, 2, {n, n_output}, 0, mine, evaluation->output_counts, 0, "spikes"},
      {"/evaluation/confusion",
       PSAC_I64,
       2,
       {PSAC_N_LABELS, n_output},
       0,
       my_labels,
       evaluation->confusion,
       0,
       "images"},
  };
  for (size_t f = 0; f < sizeof fields / sizeof *fields; f++) PSAC_TRY(psac_h5_write(file, &fields[f]));
  double accuracy = evaluation->accuracy;
  PSAC_TRY(psac_ranks_broadcast(session->ranks, &accuracy, sizeof accuracy));
  PSAC_TRY(psac_h5_write_f64(file, "/evaluation", "accuracy", accuracy));
  return psac_h5_write_i64(file, "/evaluation", "images", n);
}

// Neurons of the piece at `first`. Data is copied to the host for the file in pieces of PSAC_PLAN_PIECE_ROWS neurons.
static int64_t piece_of(int64_t n_local, int64_t first) {
  const int64_t left = n_local > first ? n_local - first : 0;
  return left < PSAC_PLAN_PIECE_ROWS ? left : PSAC_PLAN_PIECE_ROWS;
}

// Writes n rows, which are the file's from row `place` on.
static void put_rows(psac_h5_file *file, psac_field *field, int64_t offset, int64_t place, int64_t n,
                     const void *data) {
  field->first_row = place;
  field->n_rows = n;
  field->data = data;
  psac_h5_put(file, field, offset);
}

static psac_status write_weights(const psac_session *session, psac_h5_file *file) {
  const psac_network *network = session->network;
  const int64_t N = network->config.middle_layer.num_neurons, n_stored = psac_network_stored_rows(network);
  const int64_t n_output = network->readout.layer[0].n, n_critic = network->readout.layer[1].n;
  psac_field output = {
      .path = "/weights/middle_to_output", .type = PSAC_F32, .n_dims = 2, .dims = {N, n_output}, .units = "1"};
  psac_field critic = {
      .path = "/weights/middle_to_critic", .type = PSAC_F32, .n_dims = 2, .dims = {N, n_critic}, .units = "1"};
  int64_t offset[2];
  PSAC_TRY(psac_h5_place(file, &output, &offset[0]));
  PSAC_TRY(psac_h5_place(file, &critic, &offset[1]));
  const int64_t piece = piece_of(n_stored, 0);
  float *to_output = malloc(sizeof *to_output * (size_t)(piece * n_output) + 1);
  float *to_critic = malloc(sizeof *to_critic * (size_t)(piece * n_critic) + 1);
  psac_status status =
      to_output && to_critic ? PSAC_OK : psac_fail(PSAC_ERR_MEMORY, "out of memory writing the weights");
  for (int64_t first = 0; status == PSAC_OK && first < n_stored; first += piece) {
    const int64_t n = piece_of(n_stored, first), place = network->shard.first_gid + first;
    status = psac_network_get_weights(network, first, n, to_output, to_critic);
    if (status != PSAC_OK) break;
    put_rows(file, &output, offset[0], place, n, to_output);
    put_rows(file, &critic, offset[1], place, n, to_critic);
  }
  free(to_output);
  free(to_critic);
  return status;
}

// Derives rates, Hz, and mean CV2 of each neuron from integer sums.
static void derive_statistics(const psac_network *network, int64_t n_neurons, const int64_t *trials_of,
                              const int64_t *isi, const int32_t *count, float *rate, float *cv, float *by_label) {
  const double seconds = network->config.simulation.t_total / 1000.0;
  int64_t n_trials = 0;
  for (int d = 0; d < PSAC_N_LABELS; d++) n_trials += trials_of[d];
  for (int64_t i = 0; i < n_neurons; i++) {
    int64_t spikes = 0;
    for (int d = 0; d < PSAC_N_LABELS; d++) {
      const int64_t c = count[i * PSAC_N_LABELS + d];
      spikes += c;
      by_label[i * PSAC_N_LABELS + d] = trials_of[d] > 0 ? (float)((double)c / ((double)trials_of[d] * seconds)) : NAN;
    }
    rate[i] = n_trials > 0 ? (float)((double)spikes / ((double)n_trials * seconds)) : NAN;
    cv[i] = isi[2 * i] > 0 ? (float)(ldexp((double)isi[2 * i + 1], -PSAC_CV2_BITS) / (double)isi[2 * i]) : NAN;
  }
}

// Statistics of this rank's neurons [first, first + n), summed over replicas, each of which simulated its share of the
// trials.
static psac_status fetch_statistics(const psac_session *session, int64_t first, int64_t n, int64_t *isi,
                                    int32_t *count) {
  const psac_network *network = session->network;
  const psac_backend *backend = network->backend;
  const size_t n_isi = (size_t)n * 2, n_counts = (size_t)n * PSAC_N_LABELS;
  PSAC_TRY(backend->device->download(network->stream, isi, network->shard.isi + first * 2, sizeof *isi * n_isi));
  PSAC_TRY(backend->device->download(network->stream, count, network->shard.count_by_label + first * PSAC_N_LABELS,
                                     sizeof *count * n_counts));
  PSAC_TRY(backend->device->synchronize(network->stream));
  PSAC_TRY(psac_ranks_sum_i64(&session->replicas, isi, n_isi));
  return psac_ranks_sum_i32(&session->replicas, count, n_counts);
}

static psac_status write_statistics(const psac_session *session, psac_h5_file *file) {
  const psac_network *network = session->network;
  const int64_t N = network->config.middle_layer.num_neurons, n_local = network->shard.n_local;
  const int is_stored = psac_network_stored_rows(network) > 0;
  int64_t trials_of[PSAC_N_LABELS] = {0}, offset[3];
  for (int64_t k = 0; k < session->test.n; k++) trials_of[session->test.labels[k]]++;
  psac_field field[] = {
      {.path = "/statistics/middle/mean_rate", .type = PSAC_F32, .n_dims = 1, .dims = {N}, .units = "Hz"},
      {.path = "/statistics/middle/isi_cv", .type = PSAC_F32, .n_dims = 1, .dims = {N}, .units = "1"},
      {.path = "/statistics/middle/rate_by_digit",
       .type = PSAC_F32,
       .n_dims = 2,
       .dims = {N, PSAC_N_LABELS},
       .units = "Hz"},
  };
  for (int f = 0; f < 3; f++) PSAC_TRY(psac_h5_place(file, &field[f], &offset[f]));
  const size_t piece = (size_t)piece_of(n_local, 0);
  int64_t *isi = malloc(sizeof *isi * piece * 2 + 1);
  int32_t *count = malloc(sizeof *count * piece * PSAC_N_LABELS + 1);
  float *value = malloc(sizeof *value * piece * (PSAC_N_LABELS + 2) + 1);
  float *const column[] = {value, value + piece, value + 2 * piece};
  psac_status status =
      isi && count && value ? PSAC_OK : psac_fail(PSAC_ERR_MEMORY, "out of memory writing the statistics");
  for (int64_t first = 0, n; status == PSAC_OK && first < n_local; first += n) {
    n = piece_of(n_local, first);
    status = fetch_statistics(session, first, n, isi, count);
    if (status != PSAC_OK || !is_stored) continue;
    derive_statistics(network, n, trials_of, isi, count, column[0], column[1], column[2]);
    for (int f = 0; f < 3; f++) put_rows(file, &field[f], offset[f], network->shard.first_gid + first, n, column[f]);
  }
  free(isi);
  free(count);
  free(value);
  return status;
}

// Writes each output's receptive field in the image: its weights projected through the receptive fields of the middle
// layer.
static psac_status write_projection(const psac_session *session, psac_h5_file *file) {
  const psac_network *network = session->network;
  const psac_shard *shard = &network->shard;
  const psac_backend *backend = network->backend;
  if (shard->patch_size == 0) return PSAC_OK;
  const int64_t n_output = shard->columns.n_output;
  const size_t n = (size_t)(n_output * shard->n_units);
  const int32_t reference = (int32_t)lrint(network->config.output_layer.weight_reference * 0x1p30);
  void *device = NULL;
  int64_t *sum = malloc(sizeof *sum * n);
  float *field_weights = malloc(sizeof *field_weights * n);
  psac_status status = sum && field_weights ? backend->device->alloc(&device, sizeof *sum * n, "weights by pixel")
                                            : psac_fail(PSAC_ERR_MEMORY, "out of memory writing the weights by pixel");
  if (status == PSAC_OK) status = backend->stage->project_weights(network->stream, shard, reference, device);
  if (status == PSAC_OK) status = backend->device->download(network->stream, sum, device, sizeof *sum * n);
  if (status == PSAC_OK) status = backend->device->synchronize(network->stream);
  if (status == PSAC_OK) status = psac_ranks_sum_i64(&session->shards, sum, n);
  if (status == PSAC_OK) {
    for (size_t k = 0; k < n; k++) field_weights[k] = (float)((double)sum[k] * 0x1p-16 / (double)shard->current_scale);
    const psac_field field = {"/statistics/output/receptive_field",
                              PSAC_F32,
                              3,
                              {n_output, shard->retina_height, shard->retina_width},
                              0,
                              session->ranks->rank == 0 ? n_output : 0,
                              field_weights,
                              0,
                              "current"};
    status = psac_h5_write(file, &field);
  }
  backend->device->release(device);
  free(sum);
  free(field_weights);
  return status;
}

static psac_status write_timing(const psac_session *session, const psac_timing *timing, psac_h5_file *file) {
  enum { N = PSAC_N_TIMINGS, NAME_BYTES = 16 };
  char names[N][NAME_BYTES] = {{0}};
  for (int s = 0; s < N; s++) snprintf(names[s], NAME_BYTES, "%s", psac_timing_name(s));
  const int64_t mine = session->ranks->rank == 0 ? N : 0;
  const psac_field fields[] = {
      {"/timing/stage", PSAC_TEXT, 1, {N}, 0, mine, names, NAME_BYTES, NULL},
      {"/timing/mean_s", PSAC_F64, 1, {N}, 0, mine, timing->mean, 0, "s"},
      {"/timing/max_s", PSAC_F64, 1, {N}, 0, mine, timing->max, 0, "s"},
  };
  for (int f = 0; f < 3; f++) PSAC_TRY(psac_h5_write(file, &fields[f]));
  return PSAC_OK;
}

static psac_status write_all(const psac_session *session, psac_results *results, const psac_timing *timing,
                             psac_h5_file *file) {
  PSAC_TRY(write_attributes(session, file));
  PSAC_TRY(write_curve(session, &results->interval, "/training/interval", file));
  PSAC_TRY(write_curve(session, &results->epoch, "/training/epoch", file));
  if (session->test.n > 0) {
    PSAC_TRY(write_evaluation(session, &results->evaluation, file));
    PSAC_TRY(write_statistics(session, file));
  }
  PSAC_TRY(write_weights(session, file));
  PSAC_TRY(write_projection(session, file));
  PSAC_TRY(psac_recorder_write(&results->recorder, session->network, session->ranks, file));
  return write_timing(session, timing, file);
}

psac_status psac_run_file_write(const psac_session *session, psac_results *results, const psac_timing *timing) {
  const psac_access access = psac_session_access(session);
  psac_h5_file *file = NULL;
  PSAC_TRY(psac_session_check_owner(session));
  PSAC_TRY(psac_ranks_agree(session->ranks, psac_h5_create(&access, session->out, session->replace, &file)));
  psac_status status = write_all(session, results, timing, file);
  if (status != PSAC_OK) {
    psac_h5_abandon(&file);
    return status;
  }
  return psac_ranks_agree(session->ranks, psac_h5_commit(&file));
}

psac_status psac_run_file_read_config(const char *path, char **text) {
  psac_h5_file *file = NULL;
  PSAC_TRY(psac_h5_open(NULL, path, &file));
  const psac_status status = psac_h5_read_text(file, "/", "configuration", text);
  psac_h5_close(&file);
  return status;
}

static const char output_path[] = "/weights/middle_to_output", critic_path[] = "/weights/middle_to_critic";

static psac_status check_dims(psac_h5_file *file, const char *path, const char *name, int64_t n, int64_t width) {
  int64_t dims[2];
  PSAC_TRY(psac_h5_read_dims(file, path, 2, dims));
  if (dims[0] == n && dims[1] == width) return PSAC_OK;
  return psac_fail(PSAC_ERR_INPUT, "%s: %s is [%lld][%lld], but the network needs [%lld][%lld]", name, path,
                   (long long)dims[0], (long long)dims[1], (long long)n, (long long)width);
}

static psac_status check_weights(psac_h5_file *file, const char *name, const psac_config *config) {
  const int64_t n = config->middle_layer.num_neurons;
  PSAC_TRY(check_dims(file, output_path, name, n, config->output_layer.num_neurons));
  PSAC_TRY(check_dims(file, critic_path, name, n, config->actor_critic.num_critic_neurons));
  return psac_h5_check_members(file, "/weights", 2, "middle_to_output and middle_to_critic");
}

psac_status psac_run_file_check_weights(const char *path, const psac_config *config) {
  psac_h5_file *file = NULL;
  PSAC_TRY(psac_h5_open(NULL, path, &file));
  const psac_status status = check_weights(file, path, config);
  psac_h5_close(&file);
  return status;
}

// Reads rows [first, first + n) of this rank's weights. Collective, as all ranks read the file together; n may be 0.
static psac_status read_piece(psac_network *network, psac_h5_file *file, int64_t first, int64_t n, float *to_output,
                              float *to_critic) {
  const int64_t place = network->shard.first_gid + (n > 0 ? first : 0);
  PSAC_TRY(psac_h5_read_rows(file, output_path, PSAC_F32, place, n, to_output));
  PSAC_TRY(psac_h5_read_rows(file, critic_path, PSAC_F32, place, n, to_critic));
  return psac_network_set_weights(network, first, n, to_output, to_critic);
}

static psac_status read_weights(const psac_session *session, psac_h5_file *file, const char *name, float *to_output,
                                float *to_critic) {
  psac_network *network = session->network;
  PSAC_TRY(psac_ranks_agree(session->ranks, check_weights(file, name, &session->config)));
  for (int64_t first = 0; first < network->shard.n_padded; first += PSAC_PLAN_PIECE_ROWS) {
    const int64_t n = piece_of(network->shard.n_local, first);
    PSAC_TRY(psac_ranks_agree(session->ranks, read_piece(network, file, first, n, to_output, to_critic)));
  }
  return psac_ranks_agree(session->ranks, psac_network_rows_are_set(network));
}

psac_status psac_run_file_read_weights(const psac_session *session, const char *path) {
  const psac_access access = psac_session_access(session);
  const psac_network *network = session->network;
  const size_t rows = (size_t)piece_of(network->shard.n_local, 0);
  float *to_output = malloc(sizeof *to_output * rows * (size_t)network->readout.layer[0].n + 1);
  float *to_critic = malloc(sizeof *to_critic * rows * (size_t)network->readout.layer[1].n + 1);
  psac_h5_file *file = NULL;
  psac_status status =
      to_output && to_critic ? PSAC_OK : psac_fail(PSAC_ERR_MEMORY, "out of memory reading the weights");
  status = psac_ranks_agree(session->ranks, status);
  if (status == PSAC_OK) status = psac_ranks_agree(session->ranks, psac_h5_open(&access, path, &file));
  if (status == PSAC_OK) status = read_weights(session, file, path, to_output, to_critic);
  psac_h5_close(&file);
  free(to_output);
  free(to_critic);
  return status;
}

void psac_results_free(psac_results *results) {
  psac_curve_free(&results->interval);
  psac_curve_free(&results->epoch);
  psac_evaluation_free(&results->evaluation);
  psac_recorder_free(&results->recorder);
}
