#include "jobs/summary.h"

#include <stdio.h>

#include "base/log.h"

void psac_summary_start(const psac_session *session, psac_progress_kind kind) {
  if (kind == PSAC_PROGRESS_NONE) return;
  psac_session_announce(session);
  const psac_config *config = &session->config;
  char replicas[32] = "";
  if (session->n_replicas > 1) snprintf(replicas, sizeof replicas, " in %d replicas", session->n_replicas);
  psac_log("psac_dist: %lld middle neurons, model %s, %d rank%s%s, backend %s, transport %s, seed %lld",
           (long long)config->middle_layer.num_neurons,
           config->network.model == PSAC_MODEL_NOTEBOOK ? "notebook" : "psac", session->ranks->n_ranks,
           session->ranks->n_ranks == 1 ? "" : "s", replicas, session->backend->name, session->transport.name,
           (long long)config->simulation.seed);
}

static void print_confusion(const psac_evaluation *evaluation, int n_output) {
  printf("confusion (row: label, column: decision)\n      ");
  for (int o = 0; o < n_output; o++) printf("%6d", o);
  printf("   right\n");
  for (int d = 0; d < PSAC_N_LABELS; d++) {
    int64_t total = 0;
    printf("%6d", d);
    for (int o = 0; o < n_output; o++) {
      total += evaluation->confusion[d * n_output + o];
      printf("%6lld", (long long)evaluation->confusion[d * n_output + o]);
    }
    if (total > 0) printf("  %5.1f %%", 100.0 * (double)evaluation->confusion[d * n_output + d] / (double)total);
    printf("\n");
  }
}

static void print_timing(const psac_timing *timing) {
  printf("time by stage, mean and maximum over ranks\n");
  for (int s = 0; s < PSAC_N_TIMINGS; s++) {
    printf("  %-10s %9.2f s %9.2f s  %5.1f %%\n", psac_timing_name(s), timing->mean[s], timing->max[s],
           100.0 * timing->mean[s] / timing->total);
  }
  printf("  %-10s %9.2f s\n", "total", timing->total);
}

static void print_results(const psac_session *session, const psac_results *results, const psac_timing *timing,
                          double peak) {
  const psac_evaluation *evaluation = &results->evaluation;
  print_confusion(evaluation, session->network->readout.layer[0].n);
  print_timing(timing);
  if (results->epoch.n > 0) {
    printf("training accuracy by epoch:");
    for (int64_t e = 0; e < results->epoch.n; e++) printf(" %.2f %%", 100.0 * results->epoch.point[e].accuracy);
    printf("\n");
  }
  const psac_plan plan = psac_session_plan(session);
  const int on_device = psac_backend_can(session->backend, PSAC_CAP_DEVICE);
  printf("memory of a rank: %.1f MB at most, planned %.1f MB\n", 1e-6 * peak,
         1e-6 * (plan.host_bytes + (on_device ? 0.0 : plan.bytes)));
  printf("test accuracy: %.2f %% of %lld images\nrun file: %s\n", 100.0 * evaluation->accuracy,
         (long long)evaluation->n, session->out);
  fflush(stdout);
}

psac_status psac_summary_finish(psac_session *session, psac_results *results) {
  psac_timing timing;
  PSAC_TRY(psac_timing_collect(session, &timing));
  const double started = psac_clock_seconds();
  PSAC_TRY(psac_run_file_write(session, results, &timing));
  session->io_seconds += psac_clock_seconds() - started;
  PSAC_TRY(psac_timing_collect(session, &timing));  // now with the time to write the file
  double peak;
  PSAC_TRY(psac_session_peak(session, &peak));
  if (session->ranks->rank == 0) print_results(session, results, &timing, peak);
  return PSAC_OK;
}
