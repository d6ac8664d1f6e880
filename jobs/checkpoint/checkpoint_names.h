// The names of a run's checkpoints, which lie beside its run file. Not collective; rank 0's business.
#ifndef PSAC_JOBS_CHECKPOINT_NAMES_H
#define PSAC_JOBS_CHECKPOINT_NAMES_H

#include <stdint.h>

#include "base/status.h"

enum { PSAC_CHECKPOINT_PATH_BYTES = 4224 };  // a path and what the name adds to it

// The checkpoint of the run file `out` after so many trials.
void psac_checkpoint_name(const char *out, int64_t trials, char path[PSAC_CHECKPOINT_PATH_BYTES]);

// The run file to which a checkpoint belongs by its name; 0 if it has another form.
int psac_checkpoint_owner(const char *path, char out[PSAC_CHECKPOINT_PATH_BYTES]);

// Trials of the checkpoints that are there, the most first; the caller frees *trials.
psac_status psac_checkpoint_list(const char *out, int64_t **trials, int64_t *n);

// Removes all checkpoints of at most `trials` trials but the newest `keep` of them, and what is left of incomplete ones.
void psac_checkpoint_prune(const char *out, int64_t trials, int64_t keep);

#endif
