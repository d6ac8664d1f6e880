// Measures a machine with the real code, and finds the figures with which the cost model reproduces it.
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "plan.h"

// Two sizes: one whose arrays stay in the cache, one whose do not.
enum { WARM_UP = 1, BATCHES = 3, SMALL_CPU = 1000, LARGE_CPU = 30000, SMALL_DEVICE = 20000, LARGE_DEVICE = 1000000 };

typedef struct measurement {
  psac_config config;
  psac_conditions conditions;        // the rates that were seen
  double stage[PSAC_N_STAGES];       // seconds of a batch, the least of BATCHES
} measurement;

// A digit-like image: a ring, as bright as the mean digit after gain control.
static void draw_ring(const psac_config *config, int number, uint8_t *image) {
  const int height = (int)config->retina.input_size[0], width = (int)config->retina.input_size[1];
  const double outer = 0.2 * height + 0.4 * (number % 10), x0 = 0.5 * (width - 1), y0 = 0.5 * (height - 1);
  for (int y = 0; y < height; y++) {
    for (int x = 0; x < width; x++) {
      const double distance = hypot(y - y0, x - x0);
      image[y * width + x] = distance <= outer && distance >= outer - 3.0 ? 255 : 0;
    }
  }
}

static psac_status present(psac_session *session, psac_network *network, psac_trial *trials, int n, measurement *seen) {
  psac_outcome *outcomes = calloc((size_t)n, sizeof *outcomes);
  psac_status status = psac_ranks_agree(session->ranks, outcomes ? PSAC_OK : psac_fail(PSAC_ERR_MEMORY, "out of memory"));
  int64_t output_spikes = 0, spikes[2] = {0, 0};
  for (int k = 0; k < PSAC_N_STAGES; k++) seen->stage[k] = HUGE_VAL;
  for (int batch = 0; status == PSAC_OK && batch < WARM_UP + BATCHES; batch++) {
    psac_stages before = network->stages;
    status = psac_network_present(network, trials, n, 1, NULL, outcomes);
    if (batch < WARM_UP) continue;
    for (int k = 0; k < PSAC_N_STAGES; k++) {
      seen->stage[k] = fmin(seen->stage[k], network->stages.seconds[k] - before.seconds[k]);
    }
  }
  if (status == PSAC_OK) status = psac_network_take_spikes(network, session->ranks, spikes);
  for (int b = 0; status == PSAC_OK && b < n; b++) {
    for (int o = 0; o < network->readout.layer[0].n; o++) output_spikes += outcomes[b].output_counts[o];
  }
  free(outcomes);
  const psac_config *config = &session->config;
  const double seconds = 1e-3 * config->simulation.t_total * n, n_exc = (double)psac_config_n_exc(config);
  const double n_inh = (double)config->middle_layer.num_neurons - n_exc;
  const double counted = 1e-3 * (config->simulation.t_total - config->simulation.t_skip) * n;
  seen->conditions.rate_exc = (double)spikes[0] / (seconds * (WARM_UP + BATCHES) * fmax(n_exc, 1.0));
  seen->conditions.rate_inh = (double)spikes[1] / (seconds * (WARM_UP + BATCHES) * fmax(n_inh, 1.0));
  seen->conditions.rate_output = (double)output_spikes / (counted * network->readout.layer[0].n);
  return status;
}

static psac_status measure(psac_session *session, int64_t n_neurons, measurement *seen) {
  session->config.middle_layer.num_neurons = n_neurons;
  seen->config = session->config;
  seen->conditions = psac_conditions_default();
  seen->conditions.through_mpi = session->kernels->staging() && strcmp(session->transport.name, "nccl") != 0;
  const int n = (int)session->config.training.batch_size;
  const size_t image_bytes = (size_t)session->config.retina.input_size[0] * (size_t)session->config.retina.input_size[1];
  uint8_t *images = malloc(image_bytes * (size_t)n);
  psac_trial *trials = calloc((size_t)n, sizeof *trials);
  psac_network *network = NULL;
  psac_status status =
      psac_ranks_agree(session->ranks, images && trials ? PSAC_OK : psac_fail(PSAC_ERR_MEMORY, "out of memory for %d images", n));
  for (int b = 0; status == PSAC_OK && b < n; b++) {
    uint8_t *image = images + (size_t)b * image_bytes;
    draw_ring(&session->config, b, image);
    trials[b] = (psac_trial){.number = (uint64_t)b, .stream = PSAC_STREAM_RETINA_TRAIN, .image = image, .label = (uint8_t)(b % 10)};
  }
  if (status == PSAC_OK) {
    status = psac_ranks_agree(session->ranks, psac_network_create(&session->config, session->kernels, &session->transport, &network));
  }
  if (status == PSAC_OK) status = present(session, network, trials, n, seen);
  psac_network_destroy(&network);
  free(images);
  free(trials);
  return status;
}

// Factors w, m with  seconds = fixed + w * work + m * memory  for both sizes; where they cannot be told apart, one for both.
static void fit_stage(const psac_cost counted[2], const measurement seen[2], psac_stage stage, double *work, double *memory) {
  double w[2] = {0.0, 0.0}, m[2] = {0.0, 0.0}, t[2];
  for (int k = 0; k < 2; k++) {
    t[k] = seen[k].stage[stage];
    for (int i = 0; i < counted[k].n_items; i++) {
      const psac_cost_item *item = &counted[k].item[i];
      if (item->stage != stage) continue;
      const double part = item->part[PSAC_PART_OPERATIONS] + item->part[PSAC_PART_CACHE] + item->part[PSAC_PART_ATOMICS];
      w[k] += part;
      m[k] += item->part[PSAC_PART_MEMORY];
      t[k] -= item->seconds - part - item->part[PSAC_PART_MEMORY];
    }
  }
  const double determinant = w[0] * m[1] - w[1] * m[0];
  *work = (t[0] * m[1] - t[1] * m[0]) / determinant;
  *memory = (w[0] * t[1] - w[1] * t[0]) / determinant;
  if (isfinite(*work) && isfinite(*memory) && *work >= 0.0 && *memory >= 0.0) return;
  const double one = fmax(0.0, (t[0] + t[1]) / fmax(w[0] + w[1] + m[0] + m[1], 1e-300));
  *work = *memory = one;
}

// Latency and bandwidth of messages from the exchange at two sizes.
static void fit_exchange(const psac_cost counted[2], const measurement seen[2], int n_ranks, psac_hardware *hardware) {
  double calls[2] = {0.0, 0.0}, bytes[2] = {0.0, 0.0};
  for (int k = 0; k < 2; k++) {
    for (int i = 0; i < counted[k].n_items; i++) {
      if (!counted[k].item[i].is_message) continue;
      calls[k] += counted[k].item[i].calls;
      bytes[k] += counted[k].item[i].bytes;
    }
  }
  const double t[2] = {seen[0].stage[PSAC_STAGE_EXCHANGE], seen[1].stage[PSAC_STAGE_EXCHANGE]};
  const double determinant = calls[0] * bytes[1] - calls[1] * bytes[0];
  double latency = (t[0] * bytes[1] - t[1] * bytes[0]) / determinant, per_byte = (calls[0] * t[1] - calls[1] * t[0]) / determinant;
  if (!(latency >= 0.0 && per_byte > 0.0)) {
    latency = t[0] / calls[0];
    per_byte = 1e-18;
  }
  hardware->mpi_base = 0.0;
  hardware->mpi_per_rank = latency / n_ranks;
  hardware->mpi_bandwidth = fmin(1.0 / per_byte, 1e18);
}

static void fit(psac_session *session, const measurement seen[2], psac_hardware *hardware) {
  const int n_ranks = session->ranks->n_ranks;
  psac_cost counted[2];
  hardware->retina_work = hardware->middle_work = hardware->readout_work = hardware->learning_work = 1.0;
  hardware->retina_memory = hardware->middle_memory = hardware->readout_memory = hardware->learning_memory = 1.0;
  for (int k = 0; k < 2; k++) psac_cost_estimate(&seen[k].config, n_ranks, 1, hardware, &seen[k].conditions, &counted[k]);
  fit_stage(counted, seen, PSAC_STAGE_RETINA, &hardware->retina_work, &hardware->retina_memory);
  fit_stage(counted, seen, PSAC_STAGE_MIDDLE, &hardware->middle_work, &hardware->middle_memory);
  fit_stage(counted, seen, PSAC_STAGE_READOUT, &hardware->readout_work, &hardware->readout_memory);
  fit_stage(counted, seen, PSAC_STAGE_LEARNING, &hardware->learning_work, &hardware->learning_memory);
  // A device's exchange hides in its middle stage; where ranks are one, there is none.
  if (n_ranks > 1 && !hardware->on_device) fit_exchange(counted, seen, n_ranks, hardware);
}

static psac_status write_text(const char *path, const char *text) {
  char beside[4096];
  if (snprintf(beside, sizeof beside, "%s.part", path) >= (int)sizeof beside) return psac_fail(PSAC_ERR_INPUT, "--calibrate: the name is too long");
  FILE *file = fopen(beside, "w");
  if (!file) return psac_fail(PSAC_ERR_INPUT, "--calibrate %s: cannot write: %s", path, strerror(errno));
  const int written = fputs(text, file) >= 0 && fflush(file) == 0 && fsync(fileno(file)) == 0;
  if (fclose(file) == 0 && written && rename(beside, path) == 0) return PSAC_OK;
  const int reason = errno;
  remove(beside);
  return psac_fail(PSAC_ERR_IO, "%s: cannot write: %s", path, strerror(reason));
}

// Refuses a place that cannot be written before anything is measured.
static psac_status check_writable(const char *path) {
  char beside[4096];
  snprintf(beside, sizeof beside, "%s.part", path);
  FILE *file = fopen(beside, "a");
  if (!file) return psac_fail(PSAC_ERR_INPUT, "--calibrate %s: cannot write: %s", path, strerror(errno));
  fclose(file);
  remove(beside);
  return PSAC_OK;
}

static psac_status report(psac_session *session, const measurement seen[2], psac_hardware *hardware, const char *path) {
  const int n_ranks = session->ranks->n_ranks;
  char comment[256], when[21];
  fit(session, seen, hardware);
  psac_clock_utc(when);
  snprintf(comment, sizeof comment, "Measured by psac_dist plan --calibrate on %.60s, %.60s, %d rank%s, %s", session->ranks->host,
           session->device.name, n_ranks, n_ranks == 1 ? "" : "s", when);
  char *text = psac_hardware_print(hardware, comment);
  if (!text) return psac_fail(PSAC_ERR_MEMORY, "out of memory");
  const psac_status status = write_text(path, text);
  free(text);
  PSAC_TRY(status);
  printf("%s\n\nms per trial     measured              model, with the figures in %s\n", comment, path);
  for (int k = 0; k < 2; k++) {
    psac_cost cost;
    psac_cost_estimate(&seen[k].config, n_ranks, 1, hardware, &seen[k].conditions, &cost);
    printf("%lld neurons, %.1f / %.1f Hz\n", (long long)seen[k].config.middle_layer.num_neurons, seen[k].conditions.rate_exc,
           seen[k].conditions.rate_inh);
    for (int s = 0; s < PSAC_STAGE_STATISTICS; s++) {
      printf("  %-10s %12.4g  %12.4g\n", psac_stage_name((psac_stage)s), 1e3 * seen[k].stage[s] / (double)cost.batch,
             1e3 * cost.stage[s] / (double)cost.batch);
    }
  }
  return PSAC_OK;
}

psac_status psac_calibrate(psac_session *session, const char *path) {
  measurement *seen = calloc(2, sizeof *seen);
  psac_hardware hardware = {0};
  psac_status status = seen ? PSAC_OK : psac_fail(PSAC_ERR_MEMORY, "out of memory");
  if (status == PSAC_OK && session->config.network.model != PSAC_MODEL_PSAC) {
    status = psac_fail(PSAC_ERR_INPUT, "--calibrate measures network.model = psac only");
  }
  if (status == PSAC_OK && session->ranks->rank == 0) status = check_writable(path);
  status = psac_ranks_agree(session->ranks, status);
  if (status == PSAC_OK) status = psac_session_choose(session);
  const int on_device = status == PSAC_OK && session->kernels->staging() != NULL;
  if (status == PSAC_OK) status = psac_ranks_agree(session->ranks, psac_hardware_find(on_device ? "h100" : "cpu", &hardware));
  const int64_t ranks = session->ranks->n_ranks, sizes[2] = {on_device ? SMALL_DEVICE : SMALL_CPU, on_device ? LARGE_DEVICE : LARGE_CPU};
  for (int k = 0; status == PSAC_OK && k < 2; k++) status = measure(session, sizes[k] * ranks, &seen[k]);
  if (status == PSAC_OK) {
    psac_session_announce(session);
    snprintf(hardware.name, sizeof hardware.name, "here");
    hardware.memory = (double)session->device.memory_free / (session->devices_each ? 1 : session->ranks->node_size);
    hardware.ranks_per_node = session->ranks->node_size;
    status = psac_ranks_agree(session->ranks, session->ranks->rank == 0 ? report(session, seen, &hardware, path) : PSAC_OK);
  }
  free(seen);
  return status;
}
