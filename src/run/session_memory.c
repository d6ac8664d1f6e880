// Whether the network fits: planned memory against free memory.
#include <math.h>
#include <stdio.h>

#include "base/host_memory.h"
#include "src/run/session.h"

// Bytes of host memory for each of the ranks that share it.
static double host_share(const psac_session *session, psac_host_memory *host) {
  *host = psac_host_memory_read("");
  return fmin(host->shared / session->ranks->node_size, host->own);
}

double psac_session_memory(const psac_session *session) {
  psac_host_memory host;
  if (!psac_backend_can(session->backend, PSAC_CAP_DEVICE)) return host_share(session, &host);
  return (double)session->device.memory_free / (session->devices_each ? 1 : session->ranks->node_size);
}

psac_config psac_session_counted(const psac_session *session) {
  psac_config config = session->config;
  if (session->test.n == 0) return config;  // not read yet
  config.training.max_images = session->train.n > 0 ? session->train.n : 1;
  config.evaluation.max_images = session->test.n;
  return config;
}

psac_plan psac_session_plan(const psac_session *session) {
  const psac_config counted = psac_session_counted(session), share = psac_plan_share(&counted, session->n_replicas);
  return psac_plan_make(&share, session->transport.n_ranks, psac_backend_can(session->backend, PSAC_CAP_DEVICE));
}

// "12000 neurons would fit", for bytes on every rank.
static void describe_fit(const psac_session *session, double bytes, char *text, size_t n_bytes) {
  const psac_config counted = psac_session_counted(session), share = psac_plan_share(&counted, session->n_replicas);
  const int64_t n =
      psac_plan_largest(&share, session->transport.n_ranks, psac_backend_can(session->backend, PSAC_CAP_DEVICE), bytes);
  snprintf(text, n_bytes, n > 0 ? "%lld neurons would fit" : "not even one neuron would fit", (long long)n);
}

// Bytes of digits that this rank already holds; the plan counts them, too.
static double digits_bytes(const psac_digits *digits) {
  return (double)digits->n * (digits->height * digits->width + 1.0);
}

static psac_status refuse(const psac_session *session, const psac_plan *plan, double needed, double available,
                          const char *limit) {
  const psac_ranks *ranks = session->ranks;
  const int on_device = psac_backend_can(session->backend, PSAC_CAP_DEVICE), n_ranks = session->transport.n_ranks;
  char fit[64];
  describe_fit(session, available, fit, sizeof fit);
  return psac_fail(PSAC_ERR_MEMORY,
                   "middle_layer.num_neurons = %lld on %d rank%s needs %.1f GB on each, but rank %d on %s has %.1f GB "
                   "free (%s); %s; or use more %s",
                   (long long)plan->sizes.n_neurons, n_ranks, n_ranks == 1 ? "" : "s", 1e-9 * needed, ranks->rank,
                   ranks->host, 1e-9 * available, limit, fit, on_device ? "GPUs" : "nodes");
}

psac_status psac_session_check_memory(const psac_session *session) {
  const int on_device = psac_backend_can(session->backend, PSAC_CAP_DEVICE);
  const psac_plan plan = psac_session_plan(session);
  const double needed = psac_plan_needed(&plan, on_device);
  psac_host_memory host;
  const double held = digits_bytes(&session->train) + digits_bytes(&session->test);
  const double host_free = host_share(session, &host) + held;
  const char *limit = host.own < host.shared / session->ranks->node_size ? "RLIMIT_AS, ulimit -v" : host.limited_by;
  if (!on_device) return needed <= host_free ? PSAC_OK : refuse(session, &plan, needed, host_free, limit);
  const double available = psac_session_memory(session);
  if (needed > available) return refuse(session, &plan, needed, available, session->device.name);
  if (plan.host_bytes <= host_free) return PSAC_OK;
  return psac_fail(PSAC_ERR_MEMORY, "a rank needs %.3f GB of the host, but rank %d on %s has %.3f GB free (%s)",
                   1e-9 * plan.host_bytes, session->ranks->rank, session->ranks->host, 1e-9 * host_free, limit);
}

psac_status psac_session_say_what_fits(psac_session *session, psac_status status) {
  char message[1024], fit[64];
  snprintf(message, sizeof message, "%s", psac_fail_message());
  psac_network_destroy(&session->network);
  PSAC_TRY(psac_ranks_agree(session->ranks, PSAC_OK));
  PSAC_TRY(
      psac_ranks_agree(session->ranks, session->backend->device->device_open(session->device_index, &session->device)));
  double missing = -psac_session_memory(session);
  PSAC_TRY(psac_ranks_max_f64(session->ranks, &missing, 1));
  describe_fit(session, -missing, fit, sizeof fit);
  return psac_fail(status, "%.800s; %.3f GB are free without this network: %s", message, 1e-9 * -missing, fit);
}

psac_status psac_session_peak(const psac_session *session, double *bytes) {
  *bytes = psac_host_peak() - session->start_bytes;
  return psac_ranks_max_f64(session->ranks, bytes, 1);
}
