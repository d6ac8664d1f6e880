// When a training writes checkpoints, where they lie, and which one a run goes on from.
//
// They lie beside the run file: runs/full.h5 has runs/full.ckpt-000000064000.h5, named after the trials presented so far.
#ifndef PSAC_JOBS_CHECKPOINT_H
#define PSAC_JOBS_CHECKPOINT_H

#include "checkpoint/checkpoint_file.h"
#include "run_file.h"

typedef struct psac_keeper {
  psac_session *session;
  const psac_results *results;
  const psac_position *position;  // of the training; read at every visit
  double last_seconds;            // clock reading at the last checkpoint
  int64_t seen_trials;            // position at the last visit
  int64_t last_trials;            // position of the last one that was written; -1 = none
} psac_keeper;

// From now on signals are noted, and time counts. `path`: the checkpoint of this position that the run went on from, or "".
void psac_keeper_start(psac_keeper *keeper, psac_session *session, const psac_results *results, const psac_position *position,
                       const char *path);

// To be called between two batches: writes a checkpoint if `due`, if its time has come or if a signal asks for one. A checkpoint that
// cannot be written is warned of, and the run goes on. PSAC_STOPPED, agreed on, if a signal asks to stop. Collective.
psac_status psac_keeper_visit(psac_keeper *keeper, int due);

// Appends to a failure's message how to go on from the last checkpoint, if there is one.
psac_status psac_keeper_explain(const psac_keeper *keeper, psac_status status);

// The run file is there: its checkpoints have served. Rank 0's business.
void psac_keeper_clear(const psac_keeper *keeper);

// --resume: finds and reads the checkpoint that the run goes on from. path is "" where there is nothing to go on from; is_finished is set
// if there is a run file instead, whose configuration then stands in for the checkpoint's. Collective.
psac_status psac_resume_find(const psac_options *options, psac_ranks *ranks, char path[PSAC_CHECKPOINT_PATH_BYTES],
                             psac_checkpoint *checkpoint, int *is_finished);

// Refuse a session that cannot go on from the checkpoint: another configuration; other digits, a position outside them. Collective.
psac_status psac_resume_check_configuration(const psac_session *session, const char *path, const psac_checkpoint *checkpoint);
psac_status psac_resume_check_data(const psac_session *session, const char *path, const psac_checkpoint *checkpoint);

// Refuses to start afresh where checkpoints of an earlier run lie. Collective.
psac_status psac_resume_refuse_leftovers(const psac_session *session);

#endif
