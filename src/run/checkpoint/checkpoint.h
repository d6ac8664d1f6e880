// When training writes checkpoints, where they are stored, and which one a run resumes from.
//
// They are stored beside the run file: runs/full.h5 has runs/full.ckpt-000000064000.h5, named after the number of
// trials presented so far.
#ifndef PSAC_RUN_CHECKPOINT_CHECKPOINT_H
#define PSAC_RUN_CHECKPOINT_CHECKPOINT_H

#include "src/run/checkpoint/checkpoint_file.h"
#include "src/run/run_file.h"

typedef struct psac_checkpointer {
  psac_session *session;
  const psac_results *results;
  const psac_position *position;  // of training; read at every poll
  double last_seconds;            // clock reading at the last checkpoint
  int64_t seen_trials;            // position at the last poll
  int64_t last_trials;            // position of the last checkpoint written; -1 = none
} psac_checkpointer;

// Starts the timer of checkpoints and catches signals from now on; rank 0 removes partial files of killed runs. `path`
// is the checkpoint from which the run resumed, or "". Not collective.
void psac_checkpointer_start(psac_checkpointer *checkpointer, psac_session *session, const psac_results *results,
                             const psac_position *position, const char *path);

// Call it between two batches. Writes a checkpoint if `due`, if checkpoint.minutes or checkpoint.every have passed, or
// if a signal requests one. If it cannot be written, the run continues with a warning. If a signal requests a stop,
// returns PSAC_STOPPED on every rank, or PSAC_ERR_IO without a checkpoint of the current position. Collective.
psac_status psac_checkpointer_poll(psac_checkpointer *checkpointer, int due);

// Appends to a failure's message how to resume from the last checkpoint, if there is one. Returns `status`. Not
// collective.
psac_status psac_checkpointer_explain(const psac_checkpointer *checkpointer, psac_status status);

// Removes the checkpoints after the run file is written, except the last, which becomes the final state, from which the
// run can be extended. Rank 0 only.
void psac_checkpointer_clear(const psac_checkpointer *checkpointer);

// What training resumes from.
typedef struct psac_resumption {
  char path[PSAC_CHECKPOINT_PATH_BYTES];  // "" = starts from scratch
  psac_checkpoint checkpoint;             // read from `path`; if that is "", config_text may be the run file's
  int64_t finished_epochs;                // training.num_epochs of the existing run file; -1 = none to keep
  int is_finished;                        // that run file has all requested epochs
  int is_extended;                        // `path` is the state at the end of a run that now gets more epochs
} psac_resumption;

// --resume: finds and reads the checkpoint beside session->out, or the named one. A no-op without --resume. Release
// with psac_resumption_free. Collective.
psac_status psac_resume_find(const psac_session *session, psac_resumption *found);

// PSAC_ERR_INPUT if the session cannot continue from what was found: another configuration, an existing run file, or,
// from scratch, checkpoints of an earlier run. Sets is_finished and is_extended. Collective.
psac_status psac_resume_settle(psac_session *session, psac_resumption *found);

// PSAC_ERR_INPUT if the session has other digits, or if the checkpoint's position lies outside them. Collective.
psac_status psac_resume_check_data(const psac_session *session, const char *path, const psac_checkpoint *checkpoint);

void psac_resumption_free(psac_resumption *resumption);

#endif
