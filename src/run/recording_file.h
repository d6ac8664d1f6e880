// The recording file: spikes of recorded trials, beside the run file (runs/full.h5 has runs/full.spikes). Every rank
// writes its spikes as they are recorded, so that none holds spikes in memory until the run file is written.
//
// The file has no header. A trial is n_minicolumns rows of n_steps bytes: bit i of byte t in row c is the spike of
// neuron 8 c + i of its population in time step t. The rows of the populations follow each other, and so do the trials,
// so the bytes are the same on any number of ranks. The recorder and checkpoints hold the number of valid trials and
// their checksums.
#ifndef PSAC_RUN_RECORDING_FILE_H
#define PSAC_RUN_RECORDING_FILE_H

#include <stdint.h>

#include "partition/ranks.h"
#include "src/plan/memory_plan.h"
#include "src/run/checkpoint/checkpoint_names.h"

typedef struct psac_recording_shape {
  int64_t n_minicolumns, n_steps;  // rows of a trial, bytes of a row
} psac_recording_shape;

typedef struct psac_recording_file {
  psac_recording_shape shape;
  int is_open, fd;
  char path[PSAC_CHECKPOINT_PATH_BYTES];
} psac_recording_file;

// Creates the file for writing. If n_trials > 0, it starts with the first n_trials trials of the file `from`, which may
// be the same file. *file is closed after a failure. Collective.
psac_status psac_recording_create(psac_recording_file *file, psac_ranks *ranks, const char *path,
                                  psac_recording_shape shape, const char *from, int64_t n_trials);

// Writes rows [first, first + n) of a trial, bytes [n][n_steps], and adds their checksum to *checksum, unless that is
// NULL. Not collective.
psac_status psac_recording_write(const psac_recording_file *file, int64_t trial, int64_t first, int64_t n,
                                 const uint8_t *rows, int64_t *checksum);
// Reads such rows and adds their checksum likewise. PSAC_ERR_IO if the file ends before them. Not collective.
psac_status psac_recording_read(const psac_recording_file *file, int64_t trial, int64_t first, int64_t n, uint8_t *rows,
                                int64_t *checksum);

// Waits until this rank's rows are on the disk. Not collective.
psac_status psac_recording_flush(const psac_recording_file *file);

// Opens a file for reading. PSAC_ERR_INPUT if it is not a regular file or has fewer than n_trials trials. Not
// collective.
psac_status psac_recording_open(psac_recording_file *file, const char *path, psac_recording_shape shape,
                                int64_t n_trials);
void psac_recording_close(psac_recording_file *file);

// Truncates the file after n_trials trials, to free disk space; the file may be closed. Failures are ignored. Rank 0
// only.
void psac_recording_cut(const psac_recording_file *file, int64_t n_trials);

// sum [n_trials] = checksums of the trials over this rank's share of the rows; over all rows if `ranks` is NULL. Not
// collective.
psac_status psac_recording_sum(const psac_recording_file *file, const psac_ranks *ranks, int64_t n_trials,
                               int64_t *sum);

#endif
