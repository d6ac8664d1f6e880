// Evaluates the weights of an earlier run.
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "jobs/jobs.h"
#include "jobs/options.h"
#include "jobs/summary.h"
#include "src/run/run_file.h"

// The run's own configuration is the base; the options may change it.
static psac_status configure(psac_session *session, const psac_options *options, psac_ranks *ranks) {
  char *text = NULL;
  psac_status status = PSAC_OK;
  if (!options->weights)
    status = psac_fail(PSAC_ERR_INPUT, "evaluate needs --weights RUN.h5, the run file of a training");
  if (status == PSAC_OK && ranks->rank == 0) status = psac_h5_try(options->weights);
  if (status == PSAC_OK && ranks->rank == 0) status = psac_run_file_read_config(options->weights, &text);
  status = psac_ranks_agree(ranks, status);
  if (status == PSAC_OK) {
    const psac_config_layer layer = {.text = text, .origin = options->weights};
    status = psac_session_configure(session, &options->run, ranks, &layer);
  }
  if (status == PSAC_OK) {
    if (ranks->rank == 0) status = psac_run_file_check_weights(options->weights, &session->config);
    status = psac_ranks_agree(ranks, status);
  }
  free(text);
  return status;
}

static psac_status run(psac_session *session, const psac_options *options, psac_progress_kind kind,
                       psac_results *results) {
  PSAC_TRY(psac_session_read_digits(session, 0));
  PSAC_TRY(psac_session_claim(session, options->out));
  PSAC_TRY(psac_session_refuse_to_overwrite(session));
  PSAC_TRY(psac_session_build(session));
  PSAC_TRY(psac_run_file_read_weights(session, options->weights));
  psac_summary_start(session, kind);
  // not the recording file of a training run with the same output, whose final state may need it
  char spikes[PSAC_CHECKPOINT_PATH_BYTES];
  snprintf(spikes, sizeof spikes, "%s.spikes", session->out);
  PSAC_TRY(psac_recorder_open(&results->recorder, session->ranks, session->network, spikes, NULL));
  PSAC_TRY(psac_evaluation_run(session, kind, &results->recorder, &results->evaluation));
  return psac_summary_finish(session, results);
}

psac_status psac_job_evaluate(const psac_options *options, psac_ranks *ranks) {
  psac_session session = {0};
  psac_results results = {0};
  psac_progress_kind kind = PSAC_PROGRESS_NONE;
  psac_status status = psac_ranks_agree(ranks, psac_progress_choose(options->progress, ranks->rank, &kind));
  if (status == PSAC_OK) status = configure(&session, options, ranks);
  if (status == PSAC_OK) status = run(&session, options, kind, &results);
  if (results.recorder.file.is_open && ranks->rank == 0) unlink(results.recorder.file.path);
  psac_results_free(&results);
  psac_session_end(&session, status);
  return status;
}
