// When a training writes checkpoints, where they lie, and which one a run resumes from.
//
// They lie beside the run file: runs/full.h5 has runs/full.ckpt-000000064000.h5, named after the trials presented so
// far.
#ifndef PSAC_RUN_CHECKPOINT_CHECKPOINT_H
#define PSAC_RUN_CHECKPOINT_CHECKPOINT_H

#include "src/run/checkpoint/checkpoint_file.h"
#include "src/run/run_file.h"

typedef struct psac_checkpointer {
  psac_session *session;
  const psac_results *results;
  const psac_position *position;  // of the training; read at every visit
  double last_seconds;            // clock reading at the last checkpoint
  int64_t seen_trials;            // position at the last visit
  int64_t last_trials;            // position of the last one that was written; -1 = none
} psac_checkpointer;

// From now on signals are noted, and time counts. `path`: the checkpoint of this position that the run went on from, or
// "".
void psac_checkpointer_start(psac_checkpointer *checkpointer, psac_session *session, const psac_results *results,
                             const psac_position *position, const char *path);

// To be called between two batches: writes a checkpoint if `due`, if its time has come or if a signal asks for one. A
// checkpoint that cannot be written is warned of, and the run continues. PSAC_STOPPED, agreed on, if a signal asks to
// stop. Collective.
psac_status psac_checkpointer_poll(psac_checkpointer *checkpointer, int due);

// Appends to a failure's message how to resume from the last checkpoint, if there is one.
psac_status psac_checkpointer_explain(const psac_checkpointer *checkpointer, psac_status status);

// The run file is there: of its checkpoints only the last stays, as the state from which the run can be extended. Rank
// 0's business.
void psac_checkpointer_clear(const psac_checkpointer *checkpointer);

// What a training resumes from.
typedef struct psac_resumption {
  char path[PSAC_CHECKPOINT_PATH_BYTES];  // "" = it starts afresh
  psac_checkpoint checkpoint;             // of `path`; without one, config_text may be the run file's
  int64_t finished_epochs;                // training.num_epochs of the existing run file; -1 = none to keep
  int is_finished;                        // that run file has all epochs that are asked for
  int is_extended;                        // `path` is where a run ended, and now has more epochs
} psac_resumption;

// --resume: finds and reads the checkpoint beside session->out, or the one that is named; without --resume nothing.
// Collective.
psac_status psac_resume_find(const psac_session *session, psac_resumption *found);

// Refuses a session that cannot continue so: another configuration, a run file that is there. Settles is_finished and
// is_extended. Collective.
psac_status psac_resume_settle(psac_session *session, psac_resumption *found);

// Refuses other digits, and a position outside them. Collective.
psac_status psac_resume_check_data(const psac_session *session, const char *path, const psac_checkpoint *checkpoint);

void psac_resumption_free(psac_resumption *resumption);

#endif
