// The names of a run's checkpoints, which lie beside its run file. Not collective; rank 0's business.
#ifndef PSAC_RUN_CHECKPOINT_CHECKPOINT_NAMES_H
#define PSAC_RUN_CHECKPOINT_CHECKPOINT_NAMES_H

#include <stdint.h>

#include "base/status.h"
#include "io/disk.h"

enum { PSAC_CHECKPOINT_PATH_BYTES = PSAC_PATH_BYTES + PSAC_ENDING_BYTES };

// The checkpoint of the run file `out` after n trials.
void psac_checkpoint_name(const char *out, int64_t trials, char path[PSAC_CHECKPOINT_PATH_BYTES]);

// The state in which the run that wrote the run file `out` ended, from which it can be extended.
void psac_checkpoint_final_name(const char *out, char path[PSAC_CHECKPOINT_PATH_BYTES]);

// The file beside it for recorded spikes (recording_file.h), which checkpoints need.
void psac_recording_name(const char *out, char path[PSAC_CHECKPOINT_PATH_BYTES]);

// The run file to which a checkpoint belongs by its name; 0 if it has another form.
int psac_checkpoint_owner(const char *path, char out[PSAC_CHECKPOINT_PATH_BYTES]);

// Trials of the checkpoints that are there, the most first; the caller frees *trials.
psac_status psac_checkpoint_list(const char *out, int64_t **trials, int64_t *n);

// Removes the file of recorded spikes, unless there is a checkpoint or a final state that needs it.
void psac_recording_remove(const char *out);

// Removes all checkpoints of at most `trials` trials but the newest `keep` of them.
void psac_checkpoint_prune(const char *out, int64_t trials, int64_t keep);

// Removes what killed runs have left of incomplete files: of the run file, of checkpoints and of the final state.
void psac_checkpoint_remove_partial(const char *out);

#endif
