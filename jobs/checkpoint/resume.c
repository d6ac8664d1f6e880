// --resume: what a run goes on from, and whether it may.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "checkpoint/checkpoint.h"
#include "version.h"

// Reads what rank 0 names. Collective.
static psac_status read_named(psac_ranks *ranks, char path[PSAC_CHECKPOINT_PATH_BYTES], psac_checkpoint *checkpoint) {
  PSAC_TRY(psac_ranks_broadcast(ranks, path, PSAC_CHECKPOINT_PATH_BYTES));
  PSAC_TRY(psac_ranks_agree(ranks, ranks->rank == 0 ? psac_h5_try(path) : PSAC_OK));
  return psac_checkpoint_read(ranks, path, checkpoint);
}

// The newest of n checkpoints that is intact; the others are named. Collective.
static psac_status read_newest(const char *out, psac_ranks *ranks, const int64_t *trials, int64_t n,
                               char path[PSAC_CHECKPOINT_PATH_BYTES], psac_checkpoint *checkpoint) {
  for (int64_t k = 0; k < n; k++) {
    if (ranks->rank == 0) psac_checkpoint_name(out, trials[k], path);
    const psac_status status = read_named(ranks, path, checkpoint);
    if (status == PSAC_OK || !ranks->agreed_to_fail || status != PSAC_ERR_INPUT) return status;
    ranks->agreed_to_fail = 0;
    psac_warn("skipping a checkpoint: %s", psac_fail_message());
  }
  path[0] = '\0';
  return PSAC_OK;
}

// The run file in place of a checkpoint: the configuration is what is needed of it. Collective.
static psac_status read_finished(const char *out, psac_ranks *ranks, psac_checkpoint *checkpoint, int *is_finished) {
  *is_finished = access(out, F_OK) == 0;
  PSAC_TRY(psac_ranks_broadcast(ranks, is_finished, sizeof *is_finished));
  if (!*is_finished) return PSAC_OK;
  return psac_ranks_agree(ranks, psac_run_file_read_config(out, &checkpoint->config_text));
}

static psac_status find_newest(const psac_options *options, psac_ranks *ranks, char path[PSAC_CHECKPOINT_PATH_BYTES],
                               psac_checkpoint *checkpoint, int *is_finished) {
  int64_t *trials = NULL, n = 0;
  psac_status status = PSAC_OK;
  if (!options->out) status = psac_fail(PSAC_ERR_INPUT, "--resume auto needs --out, beside which the checkpoints lie");
  if (status == PSAC_OK && ranks->rank == 0) status = psac_checkpoint_list(options->out, &trials, &n);
  status = psac_ranks_agree(ranks, status);
  if (status == PSAC_OK) status = psac_ranks_broadcast(ranks, &n, sizeof n);
  if (status == PSAC_OK) status = read_newest(options->out, ranks, trials, n, path, checkpoint);
  free(trials);
  if (status != PSAC_OK || path[0]) return status;
  return read_finished(options->out, ranks, checkpoint, is_finished);
}

psac_status psac_resume_find(const psac_options *options, psac_ranks *ranks, char path[PSAC_CHECKPOINT_PATH_BYTES],
                             psac_checkpoint *checkpoint, int *is_finished) {
  *is_finished = 0;
  path[0] = '\0';
  if (!options->resume) return PSAC_OK;
  if (strcmp(options->resume, "auto") == 0) return find_newest(options, ranks, path, checkpoint, is_finished);
  if (strlen(options->resume) >= PSAC_CHECKPOINT_PATH_BYTES) {
    return psac_ranks_agree(ranks, psac_fail(PSAC_ERR_INPUT, "the name after --resume is too long"));
  }
  strcpy(path, options->resume);
  return read_named(ranks, path, checkpoint);
}

static psac_status compare_configurations(const psac_config *now, const psac_config *before, const char *path) {
  const char *free_to_change[] = {"training.log_interval", "simulation.trials_together", "simulation.steps_per_reduce",
                                  "simulation.cuda_graph", "simulation.launch_per",
                                  "checkpoint.", "watchdog.", "training.num_epochs", NULL};
  const int linear = now->learning.rate_schedule == PSAC_SCHEDULE_LINEAR || before->learning.rate_schedule == PSAC_SCHEDULE_LINEAR;
  // a linear schedule ends with the last epoch, so with another number of epochs all learning so far would have been different
  if (linear) free_to_change[sizeof free_to_change / sizeof *free_to_change - 2] = NULL;
  char *differences;
  PSAC_TRY(psac_config_differences(now, before, free_to_change, &differences));
  const int epochs = linear && now->training.num_epochs != before->training.num_epochs;
  const psac_status status =
      !differences[0] ? PSAC_OK
                      : psac_fail(PSAC_ERR_INPUT, "%s has another configuration: %.700s%s; go on with the old values, or start afresh "
                                  "under another --out", path, differences,
                                  epochs ? " (learning.rate_schedule = linear depends on the number of epochs)" : "");
  free(differences);
  return status;
}

static psac_status check_configuration(const psac_session *session, const char *path, const psac_checkpoint *checkpoint) {
  psac_config before;
  PSAC_TRY(psac_config_defaults(&before));
  PSAC_TRY(psac_config_overlay(&before, checkpoint->config_text, strlen(checkpoint->config_text), path));
  return compare_configurations(&session->config, &before, path);
}

psac_status psac_resume_check_configuration(const psac_session *session, const char *path, const psac_checkpoint *checkpoint) {
  return psac_ranks_agree(session->ranks, session->ranks->rank == 0 ? check_configuration(session, path, checkpoint) : PSAC_OK);
}

static psac_status check_position(const psac_session *session, const char *path, const psac_position *position) {
  const int64_t n_images = session->train.n, n_epochs = session->config.training.num_epochs;
  if (position->epoch > n_epochs || (position->epoch == n_epochs && position->first > 0)) {
    return psac_fail(PSAC_ERR_INPUT, "training.num_epochs = %lld, but %s has %lld epochs and %lld trials behind it", (long long)n_epochs, path,
                     (long long)position->epoch, (long long)position->first);
  }
  const int sound = position->epoch >= 0 && position->first >= 0 && position->first < n_images + (n_images == 0) &&
                    position->trials == position->epoch * n_images + position->first && position->correct >= 0 &&
                    position->correct <= position->trials;
  return sound ? PSAC_OK : psac_fail(PSAC_ERR_INPUT, "%s: /training/position contradicts itself", path);
}

static psac_status check_digits(const psac_session *session, const char *path, const psac_checkpoint *checkpoint) {
  uint64_t digits[2];
  psac_checkpoint_identify_digits(session, digits);
  for (int set = 0; set < 2; set++) {
    if (digits[set] == checkpoint->digits[set]) continue;
    return psac_fail(PSAC_ERR_INPUT, "the %s images in %s are not those of the run that %s belongs to", set == 0 ? "training" : "test",
                     session->options->data, path);
  }
  return PSAC_OK;
}

psac_status psac_resume_check_data(const psac_session *session, const char *path, const psac_checkpoint *checkpoint) {
  psac_status status = PSAC_OK;
  if (session->ranks->rank == 0) {
    status = check_digits(session, path, checkpoint);
    if (status == PSAC_OK) status = check_position(session, path, &checkpoint->position);
    if (status == PSAC_OK && strcmp(checkpoint->version, PSAC_VERSION) != 0) {
      psac_warn("%s was written by version %s; this is %s, whose results may differ", path, checkpoint->version, PSAC_VERSION);
    }
  }
  return psac_ranks_agree(session->ranks, status);
}

psac_status psac_resume_refuse_leftovers(const psac_session *session) {
  int64_t *trials = NULL, n = 0;
  psac_status status = PSAC_OK;
  if (session->ranks->rank == 0) status = psac_checkpoint_list(session->out, &trials, &n);
  if (status == PSAC_OK && n > 0) {
    char path[PSAC_CHECKPOINT_PATH_BYTES];
    psac_checkpoint_name(session->out, trials[0], path);
    status = psac_fail(PSAC_ERR_INPUT, "%s is there from a run that did not end; go on with --resume auto, or remove it to start afresh", path);
  }
  free(trials);
  return psac_ranks_agree(session->ranks, status);
}
