// Spikes of chosen trials: on the disk as soon as they are seen (recording_file.h), in the run file at the end.
//
//   psac_recorder_open -> psac_recorder_see and psac_recorder_end_batch, for every batch -> psac_recorder_write
#ifndef PSAC_RUN_RECORDER_H
#define PSAC_RUN_RECORDER_H

#include <stdint.h>

#include "io/h5_file.h"
#include "src/model/network.h"
#include "src/run/recording_file.h"

typedef struct psac_recorded_trial {
  int64_t epoch;                            // from 1; 0 = of the test
  int64_t trial, image, label, prediction;  // trial: position in the epoch or the test; prediction: rank 0
  int64_t checksum;                         // of the rows that this rank wrote
} psac_recorded_trial;

// All zeros records nothing.
typedef struct psac_recorder {
  psac_recorded_trial *trial;  // [n], and room for those of the current batch
  int64_t n, capacity;
  psac_recording_file file;  // closed: nothing is recorded
  psac_status failed;        // this rank could not write a trial of the current batch, ...
  char message[512];         // ... because of this
} psac_recorder;

// A batch that was presented: trials [first, first + n) of the epoch or the test.
typedef struct psac_recorded_batch {
  const psac_int_list *wanted;  // positions of trials whose spikes are kept
  int64_t epoch, first;         // as in psac_recorded_trial
  int n;
  const int64_t *order;          // images of the epoch; NULL = in their own order
  const uint8_t *labels;         // of all images
  const psac_outcome *outcomes;  // [n], rank 0
} psac_recorded_batch;

// Where the spikes of a population lie: minicolumns in a trial's record, and which of them this rank
// has.
enum { PSAC_N_POPULATIONS = 4 };
typedef struct psac_population {
  const char *name;
  int64_t first, n_minicolumns;  // of the whole population
  int64_t own_first, n_own;      // this rank's neurons; the first is that of a minicolumn
} psac_population;

void psac_recorder_populations(const psac_network *network, psac_population of[PSAC_N_POPULATIONS]);
psac_recording_shape psac_recorder_shape(const psac_network *network);

// Opens the file `path` if anything is to be recorded. A recorder that was given back by a checkpoint keeps its trials,
// whose spikes are taken from `from`; else NULL. Collective.
psac_status psac_recorder_open(psac_recorder *recorder, psac_ranks *ranks, const psac_network *network,
                               const char *path, const char *from);

// Writes the spikes of trial k of the view, if it is wanted; `first` is the position of the batch's first trial. What
// cannot be written is remembered until the end of the batch. Not collective.
psac_status psac_recorder_see(psac_recorder *recorder, const psac_int_list *wanted, int64_t first,
                              const psac_view *view, int k);

// Books the wanted trials of a batch. Where a rank could not write them they are left out, with a warning. Collective.
psac_status psac_recorder_end_batch(psac_recorder *recorder, psac_ranks *ranks, const psac_recorded_batch *batch);

// Trials of training, which come before those of the test.
int64_t psac_recorder_n_trained(const psac_recorder *recorder);

// Writes /spikes/<population>/{timestamps,node_ids} sorted by id and /recording; nothing if no trial was recorded.
// PSAC_ERR_IO if what is on the disk is not what was recorded. Collective.
psac_status psac_recorder_write(psac_recorder *recorder, const psac_network *network, psac_ranks *ranks,
                                psac_h5_file *file);

// Frees and closes; the file stays. NULL-safe members, not collective.
void psac_recorder_free(psac_recorder *recorder);

#endif
