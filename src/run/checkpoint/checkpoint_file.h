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

// A checkpoint in memory: all but the arrays that are spread over ranks.
typedef struct psac_checkpoint {
  char *config_text;           // the resolved configuration
  char version[32];            // of the program that wrote it
  int64_t arithmetic_version;  // with which it was computed (kernels/shard.h)
  psac_position position;
  psac_network_state network;
  psac_curve interval, epoch;
  psac_recorder recorder;                      // the trials, with whole checksums; its file closed
  psac_recording_shape shape;                  // of their spikes, ...
  char recording[PSAC_CHECKPOINT_PATH_BYTES];  // ... and their file, beside the checkpoint
  uint64_t digits[2];                          // checksums of the training and the test set
} psac_checkpoint;

// Writes the run's state under `path`. Collective. A failure is the same on every rank, and leaves nothing behind and
// the run as it was.
psac_status psac_checkpoint_write(const psac_session *session, const psac_curve *interval, const psac_curve *epoch,
                                  const psac_recorder *recorder, const psac_position *position, const char *path);

// Reads a checkpoint and verifies every checksum in it, and those of the recorded spikes beside it; without `recording`
// these are left alone, and forgotten. By one process alone (ranks == NULL), or by all ranks together, which then share
// the work and come to the same end. PSAC_ERR_INPUT: it is damaged, incomplete or of another format.
psac_status psac_checkpoint_read(psac_ranks *ranks, const char *path, int recording, psac_checkpoint *checkpoint);

// Gives the network, the curves and the recorder (which is not opened) the state of a checkpoint that
// psac_checkpoint_read has read from `path`, and empties it so far. Collective.
psac_status psac_checkpoint_restore(const psac_session *session, const char *path, psac_checkpoint *checkpoint,
                                    psac_curve *interval, psac_curve *epoch, psac_recorder *recorder);

// Refuses a checkpoint that no run of this session can have written, whatever its checksums say. Rank 0's business.
psac_status psac_checkpoint_check(const psac_session *session, const char *path, const psac_checkpoint *checkpoint);

void psac_checkpoint_free(psac_checkpoint *checkpoint);

// Identifies the digits of a session, so that a run continues with the same ones.
void psac_checkpoint_identify_digits(const psac_session *session, uint64_t digits[2]);

#endif
