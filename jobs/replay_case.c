#include "jobs/replay_case.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/version.h"
#include "src/model/retina.h"

static const char weights_path[] = "/weights_initial";

enum { PATH_BYTES = 128 };

static void group_path(char path[PATH_BYTES], int64_t k, const char *member) {
  snprintf(path, PATH_BYTES, "/presentation_%03lld%s", (long long)k, member);
}

static psac_status read_attributes(psac_h5_file *file, psac_replay_case *replay_case) {
  int64_t num_neurons;
  double t_total, t_skip, learning_rate, dt = 1.0;
  char text[512];
  PSAC_TRY(psac_h5_read_i64(file, "/", "num_neurons", &num_neurons));
  PSAC_TRY(psac_h5_read_f64(file, "/", "t_total", &t_total));
  PSAC_TRY(psac_h5_read_f64(file, "/", "t_skip", &t_skip));
  PSAC_TRY(psac_h5_read_f64(file, "/", "learning_rate", &learning_rate));
  if (psac_h5_has_attribute(file, "/", "dt")) PSAC_TRY(psac_h5_read_f64(file, "/", "dt", &dt));
  snprintf(text, sizeof text,
           "middle_layer: {num_neurons: %lld}\nsimulation: {t_total: %.17g, t_skip: %.17g, dt: %.17g}\n"
           "learning: {learning_rate: %.17g}\n",
           (long long)num_neurons, t_total, t_skip, dt, learning_rate);
  replay_case->attributes = strdup(text);
  return replay_case->attributes ? PSAC_OK : psac_fail(PSAC_ERR_MEMORY, "out of memory reading the case");
}

// A presentation may hold the members of a case and those that replay adds, as the output of a replay is also a case.
static psac_status check_presentation(psac_h5_file *file, int64_t k) {
  static const char *const known[] = {"/retina_spikes", "/image",  "/retina_rates",
                                      "/weights_after", "/pass_1", "/pass_2"};
  char path[PATH_BYTES];
  int64_t n = 0;
  for (size_t m = 0; m < sizeof known / sizeof *known; m++) {
    group_path(path, k, known[m]);
    n += psac_h5_has(file, path);
  }
  group_path(path, k, "");
  return psac_h5_check_members(
      file, path, n, "retina_spikes, and no others than image, retina_rates, weights_after, pass_1 and pass_2");
}

psac_status psac_replay_case_open(const char *path, psac_replay_case *replay_case) {
  psac_h5_file *file = NULL;
  PSAC_TRY(psac_h5_open(NULL, path, &file));
  psac_status status = read_attributes(file, replay_case);
  char group[PATH_BYTES], members[PATH_BYTES];
  for (group_path(group, 0, ""); psac_h5_has(file, group); group_path(group, replay_case->n, "")) replay_case->n++;
  if (status == PSAC_OK && replay_case->n == 0) {
    status = psac_fail(PSAC_ERR_INPUT, "%s: there is no group presentation_000; a case needs at least one presentation",
                       path);
  }
  snprintf(members, sizeof members, "weights_initial and presentation_000 to presentation_%03lld, none left out",
           (long long)replay_case->n - 1);
  if (status == PSAC_OK) status = psac_h5_check_members(file, "/", replay_case->n + 1, members);
  for (int64_t k = 0; status == PSAC_OK && k < replay_case->n; k++) status = check_presentation(file, k);
  psac_h5_close(&file);
  return status;
}

static psac_status check_size(psac_h5_file *file, const char *name, const char *path, int64_t n, int64_t width) {
  int64_t dims[2];
  PSAC_TRY(psac_h5_read_dims(file, path, 2, dims));
  if (dims[0] == n && dims[1] == width) return PSAC_OK;
  return psac_fail(PSAC_ERR_INPUT, "%s: %s is [%lld][%lld]; this case needs [%lld][%lld]", name, path,
                   (long long)dims[0], (long long)dims[1], (long long)n, (long long)width);
}

static psac_status check_sizes(psac_h5_file *file, const char *name, const psac_config *config, int64_t n) {
  int height, width;
  char path[PATH_BYTES];
  psac_retina_size(config, &height, &width);
  // the sum of all weights is an int64 in units of 2^-30, and the spikes of a time step are stored as int32
  if ((double)config->middle_layer.num_neurons * (double)config->output_layer.num_neurons > 0x1p31) {
    return psac_fail(PSAC_ERR_INPUT, "%s: a case with %lld weights is too large; allowed: 2^31", name,
                     (long long)(config->middle_layer.num_neurons * config->output_layer.num_neurons));
  }
  PSAC_TRY(check_size(file, name, weights_path, config->middle_layer.num_neurons, config->output_layer.num_neurons));
  for (int64_t k = 0; k < n; k++) {
    group_path(path, k, "/retina_spikes");
    PSAC_TRY(check_size(file, name, path, (int64_t)height * width, psac_config_n_steps(config)));
    group_path(path, k, "/image");
    if (psac_h5_has(file, path))
      PSAC_TRY(check_size(file, name, path, config->retina.input_size[0], config->retina.input_size[1]));
  }
  return PSAC_OK;
}

psac_status psac_replay_case_check(const char *path, const psac_config *config, const psac_replay_case *replay_case) {
  psac_h5_file *file = NULL;
  PSAC_TRY(psac_h5_open(NULL, path, &file));
  const psac_status status = check_sizes(file, path, config, replay_case->n);
  psac_h5_close(&file);
  return status;
}

// Allocates and reads rows of a two-dimensional dataset whose size must be [n][width].
static psac_status read_matrix(psac_h5_file *file, const char *name, const char *path, psac_type type,
                               size_t element_bytes, int64_t n, int64_t width, int64_t first, int64_t rows,
                               void *result) {
  PSAC_TRY(check_size(file, name, path, n, width));
  void *data = malloc(element_bytes * (size_t)(rows * width) + 1);
  if (!data) return psac_fail(PSAC_ERR_MEMORY, "out of memory reading %s", name);
  memcpy(result, &data, sizeof data);
  return psac_h5_read_rows(file, path, type, first, rows, data);
}

// Spikes may be stored as any numeric type; each must be 0 or 1.
static psac_status read_spikes(psac_h5_file *file, const char *name, const char *path, int64_t n_units, int64_t n_steps,
                               uint8_t **spikes) {
  const size_t n = (size_t)n_units * (size_t)n_steps;
  double *stored = NULL;
  psac_status status = read_matrix(file, name, path, PSAC_F64, sizeof *stored, n_units, n_steps, 0, n_units, &stored);
  *spikes = malloc(n + 1);
  if (status == PSAC_OK && !*spikes) status = psac_fail(PSAC_ERR_MEMORY, "out of memory reading %s", name);
  for (size_t i = 0; status == PSAC_OK && i < n; i++) {
    (*spikes)[i] = stored[i] == 1.0;
    if (stored[i] == 0.0 || stored[i] == 1.0) continue;
    status = psac_fail(PSAC_ERR_INPUT, "%s: %s holds %g at [%zu][%zu]; allowed: 0 (no spike) and 1 (spike)", name, path,
                       stored[i], i / (size_t)n_steps, i % (size_t)n_steps);
  }
  free(stored);
  return status;
}

static psac_status read_presentation(psac_h5_file *file, const char *name, const psac_network *network, int64_t k,
                                     psac_presentation *presentation) {
  const psac_shard *shard = &network->shard;
  const psac_config *config = &network->config;
  char path[PATH_BYTES];
  group_path(path, k, "");
  PSAC_TRY(psac_h5_read_i64(file, path, "label", &presentation->label));
  if (presentation->label < 0 || presentation->label >= PSAC_N_LABELS) {
    return psac_fail(PSAC_ERR_INPUT, "%s: %s has label %lld; allowed: 0 to 9", name, path,
                     (long long)presentation->label);
  }
  group_path(path, k, "/image");
  presentation->has_image = psac_h5_has(file, path);
  if (presentation->has_image) {
    const int64_t height = config->retina.input_size[0], width = config->retina.input_size[1];
    PSAC_TRY(read_matrix(file, name, path, PSAC_U8, 1, height, width, 0, height, &presentation->image));
  }
  group_path(path, k, "/retina_spikes");
  return read_spikes(file, name, path, shard->n_units, shard->n_steps, &presentation->retina_spikes);
}

static psac_status alloc_results(const psac_network *network, psac_presentation *presentation) {
  const size_t n_steps = (size_t)network->shard.n_steps, n_output = (size_t)network->shard.columns.n_output;
  presentation->weights_after = calloc((size_t)network->shard.n_local * n_output + 1, sizeof(float));
  int complete = presentation->weights_after != NULL;
  for (int p = 0; p < 2; p++) {
    psac_replay_case_pass *pass = &presentation->pass[p];
    pass->middle_spikes = calloc(n_steps, sizeof(int32_t));
    pass->output_spikes = calloc(n_steps, sizeof(int32_t));
    pass->output_counts = calloc(n_output, sizeof(float));
    complete = complete && pass->middle_spikes && pass->output_spikes && pass->output_counts;
  }
  return complete ? PSAC_OK : psac_fail(PSAC_ERR_MEMORY, "out of memory for a presentation");
}

static psac_status read_rest(psac_h5_file *file, const char *path, const psac_network *network,
                             psac_replay_case *replay_case) {
  PSAC_TRY(read_matrix(file, path, weights_path, PSAC_F32, sizeof(float), network->config.middle_layer.num_neurons,
                       network->shard.columns.n_output, network->shard.first_gid, network->shard.n_local,
                       &replay_case->weights_initial));
  for (int64_t k = 0; k < replay_case->n; k++) {
    PSAC_TRY(read_presentation(file, path, network, k, &replay_case->presentation[k]));
    PSAC_TRY(alloc_results(network, &replay_case->presentation[k]));
  }
  return PSAC_OK;
}

psac_status psac_replay_case_read(const char *path, const psac_network *network, psac_replay_case *replay_case) {
  replay_case->presentation = calloc((size_t)replay_case->n, sizeof *replay_case->presentation);
  if (!replay_case->presentation)
    return psac_fail(PSAC_ERR_MEMORY, "out of memory for %lld presentations", (long long)replay_case->n);
  psac_h5_file *file = NULL;
  PSAC_TRY(psac_h5_open(NULL, path, &file));
  const psac_status status = read_rest(file, path, network, replay_case);
  psac_h5_close(&file);
  return status;
}

// Writes a dataset that only rank 0 holds.
static psac_status write_mine(psac_h5_file *file, const psac_network *network, const char *path, psac_type type,
                              int n_dims, int64_t d0, int64_t d1, const void *data) {
  const int64_t mine = network->transport.rank == 0 ? d0 : 0;
  return psac_h5_write(file, &(psac_field){path, type, n_dims, {d0, d1}, 0, mine, data, 0, NULL});
}

static psac_status write_pass(psac_h5_file *file, const psac_network *network, int64_t k, int p,
                              const psac_replay_case_pass *pass) {
  const int64_t n_steps = network->shard.n_steps, n_output = network->shard.columns.n_output;
  const struct {
    const char *member;
    psac_type type;
    int64_t n;
    const void *data;
  } set[] = {
      {"middle_spikes_per_step", PSAC_I32, n_steps, pass->middle_spikes},
      {"output_spikes_per_step", PSAC_I32, n_steps, pass->output_spikes},
      {"output_counts", PSAC_F32, n_output, pass->output_counts},
  };
  char path[PATH_BYTES], member[48];
  for (size_t s = 0; s < sizeof set / sizeof *set; s++) {
    snprintf(member, sizeof member, "/pass_%d/%s", p + 1, set[s].member);
    group_path(path, k, member);
    PSAC_TRY(write_mine(file, network, path, set[s].type, 1, set[s].n, 0, set[s].data));
  }
  snprintf(member, sizeof member, "/pass_%d/weights_after_sum", p + 1);
  group_path(path, k, member);
  PSAC_TRY(write_mine(file, network, path, PSAC_F64, 0, 1, 0, &pass->weights_sum));
  snprintf(member, sizeof member, "/pass_%d", p + 1);
  group_path(path, k, member);
  PSAC_TRY(psac_h5_write_f64(file, path, "reward", pass->reward));
  return psac_h5_write_i64(file, path, "prediction", pass->prediction);
}

static psac_status write_presentation(psac_h5_file *file, const psac_network *network, int64_t k,
                                      const psac_presentation *presentation) {
  const psac_shard *shard = &network->shard;
  const psac_config *config = &network->config;
  const int64_t n_output = shard->columns.n_output;
  char path[PATH_BYTES];
  group_path(path, k, "/retina_spikes");
  PSAC_TRY(write_mine(file, network, path, PSAC_U8, 2, shard->n_units, shard->n_steps, presentation->retina_spikes));
  if (presentation->has_image) {
    float *pooled = malloc(sizeof *pooled * (size_t)shard->n_units);
    if (!pooled) return psac_fail(PSAC_ERR_MEMORY, "out of memory writing the case");
    psac_retina_pool(config, presentation->image, pooled);
    group_path(path, k, "/retina_rates");
    psac_status status =
        write_mine(file, network, path, PSAC_F32, 2, shard->retina_height, shard->retina_width, pooled);
    free(pooled);
    group_path(path, k, "/image");
    if (status == PSAC_OK) {
      status = write_mine(file, network, path, PSAC_U8, 2, config->retina.input_size[0], config->retina.input_size[1],
                          presentation->image);
    }
    PSAC_TRY(status);
  }
  group_path(path, k, "/weights_after");
  PSAC_TRY(psac_h5_write(file, &(psac_field){path,
                                             PSAC_F32,
                                             2,
                                             {config->middle_layer.num_neurons, n_output},
                                             shard->first_gid,
                                             shard->n_local,
                                             presentation->weights_after,
                                             0,
                                             NULL}));
  for (int p = 0; p < 2; p++) PSAC_TRY(write_pass(file, network, k, p, &presentation->pass[p]));
  group_path(path, k, "");
  return psac_h5_write_i64(file, path, "label", presentation->label);
}

// Writes a whole number as an integer, as the notebook's files have it.
static psac_status write_duration(psac_h5_file *file, const char *name, double ms) {
  if (ms == (double)(int64_t)ms) return psac_h5_write_i64(file, "/", name, (int64_t)ms);
  return psac_h5_write_f64(file, "/", name, ms);
}

static psac_status write_case(psac_h5_file *file, const psac_network *network, const psac_replay_case *replay_case) {
  const psac_config *config = &network->config;
  PSAC_TRY(psac_h5_write_text(file, "/", "source", "psac_dist " PSAC_VERSION " (" PSAC_GIT_REVISION ")"));
  PSAC_TRY(psac_h5_write_i64(file, "/", "num_neurons", config->middle_layer.num_neurons));
  PSAC_TRY(psac_h5_write_f64(file, "/", "dt", config->simulation.dt));
  PSAC_TRY(write_duration(file, "t_total", config->simulation.t_total));
  PSAC_TRY(write_duration(file, "t_skip", config->simulation.t_skip));
  PSAC_TRY(psac_h5_write_f64(file, "/", "learning_rate", config->learning.learning_rate));
  PSAC_TRY(psac_h5_write(file, &(psac_field){weights_path,
                                             PSAC_F32,
                                             2,
                                             {config->middle_layer.num_neurons, network->shard.columns.n_output},
                                             network->shard.first_gid,
                                             network->shard.n_local,
                                             replay_case->weights_initial,
                                             0,
                                             NULL}));
  for (int64_t k = 0; k < replay_case->n; k++)
    PSAC_TRY(write_presentation(file, network, k, &replay_case->presentation[k]));
  return PSAC_OK;
}

psac_status psac_replay_case_write(const psac_access *access, const char *path, int replace,
                                   const psac_network *network, const psac_replay_case *replay_case) {
  psac_h5_file *file = NULL;
  PSAC_TRY(psac_h5_create(access, path, replace, &file));
  const psac_status status = write_case(file, network, replay_case);
  if (status == PSAC_OK) return psac_h5_commit(&file);
  psac_h5_abandon(&file);
  return status;
}

void psac_replay_case_free(psac_replay_case *replay_case) {
  for (int64_t k = 0; replay_case->presentation && k < replay_case->n; k++) {
    psac_presentation *presentation = &replay_case->presentation[k];
    free(presentation->image);
    free(presentation->retina_spikes);
    free(presentation->weights_after);
    for (int p = 0; p < 2; p++) {
      free(presentation->pass[p].middle_spikes);
      free(presentation->pass[p].output_spikes);
      free(presentation->pass[p].output_counts);
    }
  }
  free(replay_case->presentation);
  free(replay_case->weights_initial);
  free(replay_case->attributes);
  memset(replay_case, 0, sizeof *replay_case);
}
