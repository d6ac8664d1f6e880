#include "src/run/checkpoint/checkpoint.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "src/run/signals.h"

void psac_checkpointer_start(psac_checkpointer *checkpointer, psac_session *session, const psac_results *results,
                             const psac_position *position, const char *path) {
  char own[PSAC_CHECKPOINT_PATH_BYTES];
  psac_checkpoint_name(session->out, position->trials, own);
  *checkpointer = (psac_checkpointer){session,          results,
                                      position,         psac_clock_seconds(),
                                      position->trials, strcmp(own, path) == 0 ? position->trials : -1};
  if (session->ranks->rank == 0) psac_checkpoint_remove_partial(session->out);
  psac_signals_catch();
}

// Rank 0: a checkpoint is due by the time since the last one or by the trials since the last poll.
static int is_due(const psac_checkpointer *checkpointer) {
  const psac_config *config = &checkpointer->session->config;
  const double minutes = config->checkpoint.minutes;
  const int64_t each = config->checkpoint.every * config->training.batch_size;
  if (minutes > 0.0 && psac_clock_seconds() - checkpointer->last_seconds >= 60.0 * minutes) return 1;
  return each > 0 && checkpointer->position->trials / each > checkpointer->seen_trials / each;
}

// Writes a checkpoint. The run continues with a warning if every rank knows that it cannot be written (PSAC_ERR_IO,
// PSAC_ERR_MEMORY); other failures are returned. Collective.
static psac_status save(psac_checkpointer *checkpointer, int *is_saved) {
  psac_session *session = checkpointer->session;
  const psac_results *results = checkpointer->results;
  const double started = psac_clock_seconds();
  char path[PSAC_CHECKPOINT_PATH_BYTES];
  psac_checkpoint_name(session->out, checkpointer->position->trials, path);
  PSAC_TRY(psac_session_check_owner(session));
  psac_status status = psac_checkpoint_write(session, &results->interval, &results->epoch, &results->recorder,
                                             checkpointer->position, path);
  session->io_seconds += psac_clock_seconds() - started;
  checkpointer->last_seconds = psac_clock_seconds();
  *is_saved = status == PSAC_OK;
  if (status == PSAC_OK) {
    checkpointer->last_trials = checkpointer->position->trials;
    if (session->ranks->rank == 0)
      psac_checkpoint_prune(session->out, checkpointer->last_trials, session->config.checkpoint.keep);
  } else if (session->ranks->agreed_to_fail && (status == PSAC_ERR_IO || status == PSAC_ERR_MEMORY)) {
    session->ranks->agreed_to_fail = 0;
    psac_warn("no checkpoint after %lld trials: %s", (long long)checkpointer->position->trials, psac_fail_message());
    status = PSAC_OK;
  }
  return status;
}

static psac_status stop(const psac_checkpointer *checkpointer, int is_saved) {
  char path[PSAC_CHECKPOINT_PATH_BYTES];
  const long long trials = checkpointer->position->trials;
  psac_checkpoint_name(checkpointer->session->out, checkpointer->position->trials, path);
  return psac_ranks_agree(
      checkpointer->session->ranks,
      is_saved ? psac_fail(PSAC_STOPPED,
                           "stopped on request after %lld trials; go on with --resume %s, or with --resume auto and "
                           "the same --out",
                           trials, path)
               : psac_fail(PSAC_ERR_IO, "stopped on request after %lld trials, without a checkpoint of them", trials));
}

psac_status psac_checkpointer_poll(psac_checkpointer *checkpointer, int due) {
  const psac_ranks *ranks = checkpointer->session->ranks;
  const psac_wish asked = psac_signals_take();
  const int now = due || (ranks->rank == 0 && is_due(checkpointer));
  double wish = asked > PSAC_WISH_CHECKPOINT || !now ? asked : PSAC_WISH_CHECKPOINT;
  checkpointer->seen_trials = checkpointer->position->trials;
  PSAC_TRY(psac_ranks_max_f64(ranks, &wish, 1));
  if (wish < PSAC_WISH_CHECKPOINT) return PSAC_OK;
  int is_saved = checkpointer->last_trials == checkpointer->position->trials;
  if (!is_saved) PSAC_TRY(save(checkpointer, &is_saved));
  return wish < PSAC_WISH_STOP ? PSAC_OK : stop(checkpointer, is_saved);
}

psac_status psac_checkpointer_explain(const psac_checkpointer *checkpointer, psac_status status) {
  if (status == PSAC_OK || status == PSAC_STOPPED || checkpointer->last_trials < 0) return status;
  char path[PSAC_CHECKPOINT_PATH_BYTES];
  psac_checkpoint_name(checkpointer->session->out, checkpointer->last_trials, path);
  return psac_fail(status, "%s; nothing before it is lost: --resume %s", psac_fail_message(), path);
}

void psac_checkpointer_clear(const psac_checkpointer *checkpointer) {
  const char *out = checkpointer->session->out;
  char last[PSAC_CHECKPOINT_PATH_BYTES], final[PSAC_CHECKPOINT_PATH_BYTES];
  psac_checkpoint_name(out, checkpointer->last_trials, last);
  psac_checkpoint_final_name(out, final);
  // without a final state of this run, that of an earlier run of the same name must go, too
  if (checkpointer->last_trials != checkpointer->position->trials || rename(last, final) != 0) unlink(final);
  psac_checkpoint_prune(out, INT64_MAX, 0);
  const psac_recorder *recorder = &checkpointer->results->recorder;
  const int64_t n_trained = psac_recorder_n_trained(recorder);
  psac_recording_cut(&recorder->file, n_trained);  // the final state needs the spikes of training, not of the test
  if (n_trained == 0 && recorder->file.path[0]) unlink(recorder->file.path);
  else psac_recording_remove(out);
}
