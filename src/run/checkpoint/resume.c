// --resume: what a run resumes from, and whether it may.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/version.h"
#include "src/run/checkpoint/checkpoint.h"

static int has_no_trials(const psac_config *config) {
  return config->record.trials.n + config->record.test_trials.n == 0;
}

// Whether the options turn recording off. Then spikes recorded by earlier runs may be missing.
static int records_nothing(const psac_run_options *options) {
  psac_config config;
  if (psac_config_defaults(&config) != PSAC_OK) return 0;
  for (int k = 0; k < options->n_sets; k++) {
    if (strncmp(options->set[k], "record.", 7) == 0 && psac_config_set(&config, options->set[k]) != PSAC_OK) return 0;
  }
  return has_no_trials(&config);
}

// Reads the checkpoint that found->path names on rank 0. Collective.
static psac_status read_named(const psac_session *session, psac_resumption *found) {
  psac_ranks *ranks = session->ranks;
  PSAC_TRY(psac_ranks_broadcast(ranks, found->path, PSAC_CHECKPOINT_PATH_BYTES));
  PSAC_TRY(psac_ranks_agree(ranks, ranks->rank == 0 ? psac_h5_try(found->path) : PSAC_OK));
  return psac_checkpoint_read(ranks, found->path, !records_nothing(session->options), &found->checkpoint);
}

// Reads the newest intact one of n checkpoints and warns of each one that it skips. Collective.
static psac_status read_newest(const psac_session *session, const int64_t *trials, int64_t n, psac_resumption *found) {
  psac_ranks *ranks = session->ranks;
  const char *out = session->out;
  for (int64_t k = 0; k < n; k++) {
    if (ranks->rank == 0) psac_checkpoint_name(out, trials[k], found->path);
    const psac_status status = read_named(session, found);
    if (status == PSAC_OK || !ranks->agreed_to_fail || status != PSAC_ERR_INPUT) return status;
    ranks->agreed_to_fail = 0;
    psac_warn("skipping a checkpoint: %s", psac_fail_message());
  }
  found->path[0] = '\0';
  if (n == 0) return PSAC_OK;
  return psac_ranks_agree(
      ranks, psac_fail(PSAC_ERR_INPUT,
                       "none of the checkpoints beside %s is intact (%lld); remove them to start afresh, or "
                       "use another --out",
                       out, (long long)n));
}

static psac_status find_newest(const psac_session *session, psac_resumption *found) {
  psac_ranks *ranks = session->ranks;
  int64_t *trials = NULL, n = 0;
  psac_status status = PSAC_OK;
  if (!session->out[0])
    status = psac_fail(PSAC_ERR_INPUT, "--resume auto needs --out, beside which the checkpoints lie");
  if (status == PSAC_OK && ranks->rank == 0) status = psac_checkpoint_list(session->out, &trials, &n);
  status = psac_ranks_agree(ranks, status);
  if (status == PSAC_OK) status = psac_ranks_broadcast(ranks, &n, sizeof n);
  if (status == PSAC_OK) status = read_newest(session, trials, n, found);
  free(trials);
  return status;
}

static psac_status read_epochs(const char *path, const char *text, int64_t *n_epochs) {
  psac_config config;
  PSAC_TRY(psac_config_defaults(&config));
  PSAC_TRY(psac_config_overlay(&config, text, strlen(text), path));
  *n_epochs = config.training.num_epochs;
  return PSAC_OK;
}

// Reads the number of epochs and the configuration text of the existing run file. Rank 0.
static psac_status look_at_run_file(const char *path, int64_t *n_epochs, char **text) {
  PSAC_TRY(psac_h5_try(path));
  PSAC_TRY(psac_run_file_read_config(path, text));
  return read_epochs(path, *text, n_epochs);
}

static psac_status find(const psac_session *session, psac_resumption *found, char **text) {
  const psac_run_options *options = session->options;
  psac_ranks *ranks = session->ranks;
  if (strcmp(options->resume, "auto") != 0) {
    snprintf(found->path, sizeof found->path, "%s", options->resume);
    PSAC_TRY(read_named(session, found));
  } else {
    PSAC_TRY(find_newest(session, found));
  }
  if (!session->out_exists || options->overwrite) return PSAC_OK;
  PSAC_TRY(psac_ranks_agree(
      ranks, ranks->rank == 0 ? look_at_run_file(session->out, &found->finished_epochs, text) : PSAC_OK));
  return psac_ranks_broadcast(ranks, &found->finished_epochs, sizeof found->finished_epochs);
}

psac_status psac_resume_find(const psac_session *session, psac_resumption *found) {
  *found = (psac_resumption){.finished_epochs = -1};
  if (!session->options->resume) return PSAC_OK;
  if (strlen(session->options->resume) >= PSAC_CHECKPOINT_PATH_BYTES) {
    return psac_ranks_agree(session->ranks, psac_fail(PSAC_ERR_INPUT, "the name after --resume is too long"));
  }
  char *text = NULL;
  const psac_status status = find(session, found, &text);
  if (status == PSAC_OK && !found->checkpoint.config_text) found->checkpoint.config_text = text;
  else free(text);
  return status;
}

// Refuses differences except in keys that may change. Under a linear schedule all learning so far depends on the number
// of epochs, which may change only if the run had ended: then a new segment of the schedule begins, with the given
// rate.
static psac_status compare_configurations(const psac_config *now, const psac_config *before, const char *path,
                                          int is_extended) {
  const char *free_to_change[16] = {"training.log_interval",
                                    "simulation.trials_together",
                                    "simulation.steps_per_reduce",
                                    "simulation.cuda_graph",
                                    "simulation.launch_per",
                                    "checkpoint.",
                                    "watchdog."};
  int n = 7;
  if (has_no_trials(now)) free_to_change[n++] = "record.";  // recorded spikes may be dropped
  const int linear =
      now->learning.rate_schedule == PSAC_SCHEDULE_LINEAR || before->learning.rate_schedule == PSAC_SCHEDULE_LINEAR;
  if (!linear || is_extended) free_to_change[n++] = "training.num_epochs";
  if (linear && is_extended) free_to_change[n++] = "learning.learning_rate";
  char *differences;
  PSAC_TRY(psac_config_differences(now, before, free_to_change, &differences));
  const int epochs = linear && now->training.num_epochs != before->training.num_epochs;
  const psac_status status =
      !differences[0] ? PSAC_OK
                      : psac_fail(PSAC_ERR_INPUT,
                                  "%s has another configuration: %.700s%s; go on with the old values, or start afresh "
                                  "under another --out",
                                  path, differences,
                                  epochs ? " (learning.rate_schedule = linear depends on the number of epochs)" : "");
  free(differences);
  return status;
}

// Sets is_extended and is_finished. Rank 0.
static psac_status settle(psac_session *session, psac_resumption *found) {
  const psac_config *config = &session->config;
  const int64_t n_epochs = config->training.num_epochs;
  const char *path = found->path[0] ? found->path : session->out;
  if (found->checkpoint.config_text) {
    psac_config before;
    PSAC_TRY(psac_config_defaults(&before));
    PSAC_TRY(psac_config_overlay(&before, found->checkpoint.config_text, strlen(found->checkpoint.config_text), path));
    const int64_t done = found->path[0] ? found->checkpoint.position.epoch : before.training.num_epochs;
    found->is_extended = done == before.training.num_epochs && n_epochs > done;
    PSAC_TRY(compare_configurations(config, &before, path, found->is_extended));
  }
  const int is_automatic = session->options->resume && strcmp(session->options->resume, "auto") == 0;
  found->is_finished = is_automatic && n_epochs <= found->finished_epochs;
  return PSAC_OK;
}

// Reads the final state of a run that is extended. Collective.
static psac_status read_final(const psac_session *session, psac_resumption *found) {
  psac_ranks *ranks = session->ranks;
  char *text = found->checkpoint.config_text;
  if (ranks->rank == 0) psac_checkpoint_final_name(session->out, found->path);
  const psac_status status = read_named(session, found);
  free(text);
  if (status == PSAC_OK || !ranks->agreed_to_fail) return status;
  char reason[512];
  snprintf(reason, sizeof reason, "%s", psac_fail_message());
  return psac_fail(
      status, "%s ended after %lld epochs and cannot go on to %lld without the state in which it ended: %s",
      session->out, (long long)found->finished_epochs, (long long)session->config.training.num_epochs, reason);
}

// Refuses to start from scratch beside checkpoints of an earlier run, which would mix with those of this one. Rank 0.
static psac_status refuse_leftovers(const psac_session *session) {
  int64_t *trials = NULL, n = 0;
  psac_status status = psac_checkpoint_list(session->out, &trials, &n);
  if (status == PSAC_OK && n > 0) {
    char path[PSAC_CHECKPOINT_PATH_BYTES];
    psac_checkpoint_name(session->out, trials[0], path);
    status = psac_fail(
        PSAC_ERR_INPUT,
        "%s is there from a run that did not end; go on with --resume auto, or remove it to start afresh", path);
  }
  free(trials);
  return status;
}

psac_status psac_resume_settle(psac_session *session, psac_resumption *found) {
  psac_ranks *ranks = session->ranks;
  const int is_longer = found->finished_epochs >= 0 && session->config.training.num_epochs > found->finished_epochs;
  if (is_longer && !found->path[0]) PSAC_TRY(read_final(session, found));
  psac_status status = ranks->rank == 0 ? settle(session, found) : PSAC_OK;
  if (status == PSAC_OK && ranks->rank == 0 && !found->is_finished && !found->path[0])
    status = refuse_leftovers(session);
  PSAC_TRY(psac_ranks_agree(ranks, status));
  int settled[2] = {found->is_finished, found->is_extended};
  PSAC_TRY(psac_ranks_broadcast(ranks, settled, sizeof settled));
  found->is_finished = settled[0];
  found->is_extended = settled[1];
  if (found->is_finished) return PSAC_OK;
  if (!is_longer) return psac_session_refuse_to_overwrite(session);
  session->replace = 1;
  return PSAC_OK;
}

void psac_resumption_free(psac_resumption *resumption) { psac_checkpoint_free(&resumption->checkpoint); }

static psac_status check_epochs(const psac_session *session, const char *path, const psac_position *position) {
  const int64_t n_epochs = session->config.training.num_epochs;
  if (position->epoch > n_epochs || (position->epoch == n_epochs && position->first > 0)) {
    return psac_fail(PSAC_ERR_INPUT, "training.num_epochs = %lld, but %s has %lld epochs and %lld trials behind it",
                     (long long)n_epochs, path, (long long)position->epoch, (long long)position->first);
  }
  return PSAC_OK;
}

static psac_status check_digits(const psac_session *session, const char *path, const psac_checkpoint *checkpoint) {
  uint64_t digits[2];
  psac_checkpoint_identify_digits(session, digits);
  for (int set = 0; set < 2; set++) {
    if (digits[set] == checkpoint->digits[set]) continue;
    return psac_fail(PSAC_ERR_INPUT, "the %s images in %s are not those of the run that %s belongs to",
                     set == 0 ? "training" : "test", session->options->data, path);
  }
  return PSAC_OK;
}

psac_status psac_resume_check_data(const psac_session *session, const char *path, const psac_checkpoint *checkpoint) {
  psac_status status = PSAC_OK;
  if (session->ranks->rank == 0) {
    status = check_digits(session, path, checkpoint);
    if (status == PSAC_OK) status = check_epochs(session, path, &checkpoint->position);
    if (status == PSAC_OK) status = psac_checkpoint_check(session, path, checkpoint);
    if (status == PSAC_OK && checkpoint->arithmetic_version != PSAC_ARITHMETIC_VERSION) {
      psac_warn(
          "%s was computed by version %s with arithmetic %lld; this is %s with arithmetic %d: the run goes on, but "
          "its results are those of neither",
          path, checkpoint->version, (long long)checkpoint->arithmetic_version, PSAC_VERSION, PSAC_ARITHMETIC_VERSION);
    } else if (status == PSAC_OK && strcmp(checkpoint->version, PSAC_VERSION) != 0) {
      psac_warn("%s was written by version %s; this is %s", path, checkpoint->version, PSAC_VERSION);
    }
  }
  return psac_ranks_agree(session->ranks, status);
}
