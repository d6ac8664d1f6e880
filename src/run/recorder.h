// Records the spikes of selected trials: on disk while the run continues (recording_file.h), in the run file at its
// end.
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

// A zero-initialized recorder records nothing.
typedef struct psac_recorder {
  psac_recorded_trial *trial;  // [n], then those of the current batch
  int64_t n, capacity;
  psac_recording_file file;  // if closed, nothing is recorded
  psac_status failed;        // why this rank could not write a trial of the current batch, or PSAC_OK
  char message[512];         // of that failure
} psac_recorder;

// A presented batch: trials [first, first + n) of the epoch or the test.
typedef struct psac_recorded_batch {
  const psac_int_list *wanted;  // positions of the trials to record
  int64_t epoch, first;         // as in psac_recorded_trial
  int n;
  const int64_t *order;          // images of the epoch by position; NULL = image k at position k
  const uint8_t *labels;         // of all images
  const psac_outcome *outcomes;  // [n], rank 0
} psac_recorded_batch;

// A population's minicolumns in the record of a trial, and the neurons of it that this rank owns.
enum { PSAC_N_POPULATIONS = 4 };
typedef struct psac_population {
  const char *name;
  int64_t first, n_minicolumns;  // of the whole population
  int64_t own_first, n_own;      // this rank's neurons; own_first is the first neuron of a minicolumn
} psac_population;

// The populations and the shape of a trial's record. Not collective.
void psac_recorder_populations(const psac_network *network, psac_population of[PSAC_N_POPULATIONS]);
psac_recording_shape psac_recorder_shape(const psac_network *network);

// Opens the recording file `path` if anything is to be recorded. A recorder restored from a checkpoint keeps its
// trials, whose spikes are copied from the file `from`; otherwise `from` is ignored. Collective.
psac_status psac_recorder_open(psac_recorder *recorder, psac_ranks *ranks, const psac_network *network,
                               const char *path, const char *from);

// Writes the spikes of trial k of the view, if its position is in `wanted`; `first` is the position of the batch's
// first trial. PSAC_ERR_IO is kept until the end of the batch, other failures are returned. Not collective.
psac_status psac_recorder_see(psac_recorder *recorder, const psac_int_list *wanted, int64_t first,
                              const psac_view *view, int k);

// Adds the wanted trials of a batch to the recorder. If a rank could not write them, drops them with a warning.
// Collective.
psac_status psac_recorder_end_batch(psac_recorder *recorder, psac_ranks *ranks, const psac_recorded_batch *batch);

// Number of recorded training trials, which precede those of the test. Not collective.
int64_t psac_recorder_n_trained(const psac_recorder *recorder);

// Writes /spikes/<population>/{timestamps,node_ids} sorted by id and /recording; nothing if no trial was recorded.
// PSAC_ERR_IO if the spikes on disk do not have the recorded checksums. Collective.
psac_status psac_recorder_write(psac_recorder *recorder, const psac_network *network, psac_ranks *ranks,
                                psac_h5_file *file);

// Closes the recording file, which stays on disk, and frees the recorder. Safe on a zero-initialized one. Not
// collective.
void psac_recorder_free(psac_recorder *recorder);

#endif
