#include "src/run/checkpoint/checkpoint.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "src/run/signals.h"

void psac_keeper_start(psac_keeper *keeper, psac_session *session, const psac_results *results,
                       const psac_position *position, const char *path) {
  char own[PSAC_CHECKPOINT_PATH_BYTES];
  psac_checkpoint_name(session->out, position->trials, own);
  *keeper = (psac_keeper){session,          results,
                          position,         psac_clock_seconds(),
                          position->trials, strcmp(own, path) == 0 ? position->trials : -1};
  if (session->ranks->rank == 0) psac_checkpoint_remove_partial(session->out);
  psac_signals_catch();
}

// Rank 0: the time since the last checkpoint, or the trials since the last visit, demand one.
static int is_due(const psac_keeper *keeper) {
  const psac_config *config = &keeper->session->config;
  const double minutes = config->checkpoint.minutes;
  const int64_t each = config->checkpoint.every * config->training.batch_size;
  if (minutes > 0.0 && psac_clock_seconds() - keeper->last_seconds >= 60.0 * minutes) return 1;
  return each > 0 && keeper->position->trials / each > keeper->seen_trials / each;
}

// Collective. The run goes on without a checkpoint that cannot be written; what every rank could not agree on is passed
// up.
static psac_status save(psac_keeper *keeper, int *is_saved) {
  psac_session *session = keeper->session;
  const psac_results *results = keeper->results;
  const double started = psac_clock_seconds();
  char path[PSAC_CHECKPOINT_PATH_BYTES];
  psac_checkpoint_name(session->out, keeper->position->trials, path);
  PSAC_TRY(psac_session_check_owner(session));
  psac_status status =
      psac_checkpoint_write(session, &results->interval, &results->epoch, &results->recorder, keeper->position, path);
  session->io_seconds += psac_clock_seconds() - started;
  keeper->last_seconds = psac_clock_seconds();
  *is_saved = status == PSAC_OK;
  if (status == PSAC_OK) {
    keeper->last_trials = keeper->position->trials;
    if (session->ranks->rank == 0)
      psac_checkpoint_prune(session->out, keeper->last_trials, session->config.checkpoint.keep);
  } else if (session->ranks->agreed_to_fail && (status == PSAC_ERR_IO || status == PSAC_ERR_MEMORY)) {
    session->ranks->agreed_to_fail = 0;
    psac_warn("no checkpoint after %lld trials: %s", (long long)keeper->position->trials, psac_fail_message());
    status = PSAC_OK;
  }
  return status;
}

static psac_status stop(const psac_keeper *keeper, int is_saved) {
  char path[PSAC_CHECKPOINT_PATH_BYTES];
  const long long trials = keeper->position->trials;
  psac_checkpoint_name(keeper->session->out, keeper->position->trials, path);
  return psac_ranks_agree(
      keeper->session->ranks,
      is_saved ? psac_fail(PSAC_STOPPED,
                           "stopped on request after %lld trials; go on with --resume %s, or with --resume auto and "
                           "the same --out",
                           trials, path)
               : psac_fail(PSAC_ERR_IO, "stopped on request after %lld trials, without a checkpoint of them", trials));
}

psac_status psac_keeper_visit(psac_keeper *keeper, int due) {
  const psac_ranks *ranks = keeper->session->ranks;
  const psac_wish asked = psac_signals_take();
  const int now = due || (ranks->rank == 0 && is_due(keeper));
  double wish = asked > PSAC_WISH_CHECKPOINT || !now ? asked : PSAC_WISH_CHECKPOINT;
  keeper->seen_trials = keeper->position->trials;
  PSAC_TRY(psac_ranks_max_f64(ranks, &wish, 1));
  if (wish < PSAC_WISH_CHECKPOINT) return PSAC_OK;
  int is_saved = keeper->last_trials == keeper->position->trials;
  if (!is_saved) PSAC_TRY(save(keeper, &is_saved));
  return wish < PSAC_WISH_STOP ? PSAC_OK : stop(keeper, is_saved);
}

psac_status psac_keeper_explain(const psac_keeper *keeper, psac_status status) {
  if (status == PSAC_OK || status == PSAC_STOPPED || keeper->last_trials < 0) return status;
  char path[PSAC_CHECKPOINT_PATH_BYTES];
  psac_checkpoint_name(keeper->session->out, keeper->last_trials, path);
  return psac_fail(status, "%s; nothing before it is lost: --resume %s", psac_fail_message(), path);
}

void psac_keeper_clear(const psac_keeper *keeper) {
  const char *out = keeper->session->out;
  char last[PSAC_CHECKPOINT_PATH_BYTES], final[PSAC_CHECKPOINT_PATH_BYTES];
  psac_checkpoint_name(out, keeper->last_trials, last);
  psac_checkpoint_final_name(out, final);
  // without a state of this run, that of an earlier run of the same name must not stay either
  if (keeper->last_trials != keeper->position->trials || rename(last, final) != 0) unlink(final);
  psac_checkpoint_prune(out, INT64_MAX, 0);
  const psac_recorder *recorder = &keeper->results->recorder;
  const int64_t n_trained = psac_recorder_n_trained(recorder);
  psac_recording_cut(&recorder->file, n_trained);  // the final state needs the spikes of training, not of the test
  if (n_trained == 0 && recorder->file.path[0]) unlink(recorder->file.path);
  else psac_recording_remove(out);
}
