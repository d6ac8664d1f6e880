// The names of a run's checkpoints, which are stored beside its run file. Not collective; functions that read or change
// the folder are called on rank 0 only.
#ifndef PSAC_RUN_CHECKPOINT_CHECKPOINT_NAMES_H
#define PSAC_RUN_CHECKPOINT_CHECKPOINT_NAMES_H

#include <stdint.h>

#include "base/status.h"
#include "io/disk.h"

enum { PSAC_CHECKPOINT_PATH_BYTES = PSAC_PATH_BYTES + PSAC_ENDING_BYTES };

// The checkpoint of the run file `out` after n trials.
void psac_checkpoint_name(const char *out, int64_t trials, char path[PSAC_CHECKPOINT_PATH_BYTES]);

// The final state of the run that wrote the run file `out`, from which it can be extended.
void psac_checkpoint_final_name(const char *out, char path[PSAC_CHECKPOINT_PATH_BYTES]);

// The recording file of `out` (recording_file.h), which its checkpoints need.
void psac_recording_name(const char *out, char path[PSAC_CHECKPOINT_PATH_BYTES]);

// Finds the run file `out` to which a checkpoint or final state belongs by its name. Returns 0 if the name has another
// form, else 1.
int psac_checkpoint_owner(const char *path, char out[PSAC_CHECKPOINT_PATH_BYTES]);

// Lists the existing checkpoints: their numbers of trials, in descending order, trials [n]. The caller frees *trials,
// also after a failure.
psac_status psac_checkpoint_list(const char *out, int64_t **trials, int64_t *n);

// Removes the recording file, unless a checkpoint or a final state needs it.
void psac_recording_remove(const char *out);

// Removes all checkpoints of at most `trials` trials except the newest `keep` of them.
void psac_checkpoint_prune(const char *out, int64_t trials, int64_t keep);

// Removes partial files that killed runs have left: of the run file, of checkpoints and of the final state.
void psac_checkpoint_remove_partial(const char *out);

#endif
