// A checkpoint file: everything that training has changed so far, independent of the number of ranks (docs/files.md).
#ifndef PSAC_RUN_CHECKPOINT_CHECKPOINT_FILE_H
#define PSAC_RUN_CHECKPOINT_CHECKPOINT_FILE_H

#include <stdint.h>

#include "src/model/state.h"
#include "src/run/checkpoint/checkpoint_names.h"
#include "src/run/course.h"
#include "src/run/learning_curve.h"
#include "src/run/recorder.h"
#include "src/run/session.h"

// A checkpoint in memory: all but the arrays that are distributed over ranks.
typedef struct psac_checkpoint {
  char *config_text;           // the resolved configuration
  char version[32];            // of the program that wrote it
  int64_t arithmetic_version;  // with which it was computed (kernels/shard.h)
  psac_position position;
  psac_network_state network;
  psac_curve interval, epoch;
  psac_recorder recorder;                      // the trials, with checksums summed over ranks; its file is closed
  psac_recording_shape shape;                  // of their spikes
  char recording[PSAC_CHECKPOINT_PATH_BYTES];  // path of their spikes, beside the checkpoint
  uint64_t digits[2];                          // checksums of the training and the test set
} psac_checkpoint;

// Writes the run's state to `path`. A failure is the same on every rank; it leaves no file and does not change the run.
// Collective.
psac_status psac_checkpoint_write(const psac_session *session, const psac_curve *interval, const psac_curve *epoch,
                                  const psac_recorder *recorder, const psac_position *position, const char *path);

// Reads a checkpoint and verifies every checksum in it, and with `recording` those of the recorded spikes beside it;
// without, it drops the recorded trials. Called by one process alone (ranks == NULL), or by all ranks, which share the
// work and return the same status: then collective. PSAC_ERR_INPUT if it is damaged, incomplete or of another format.
// Release with psac_checkpoint_free.
psac_status psac_checkpoint_read(psac_ranks *ranks, const char *path, int recording, psac_checkpoint *checkpoint);

// Restores the network, the curves and the recorder (which is not opened) from a checkpoint that psac_checkpoint_read
// has read from `path`. Moves the curves and the recorder out of *checkpoint. Collective.
psac_status psac_checkpoint_restore(const psac_session *session, const char *path, psac_checkpoint *checkpoint,
                                    psac_curve *interval, psac_curve *epoch, psac_recorder *recorder);

// PSAC_ERR_INPUT if no run of this session can have written the checkpoint, even if its checksums are right. Rank 0
// only.
psac_status psac_checkpoint_check(const psac_session *session, const char *path, const psac_checkpoint *checkpoint);

void psac_checkpoint_free(psac_checkpoint *checkpoint);

// Checksums of the session's training and test sets, so that a run resumes with the same digits. Not collective.
void psac_checkpoint_identify_digits(const psac_session *session, uint64_t digits[2]);

#endif
