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

// Copies the spikes of trial k of the view's n to the end of the list. Not collective.
psac_status psac_recorder_keep(psac_recorder *recorder, const psac_view *view, int k);

// Appends a trial; its arrays become the recorder's.
psac_status psac_recorder_add(psac_recorder *recorder, const psac_recorded_trial *trial);

// The arrays of a trial that replica `from` simulated go to the first replica, which writes files. Collective.
psac_status psac_recorded_trial_move(psac_recorded_trial *trial, const psac_network *network, int from);
void psac_recorded_trial_free(psac_recorded_trial *trial);

// The middle layer's spikes of this rank's columns [first, first + n) of 8 neurons, as rows [n][recorded trials][n_steps] of one byte per
// step: the same on any number of ranks. `set` takes them back, into trials whose other members are there.
void psac_recorder_get_columns(const psac_recorder *recorder, const psac_shard *shard, int64_t first, int64_t n, uint8_t *rows);
psac_status psac_recorder_set_columns(psac_recorder *recorder, const psac_shard *shard, int64_t first, int64_t n, const uint8_t *rows);

// Writes /spikes/<population>/{timestamps,node_ids} sorted by id and /recording. Collective.
psac_status psac_recorder_write(const psac_recorder *recorder, const psac_network *network, const psac_ranks *ranks,
                                psac_h5_file *file);

// Frees what only rank 0 keeps.
void psac_recorder_forget_root(psac_recorder *recorder);

void psac_recorder_free(psac_recorder *recorder);

#endif
