// Predicts memory and time of a job, on this machine or on any other.
#include "jobs/plan/plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "jobs/jobs.h"
#include "jobs/options.h"
#include "src/config/config_value.h"

enum { MOST_RANKS = 10000000 };

static psac_status read_rates(const char *text, psac_conditions *conditions) {
  const psac_key key = {.lowest = 0, .highest = 1e6};
  double *const rate[] = {&conditions->rate_exc, &conditions->rate_inh, &conditions->rate_output};
  char copy[128];
  if (strlen(text) >= sizeof copy) return psac_fail(PSAC_ERR_INPUT, "--rates %.40s is too long", text);
  strcpy(copy, text);
  char *next = copy;
  for (int k = 0; k < 3; k++) {
    char *end = next ? next + strcspn(next, ",") : NULL;
    const int more = end && *end == ',';
    if (end) *end = '\0';
    if (!next || more != (k < 2) || psac_value_read_real(&key, next, rate[k]) != PSAC_VALUE_FINE) {
      return psac_fail(PSAC_ERR_INPUT, "--rates %.40s has to be three rates from 0 to 1000000 Hz, as in 12.7,31.6,74",
                       text);
    }
    next = more ? end + 1 : NULL;
  }
  return PSAC_OK;
}

static psac_status read_transport(const char *name, const psac_hardware *hardware, psac_conditions *conditions) {
  conditions->through_mpi = strcmp(name, "mpi") == 0;
  if (conditions->through_mpi || strcmp(name, "auto") == 0) return PSAC_OK;
  if (strcmp(name, "nccl") != 0) {
    return psac_fail(PSAC_ERR_INPUT, "--transport %.40s cannot be planned; allowed: auto, mpi, nccl", name);
  }
  if (hardware->on_device) return PSAC_OK;
  return psac_fail(PSAC_ERR_INPUT, "--transport nccl connects GPUs, but %s has none", hardware->name);
}

// Whether the name of a device ("NVIDIA H200") contains that of a profile ("h200"); ignores case.
static int has_word(const char *text, const char *word) {
  for (; *text; text++) {
    if (strncasecmp(text, word, strlen(word)) == 0) return 1;
  }
  return 0;
}

// Describes this machine: its GPU, or else its cores, with the speed of the nearest profile and the memory that is free
// now.
static psac_status describe_here(const psac_session *session, psac_hardware *hardware) {
  static const char *const gpus[] = {"h200", "a100", "h100"};  // the last if no name matches
  const psac_backend *backend = psac_backends()[0], *gpu = psac_backends()[1];
  const char *reason, *profile = "cpu";
  psac_device device;
  if (gpu && gpu->device->device_count(&reason) > 0) backend = gpu;
  PSAC_TRY(backend->device->device_open(0, &device));
  for (int k = 0; backend == gpu && k < 3; k++) {
    profile = gpus[k];
    if (has_word(device.name, profile)) break;
  }
  PSAC_TRY(psac_hardware_find(profile, hardware));
  hardware->memory = (double)device.memory_free;
  if (hardware->on_device) {
    snprintf(hardware->name, sizeof hardware->name, "this machine (%.30s, as %s)", device.name, profile);
    return PSAC_OK;
  }
  const long n_cores = sysconf(_SC_NPROCESSORS_ONLN);
  hardware->node_memory = hardware->memory;
  hardware->ranks_per_node = (double)(n_cores > session->ranks->node_size ? n_cores : session->ranks->node_size);
  snprintf(hardware->name, sizeof hardware->name, "this machine (%ld core%s, %.3g GB)", n_cores,
           n_cores == 1 ? "" : "s", 1e-9 * (double)device.memory_total);
  return PSAC_OK;
}

static psac_status read_hardware(const psac_session *session, const psac_options *options, psac_hardware *hardware) {
  if (options->gpu && options->hardware) {
    return psac_fail(PSAC_ERR_INPUT, "--gpu and --hardware both name a hardware profile; give one of them");
  }
  if (!options->gpu && !options->hardware) return describe_here(session, hardware);
  PSAC_TRY(psac_hardware_find(options->hardware ? options->hardware : options->gpu, hardware));
  if (!options->gpu || hardware->on_device) return PSAC_OK;
  return psac_fail(PSAC_ERR_INPUT, "--gpu %.40s is no GPU; use --hardware", options->gpu);
}

static psac_status read_replicas(const char *text, psac_plan_request *request) {
  const int64_t batch = request->config.training.batch_size;
  request->n_replicas = 1;
  if (text) PSAC_TRY(psac_option_replicas(text, &request->n_replicas));
  if (request->n_replicas == 0) {
    request->n_replicas =
        psac_cost_best_replicas(&request->config, request->n_ranks, &request->hardware, &request->conditions);
  }
  if (request->n_ranks % request->n_replicas != 0 || request->n_replicas > batch) {
    return psac_fail(PSAC_ERR_INPUT,
                     "--replicas %s has to divide the %lld ranks and to be at most training.batch_size = %lld", text,
                     (long long)request->n_ranks, (long long)batch);
  }
  return psac_config_check(&request->config, (int)(request->n_ranks / request->n_replicas));
}

static psac_status read_request(const psac_session *session, const psac_options *options, psac_plan_request *request) {
  request->config = session->config;
  request->conditions = psac_conditions_default();
  request->n_ranks = session->ranks->n_ranks;
  PSAC_TRY(read_hardware(session, options, &request->hardware));
  if (options->n_ranks) PSAC_TRY(psac_option_whole("ranks", options->n_ranks, 1, MOST_RANKS, &request->n_ranks));
  if (options->rates) PSAC_TRY(read_rates(options->rates, &request->conditions));
  PSAC_TRY(read_transport(options->run.transport, &request->hardware, &request->conditions));
  return read_replicas(options->run.replicas, request);
}

static psac_status print(const psac_options *options, const psac_plan_request *request) {
  const char *format = options->format ? options->format : "text";
  const int csv = strcmp(format, "csv") == 0;
  if (!csv && strcmp(format, "text") != 0) {
    return psac_fail(PSAC_ERR_INPUT, "--format %.40s is unknown; allowed: text, csv", format);
  }
  psac_cost cost;
  psac_cost_estimate(&request->config, request->n_ranks, request->n_replicas, &request->hardware, &request->conditions,
                     &cost);
  if (csv) psac_plan_print_csv(request, &cost);
  else psac_plan_print_text(request, &cost, options->verbose != NULL);
  return PSAC_OK;
}

// --calibrate measures existing hardware; the other options describe a planned job.
static psac_status check_options(const psac_options *options) {
  const struct {
    const char *name, *value;
  } planned[] = {{"neurons", options->run.neurons},   {"ranks", options->n_ranks},
                 {"replicas", options->run.replicas}, {"gpu", options->gpu},
                 {"hardware", options->hardware},     {"rates", options->rates},
                 {"format", options->format},         {"verbose", options->verbose}};
  for (size_t k = 0; options->calibrate && k < sizeof planned / sizeof *planned; k++) {
    if (!planned[k].value) continue;
    return psac_fail(PSAC_ERR_INPUT, "--calibrate measures this machine; --%s does not go with it", planned[k].name);
  }
  if (options->calibrate || strcmp(options->run.backend, "auto") == 0) return PSAC_OK;
  return psac_fail(PSAC_ERR_INPUT,
                   "--backend chooses what --calibrate measures; a plan's hardware is named by --gpu or --hardware");
}

static psac_status run(psac_session *session, const psac_options *options) {
  psac_plan_request *request = calloc(1, sizeof *request);
  psac_status status = request ? check_options(options) : psac_fail(PSAC_ERR_MEMORY, "out of memory");
  if (status == PSAC_OK && !options->calibrate && session->ranks->rank == 0) {
    status = read_request(session, options, request);
    if (status == PSAC_OK) status = print(options, request);
  }
  status = psac_ranks_agree(session->ranks, status);
  if (status == PSAC_OK && options->calibrate) status = psac_calibrate(session, options->calibrate);
  free(request);
  return status;
}

psac_status psac_job_plan(const psac_options *options, psac_ranks *ranks) {
  psac_session session = {0};
  psac_status status = psac_session_configure(&session, &options->run, ranks, NULL);
  if (status == PSAC_OK) status = run(&session, options);
  psac_session_end(&session, status);
  return status;
}
