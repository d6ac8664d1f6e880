// Spikes of chosen trials, kept as bits until the run file is written (record.trials).
#ifndef PSAC_JOBS_RECORDER_H
#define PSAC_JOBS_RECORDER_H

#include <stdint.h>

#include "h5_file.h"
#include "model/network.h"

enum { PSAC_N_POPULATIONS = 4 };

typedef struct psac_recorded_trial {
  int64_t epoch, trial, image, label, prediction;  // prediction: rank 0
  uint64_t *middle;   // [n_steps][n_words] this rank's
  uint64_t *retina;   // [n_steps][n_retina_words] rank 0
  uint64_t *output;   // [n_steps] rank 0
  uint64_t *critic;   // [n_steps] rank 0
} psac_recorded_trial;

typedef struct psac_recorder {
  psac_recorded_trial *trial;  // [n]
  int64_t n;
} psac_recorder;

// Keeps trial k of the view's n. Not collective.
psac_status psac_recorder_keep(psac_recorder *recorder, const psac_view *view, int k, int64_t epoch, int64_t trial,
                               int64_t image, int64_t label, int64_t prediction);

// Writes /spikes/<population>/{timestamps,node_ids} sorted by id and /recording. Collective.
psac_status psac_recorder_write(const psac_recorder *recorder, const psac_network *network, const psac_ranks *ranks,
                                psac_h5_file *file);

void psac_recorder_free(psac_recorder *recorder);

#endif
