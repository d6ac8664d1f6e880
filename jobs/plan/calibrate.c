// Measures this machine with the real code: one factor for each stage, latency and bandwidth of messages.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "jobs/plan/plan.h"
#include "jobs/wrapped.h"

enum {
  TRIALS = 16,  // per batch
  BATCHES_MIN = 4,
  BATCHES_MAX = 64,
  NEURONS_IN_ALL = 100000,  // neurons x batches of a measurement
  N_SIZES = 4,
  GATHERS = 100,
  GATHERS_IN_A_ROW = 10,
  SHORT_MESSAGE = 64,  // bytes per rank
  LONG_MESSAGE = 1 << 17,
};

// Neurons of the measured networks. The factors are fitted to two of them, each on one rank: one whose arrays fit into
// the cache and one whose arrays do not. Then all are measured on all ranks and compared with the prediction.
static const int64_t sizes_cpu[N_SIZES] = {1000, 5000, 20000, 50000},
                     sizes_device[N_SIZES] = {20000, 100000, 1000000, 4000000};
enum { FIT_SMALL = 0, FIT_LARGE = 2 };

typedef struct measurement {
  psac_config config;
  psac_conditions conditions;  // with the measured rates
  int n_ranks;
  double stage[PSAC_N_STAGES];  // seconds of a batch
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

// CPU time of this process, s; less than wall time on a busy machine.
static double processor_seconds(void) { return (double)clock() / CLOCKS_PER_SEC; }

// Presents batches after a warm-up and records the mean seconds of a batch. On a CPU that does not wait for other
// ranks, the time that other programs take is subtracted.
static psac_status time_batches(const psac_session *session, psac_network *network, psac_trial *trials,
                                psac_outcome *outcomes, int n_batches, measurement *seen) {
  psac_stages before = {0};
  double computed = 0.0, passed = 0.0;
  for (int batch = -1; batch < n_batches; batch++) {
    if (batch == 0) {
      before = network->stages;
      computed = processor_seconds();
      passed = psac_clock_seconds();
    }
    PSAC_TRY(psac_network_present(network, trials, TRIALS, 1, NULL, outcomes));
  }
  const double share = (processor_seconds() - computed) / (psac_clock_seconds() - passed);
  const double own = psac_backend_can(session->backend, PSAC_CAP_DEVICE) || seen->n_ranks > 1 ? 1.0 : fmin(1.0, share);
  for (int k = 0; k < PSAC_N_STAGES; k++)
    seen->stage[k] = own * (network->stages.seconds[k] - before.seconds[k]) / n_batches;
  return PSAC_OK;
}

// Spike rates, Hz: of the middle layer over all batches, of the outputs over the last batch.
static psac_status find_rates(const psac_session *session, psac_network *network, const psac_outcome *outcomes,
                              int n_batches, psac_conditions *rates, int n_ranks) {
  const psac_config *config = &session->config;
  int64_t spikes[2], output_spikes = 0;
  PSAC_TRY(psac_network_take_spikes(network, session->ranks, spikes));
  for (int b = 0; b < TRIALS; b++) {
    for (int o = 0; o < network->readout.layer[0].n; o++) output_spikes += outcomes[b].output_counts[o];
  }
  const double networks = (double)session->ranks->n_ranks / n_ranks;  // concurrent, and equal
  const double seconds = 1e-3 * config->simulation.t_total * TRIALS * (n_batches + 1) * networks;
  const double n_exc = (double)psac_config_n_exc(config), n_inh = (double)config->middle_layer.num_neurons - n_exc;
  const double counted = 1e-3 * (config->simulation.t_total - config->simulation.t_skip) * TRIALS;
  rates->rate_exc = (double)spikes[0] / (seconds * fmax(n_exc, 1.0));
  rates->rate_inh = (double)spikes[1] / (seconds * fmax(n_inh, 1.0));
  rates->rate_output = (double)output_spikes / (counted * network->readout.layer[0].n);
  return PSAC_OK;
}

static psac_status present(const psac_session *session, psac_network *network, psac_trial *trials, measurement *seen) {
  const int64_t wanted = NEURONS_IN_ALL / session->config.middle_layer.num_neurons;
  const int n_batches = (int)(wanted < BATCHES_MIN ? BATCHES_MIN : wanted > BATCHES_MAX ? BATCHES_MAX : wanted);
  psac_outcome *outcomes = calloc(TRIALS, sizeof *outcomes);
  psac_status status =
      psac_ranks_agree(session->ranks, outcomes ? PSAC_OK : psac_fail(PSAC_ERR_MEMORY, "out of memory"));
  if (status == PSAC_OK) status = time_batches(session, network, trials, outcomes, n_batches, seen);
  if (status == PSAC_OK) status = find_rates(session, network, outcomes, n_batches, &seen->conditions, seen->n_ranks);
  free(outcomes);
  return status;
}

// Measures a network of n_neurons neurons: on all ranks of `transport`, or on each rank alone if that has only one.
static psac_status measure(psac_session *session, const psac_transport *transport, int64_t n_neurons,
                           measurement *seen) {
  session->config.middle_layer.num_neurons = n_neurons;
  session->config.training.batch_size = TRIALS;
  seen->config = session->config;
  seen->n_ranks = transport->n_ranks;
  seen->conditions = psac_conditions_default();
  seen->conditions.through_mpi =
      psac_backend_can(session->backend, PSAC_CAP_DEVICE) && strcmp(session->transport.name, "nccl") != 0;
  const int n = TRIALS;
  const size_t image_bytes =
      (size_t)session->config.retina.input_size[0] * (size_t)session->config.retina.input_size[1];
  uint8_t *images = malloc(image_bytes * (size_t)n);
  psac_trial *trials = calloc((size_t)n, sizeof *trials);
  psac_network *network = NULL;
  psac_status status = psac_ranks_agree(
      session->ranks, images && trials ? PSAC_OK : psac_fail(PSAC_ERR_MEMORY, "out of memory for %d images", n));
  for (int b = 0; status == PSAC_OK && b < n; b++) {
    uint8_t *image = images + (size_t)b * image_bytes;
    draw_ring(&session->config, b, image);
    trials[b] = (psac_trial){
        .number = (uint64_t)b, .stream = PSAC_STREAM_RETINA_TRAIN, .image = image, .label = (uint8_t)(b % 10)};
  }
  if (status == PSAC_OK) {
    status =
        psac_ranks_agree(session->ranks, psac_network_create(&session->config, session->backend, transport, &network));
  }
  if (status == PSAC_OK) status = present(session, network, trials, seen);
  psac_network_destroy(&network);
  free(images);
  free(trials);
  return status;
}

// The a >= 0 of  t = a x  with the least squared relative error in two equations.
static double fit_one(const double x[2], const double t[2]) {
  const double ratio[2] = {x[0] / t[0], x[1] / t[1]};
  return (ratio[0] + ratio[1]) / fmax(ratio[0] * ratio[0] + ratio[1] * ratio[1], 1e-300);
}

// A stage's factor: measured time less launches, sequential steps and host time, divided by the counted time.
static double fit_stage(const psac_cost counted[2], const measurement seen[2], psac_stage stage) {
  double x[2] = {0.0, 0.0}, t[2];
  for (int k = 0; k < 2; k++) {
    t[k] = seen[k].stage[stage];
    for (int i = 0; i < counted[k].n_items; i++) {
      const psac_cost_item *item = &counted[k].item[i];
      if (item->stage != stage) continue;
      const double scaled = item->part[PSAC_PART_MEMORY] + item->part[PSAC_PART_SPIKES];
      x[k] += scaled;
      t[k] -= item->seconds - scaled;
    }
    t[k] = fmax(t[k], 0.01 * seen[k].stage[stage]);
  }
  return fit_one(x, t);
}

static void fit(const measurement seen[2], psac_hardware *hardware) {
  psac_cost counted[2];
  hardware->retina_factor = hardware->middle_factor = hardware->readout_factor = hardware->learning_factor = 1.0;
  for (int k = 0; k < 2; k++) psac_cost_estimate(&seen[k].config, 1, 1, hardware, &seen[k].conditions, &counted[k]);
  hardware->retina_factor = fit_stage(counted, seen, PSAC_STAGE_RETINA);
  hardware->middle_factor = fit_stage(counted, seen, PSAC_STAGE_MIDDLE);
  hardware->readout_factor = fit_stage(counted, seen, PSAC_STAGE_READOUT);
  hardware->learning_factor = fit_stage(counted, seen, PSAC_STAGE_LEARNING);
}

// Minimum seconds of an all-gather of n_bytes per rank, averaged over several in a row, as the first may include
// waiting. In a run, waiting for slower ranks adds to this.
static psac_status time_gather(const psac_session *session, psac_stream *stream, void *buffer, size_t n_bytes,
                               double *seconds) {
  const psac_transport *transport = &session->transport;
  void *native_stream = session->backend->device->native_stream(stream);
  *seconds = HUGE_VAL;
  const char *own = (const char *)buffer + (size_t)transport->rank * n_bytes;
  for (int k = 0; k < GATHERS; k++) {
    const double started = psac_clock_seconds();
    for (int i = 0; i < GATHERS_IN_A_ROW; i++) {
      PSAC_TRY(transport->all_gather(transport, native_stream, own, buffer, n_bytes));
      PSAC_TRY(transport->all_gather_wait(transport, native_stream));
    }
    if (native_stream) PSAC_TRY(transport->settle(transport, native_stream));
    *seconds = fmin(*seconds, (psac_clock_seconds() - started) / GATHERS_IN_A_ROW);
  }
  return PSAC_OK;
}

// Latency and bandwidth of messages between the ranks of this run, from gathers of two sizes.
static psac_status measure_exchange(psac_session *session, psac_hardware *hardware) {
  const psac_backend *backend = session->backend;
  const int n_ranks = session->ranks->n_ranks;
  if (n_ranks == 1) return PSAC_OK;
  psac_stream *stream = NULL;
  void *buffer = NULL;
  double brief = 0.0, lengthy = 0.0;
  psac_status status = backend->device->stream_create(&stream);
  if (status == PSAC_OK) status = backend->device->alloc(&buffer, (size_t)n_ranks * LONG_MESSAGE, "gathered spikes");
  status = psac_ranks_agree(session->ranks, status);
  if (status == PSAC_OK) status = time_gather(session, stream, buffer, SHORT_MESSAGE, &brief);
  if (status == PSAC_OK) status = time_gather(session, stream, buffer, LONG_MESSAGE, &lengthy);
  backend->device->release(buffer);
  backend->device->stream_destroy(stream);
  PSAC_TRY(status);
  const double bytes = (double)(n_ranks - 1) * (LONG_MESSAGE - SHORT_MESSAGE);
  const double bandwidth = fmin(1e18, bytes / fmax(lengthy - brief, 1e-12));
  if (strcmp(session->transport.name, "nccl") == 0) {
    hardware->nccl_base = 0.0;
    hardware->nccl_per_rank = brief / n_ranks;
    hardware->nccl_bandwidth = bandwidth;
  } else if (!hardware->on_device) {  // staged through the host it is mostly waiting, which has separate figures
    hardware->mpi_base = 0.0;
    hardware->mpi_per_rank = brief / n_ranks;
    hardware->mpi_bandwidth = bandwidth;
  }
  return PSAC_OK;
}

static psac_status write_text(const char *path, const char *text) {
  char partial[PSAC_DISK_NAME_BYTES];
  int fd;
  PSAC_TRY(psac_disk_create(path, partial, &fd));
  const psac_status written = psac_disk_write(fd, partial, text, strlen(text), 0);
  const psac_status status = psac_disk_close(fd, partial);
  if (written == PSAC_OK && status == PSAC_OK) return psac_disk_publish(partial, path, 1);
  psac_disk_discard(partial);
  return written == PSAC_OK ? status : written;
}

// Measured / predicted, stage by stage.
static void print_comparison(const measurement seen[N_SIZES], const psac_hardware *hardware) {
  double cell[PSAC_STAGE_STATISTICS + 1][N_SIZES][2] = {{{0}}};  // the last row: all stages
  printf("ms per trial: measured / predicted\n\n%-10s", "neurons");
  for (int k = 0; k < N_SIZES; k++) {
    psac_cost cost;
    psac_cost_estimate(&seen[k].config, seen[k].n_ranks, 1, hardware, &seen[k].conditions, &cost);
    printf("%17lld", (long long)seen[k].config.middle_layer.num_neurons);
    for (int s = 0; s < PSAC_STAGE_STATISTICS; s++) {
      cell[s][k][0] = 1e3 * seen[k].stage[s] / TRIALS;
      cell[s][k][1] = 1e3 * cost.stage[s] / TRIALS;
      cell[PSAC_STAGE_STATISTICS][k][0] += cell[s][k][0];
    }
    cell[PSAC_STAGE_STATISTICS][k][1] = 1e3 * cost.seconds / TRIALS;
  }
  printf("\n");
  for (int s = 0; s <= PSAC_STAGE_STATISTICS; s++) {
    printf("%-10s", s < PSAC_STAGE_STATISTICS ? psac_stage_name((psac_stage)s) : "all");
    for (int k = 0; k < N_SIZES; k++) printf(" %7.3g / %-6.3g", cell[s][k][0], cell[s][k][1]);
    printf("\n");
  }
}

static psac_status report(psac_session *session, const measurement seen[N_SIZES], const psac_hardware *hardware,
                          const char *path) {
  const int n_ranks = session->ranks->n_ranks;
  char comment[256], when[21];
  psac_clock_utc(when);
  snprintf(comment, sizeof comment, "Measured by psac_dist plan --calibrate on %.60s, %.60s, %d rank%s, %s",
           session->ranks->host, session->device.name, n_ranks, n_ranks == 1 ? "" : "s", when);
  char *text = psac_hardware_print(hardware, comment);
  if (!text) return psac_fail(PSAC_ERR_MEMORY, "out of memory");
  const psac_status status = write_text(path, text);
  free(text);
  PSAC_TRY(status);
  psac_print_wrapped(0, "%s", comment);
  printf("File: %s\n\n", path);
  print_comparison(seen, hardware);
  return PSAC_OK;
}

// Measures two networks, fits the factors, then measures all sizes for the comparison.
static psac_status measure_all(psac_session *session, psac_hardware *hardware, measurement seen[N_SIZES]) {
  const int64_t *sizes = hardware->on_device ? sizes_device : sizes_cpu;
  psac_transport alone = psac_transport_self;
  alone.n_ranks = 1;
  PSAC_TRY(measure(session, &alone, sizes[FIT_SMALL], &seen[0]));
  PSAC_TRY(measure(session, &alone, sizes[FIT_LARGE], &seen[1]));
  fit(seen, hardware);
  PSAC_TRY(measure_exchange(session, hardware));
  for (int k = 0; k < N_SIZES; k++) PSAC_TRY(measure(session, &session->transport, sizes[k], &seen[k]));
  return PSAC_OK;
}

psac_status psac_calibrate(psac_session *session, const char *path) {
  measurement *seen = calloc(N_SIZES, sizeof *seen);
  psac_hardware hardware = {0};
  psac_status status = seen ? PSAC_OK : psac_fail(PSAC_ERR_MEMORY, "out of memory");
  if (status == PSAC_OK && session->config.network.model != PSAC_MODEL_PSAC) {
    status = psac_fail(PSAC_ERR_INPUT, "--calibrate measures network.model = psac only");
  }
  int exists;
  if (status == PSAC_OK && session->ranks->rank == 0) status = psac_disk_check(path, &exists);
  status = psac_ranks_agree(session->ranks, status);
  if (status == PSAC_OK) status = psac_session_choose(session);
  const int on_device = status == PSAC_OK && psac_backend_can(session->backend, PSAC_CAP_DEVICE);
  if (status == PSAC_OK)
    status = psac_ranks_agree(session->ranks, psac_hardware_find(on_device ? "h100" : "cpu", &hardware));
  session->config.simulation.launch_per = PSAC_LAUNCH_PER_STEP;  // the factors are for these kernels
  if (status == PSAC_OK) status = measure_all(session, &hardware, seen);
  if (status == PSAC_OK) {
    psac_session_announce(session);
    snprintf(hardware.name, sizeof hardware.name, "here");
    hardware.memory = (double)session->device.memory_free / (session->devices_each ? 1 : session->ranks->node_size);
    hardware.ranks_per_node = session->ranks->node_size;
    status =
        psac_ranks_agree(session->ranks, session->ranks->rank == 0 ? report(session, seen, &hardware, path) : PSAC_OK);
  }
  free(seen);
  return status;
}
