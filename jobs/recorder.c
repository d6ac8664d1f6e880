#include "recorder.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// n_vectors vectors of n_words words, `stride` words apart in the backend's memory.
static psac_status copy_vectors(const psac_network *network, const uint64_t *from, size_t n_words, size_t stride, size_t n_vectors,
                                uint64_t **to) {
  *to = malloc(sizeof **to * n_words * n_vectors + 1);
  if (!*to) return psac_fail(PSAC_ERR_MEMORY, "out of memory recording spikes; record fewer trials");
  for (size_t t = 0; t < n_vectors; t++) {
    PSAC_TRY(network->kernels->download(network->stream, *to + t * n_words, from + t * stride, sizeof **to * n_words));
  }
  return network->kernels->synchronize(network->stream);
}

psac_status psac_recorder_add(psac_recorder *recorder, const psac_recorded_trial *trial) {
  psac_recorded_trial *grown = realloc(recorder->trial, sizeof *grown * (size_t)(recorder->n + 1));
  if (!grown) return psac_fail(PSAC_ERR_MEMORY, "out of memory recording spikes; record fewer trials");
  recorder->trial = grown;
  grown[recorder->n++] = *trial;
  return PSAC_OK;
}

psac_status psac_recorder_keep(psac_recorder *recorder, const psac_view *view, int k) {
  const psac_network *network = view->network;
  const psac_shard *shard = &network->shard;
  const size_t n_steps = (size_t)shard->n_steps, side_by_side = (size_t)view->stride, b = (size_t)(view->offset + k);
  PSAC_TRY(psac_recorder_add(recorder, &(psac_recorded_trial){0}));
  psac_recorded_trial *kept = &recorder->trial[recorder->n - 1];
  const size_t words = (size_t)shard->n_words, retina_words = (size_t)shard->n_retina_words, n = (size_t)view->n;
  PSAC_TRY(copy_vectors(network, shard->spikes + b * words, words, side_by_side * words, n_steps, &kept->middle));
  if (network->transport.rank != 0) return PSAC_OK;
  PSAC_TRY(copy_vectors(network, shard->retina_spikes + b * n_steps * retina_words, retina_words, retina_words, n_steps,
                        &kept->retina));
  PSAC_TRY(copy_vectors(network, network->readout.spikes + k, 1, n, n_steps, &kept->output));
  return copy_vectors(network, network->readout.spikes + n_steps * n + (size_t)k, 1, n, n_steps, &kept->critic);
}

static psac_status move_bits(uint64_t **bits, size_t n, const psac_ranks *replicas, int from) {
  if (replicas->rank == 0) *bits = malloc(sizeof **bits * n + 1);
  if (replicas->rank == 0 && !*bits) return psac_fail(PSAC_ERR_MEMORY, "out of memory recording spikes; record fewer trials");
  return psac_ranks_move(replicas, from, *bits, sizeof **bits * n);
}

psac_status psac_recorded_trial_move(psac_recorded_trial *trial, const psac_network *network, int from) {
  const size_t n_steps = (size_t)network->shard.n_steps;
  const psac_ranks *replicas = network->replica_ranks;
  if (from == 0) return PSAC_OK;
  PSAC_TRY(move_bits(&trial->middle, n_steps * (size_t)network->shard.n_words, replicas, from));
  if (network->transport.rank == 0) {
    PSAC_TRY(move_bits(&trial->retina, n_steps * (size_t)network->shard.n_retina_words, replicas, from));
    PSAC_TRY(move_bits(&trial->output, n_steps, replicas, from));
    PSAC_TRY(move_bits(&trial->critic, n_steps, replicas, from));
  }
  if (replicas->rank > 0) psac_recorded_trial_free(trial);
  return PSAC_OK;
}

void psac_recorder_get_columns(const psac_recorder *recorder, const psac_shard *shard, int64_t first, int64_t n, uint8_t *rows) {
  for (int64_t c = first; c < first + n; c++) {
    for (int64_t k = 0; k < recorder->n; k++) {
      const uint64_t *words = recorder->trial[k].middle + c / 8;
      for (int t = 0; t < shard->n_steps; t++) *rows++ = (uint8_t)(words[(size_t)t * (size_t)shard->n_words] >> 8 * (c % 8));
    }
  }
}

psac_status psac_recorder_set_columns(psac_recorder *recorder, const psac_shard *shard, int64_t first, int64_t n, const uint8_t *rows) {
  const size_t n_words = (size_t)shard->n_steps * (size_t)shard->n_words;
  for (int64_t k = 0; k < recorder->n; k++) {
    psac_recorded_trial *trial = &recorder->trial[k];
    if (!trial->middle) trial->middle = calloc(n_words + 1, sizeof *trial->middle);
    if (!trial->middle) return psac_fail(PSAC_ERR_MEMORY, "out of memory for recorded spikes");
  }
  for (int64_t c = first; c < first + n; c++) {
    for (int64_t k = 0; k < recorder->n; k++) {
      uint64_t *words = recorder->trial[k].middle + c / 8;
      for (int t = 0; t < shard->n_steps; t++) words[(size_t)t * (size_t)shard->n_words] |= (uint64_t)*rows++ << 8 * (c % 8);
    }
  }
  return PSAC_OK;
}

typedef struct population {
  const char *name;
  size_t member;       // offset of the bits in psac_recorded_trial
  int64_t n_neurons;   // of this rank
  int64_t first_id;
  size_t n_words;
} population;

static const uint64_t *bits_of(const psac_recorded_trial *trial, size_t member) {
  const uint64_t *bits;
  memcpy(&bits, (const char *)trial + member, sizeof bits);
  return bits;
}

static int64_t count_spikes(const psac_recorder *recorder, const population *of, size_t n_steps) {
  int64_t n = 0;
  for (int64_t k = 0; k < recorder->n && of->n_neurons > 0; k++) {
    const uint64_t *bits = bits_of(&recorder->trial[k], of->member);
    for (size_t w = 0; bits && w < n_steps * of->n_words; w++) n += __builtin_popcountll(bits[w]);
  }
  return n;
}

// Spikes by neuron, then by time; trial k lies behind trial k - 1.
static void list_spikes(const psac_recorder *recorder, const population *of, size_t n_steps, double dt, double duration,
                        double *timestamp, uint64_t *node_id) {
  for (int64_t i = 0; i < of->n_neurons; i++) {
    for (int64_t k = 0; k < recorder->n; k++) {
      const uint64_t *bits = bits_of(&recorder->trial[k], of->member);
      for (size_t t = 0; bits && t < n_steps; t++) {
        if (!(bits[t * of->n_words + (size_t)i / 64] >> (i % 64) & 1)) continue;
        *timestamp++ = (double)k * duration + (double)t * dt;
        *node_id++ = (uint64_t)(of->first_id + i);
      }
    }
  }
}

static psac_status write_population(const psac_recorder *recorder, const psac_network *network, const psac_ranks *ranks,
                                    const population *of, psac_h5_file *file) {
  const size_t n_steps = (size_t)network->shard.n_steps;
  char path[2][64], group[32];
  snprintf(group, sizeof group, "/spikes/%s", of->name);
  snprintf(path[0], sizeof path[0], "%s/timestamps", group);
  snprintf(path[1], sizeof path[1], "%s/node_ids", group);
  psac_field field = {.path = path[0], .type = PSAC_F64, .n_dims = 1, .units = "ms"};
  field.n_rows = count_spikes(recorder, of, n_steps);
  PSAC_TRY(psac_ranks_offset(ranks, field.n_rows, &field.first_row, &field.dims[0]));
  double *timestamp = malloc(sizeof *timestamp * (size_t)field.n_rows + 1);
  uint64_t *node_id = malloc(sizeof *node_id * (size_t)field.n_rows + 1);
  psac_status status = timestamp && node_id ? PSAC_OK : psac_fail(PSAC_ERR_MEMORY, "out of memory writing recorded spikes");
  if (status == PSAC_OK) {
    list_spikes(recorder, of, n_steps, network->config.simulation.dt, network->config.simulation.t_total, timestamp, node_id);
    field.data = timestamp;
    status = psac_h5_write(file, &field);
  }
  if (status == PSAC_OK) {
    field = (psac_field){path[1], PSAC_U64, 1, {field.dims[0]}, field.first_row, field.n_rows, node_id, 0, NULL};
    status = psac_h5_write(file, &field);
  }
  if (status == PSAC_OK) status = psac_h5_write_sonata_sorting_by_id(file, group);
  free(timestamp);
  free(node_id);
  return status;
}

static psac_status write_trials(const psac_recorder *recorder, const psac_network *network, psac_h5_file *file) {
  static const struct {
    const char *path;
    size_t member;
  } column[] = {
      {"/recording/epoch", offsetof(psac_recorded_trial, epoch)},   {"/recording/trial", offsetof(psac_recorded_trial, trial)},
      {"/recording/image", offsetof(psac_recorded_trial, image)},   {"/recording/label", offsetof(psac_recorded_trial, label)},
      {"/recording/prediction", offsetof(psac_recorded_trial, prediction)},
  };
  const int64_t mine = psac_network_is_root(network) ? recorder->n : 0;
  int64_t *value = malloc(sizeof *value * (size_t)recorder->n + 1);
  double *start = malloc(sizeof *start * (size_t)recorder->n + 1);
  psac_status status = value && start ? PSAC_OK : psac_fail(PSAC_ERR_MEMORY, "out of memory writing recorded trials");
  for (size_t c = 0; status == PSAC_OK && c < sizeof column / sizeof *column; c++) {
    for (int64_t k = 0; k < recorder->n; k++) memcpy(&value[k], (char *)&recorder->trial[k] + column[c].member, sizeof *value);
    const psac_field field = {column[c].path, PSAC_I64, 1, {recorder->n}, 0, mine, value, 0, NULL};
    status = psac_h5_write(file, &field);
  }
  for (int64_t k = 0; status == PSAC_OK && k < recorder->n; k++) start[k] = (double)k * network->config.simulation.t_total;
  const psac_field field = {"/recording/start_time", PSAC_F64, 1, {recorder->n}, 0, mine, start, 0, "ms"};
  if (status == PSAC_OK) status = psac_h5_write(file, &field);
  if (status == PSAC_OK) status = psac_h5_write_f64(file, "/recording", "duration", network->config.simulation.t_total);
  free(value);
  free(start);
  return status;
}

psac_status psac_recorder_write(const psac_recorder *recorder, const psac_network *network, const psac_ranks *ranks,
                                psac_h5_file *file) {
  const psac_shard *shard = &network->shard;
  const int64_t root = psac_network_is_root(network);
  const population populations[PSAC_N_POPULATIONS] = {
      {"retina", offsetof(psac_recorded_trial, retina), root * shard->n_units, 0, (size_t)shard->n_retina_words},
      {"middle", offsetof(psac_recorded_trial, middle), psac_network_stored_rows(network), shard->first_gid, (size_t)shard->n_words},
      {"output", offsetof(psac_recorded_trial, output), root * network->readout.layer[0].n, 0, 1},
      {"critic", offsetof(psac_recorded_trial, critic), root * network->readout.layer[1].n, 0, 1},
  };
  for (int p = 0; p < PSAC_N_POPULATIONS; p++) {
    PSAC_TRY(write_population(recorder, network, ranks, &populations[p], file));
  }
  return write_trials(recorder, network, file);
}

void psac_recorder_forget_root(psac_recorder *recorder) {
  for (int64_t k = 0; k < recorder->n; k++) {
    psac_recorded_trial *trial = &recorder->trial[k];
    free(trial->retina);
    free(trial->output);
    free(trial->critic);
    trial->retina = trial->output = trial->critic = NULL;
  }
}

void psac_recorded_trial_free(psac_recorded_trial *trial) {
  free(trial->middle);
  free(trial->retina);
  free(trial->output);
  free(trial->critic);
  trial->middle = trial->retina = trial->output = trial->critic = NULL;
}

void psac_recorder_free(psac_recorder *recorder) {
  for (int64_t k = 0; k < recorder->n; k++) psac_recorded_trial_free(&recorder->trial[k]);
  free(recorder->trial);
  memset(recorder, 0, sizeof *recorder);
}
