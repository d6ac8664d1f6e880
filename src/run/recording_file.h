// The spikes of recorded trials on the disk, beside the run file: runs/full.h5 has runs/full.spikes. Every rank writes
// what it simulated as soon as it is recorded, so that none holds spikes until the run file is written.
//
// The file has no header. A trial is n_minicolumns rows of n_steps bytes: row c, byte t has the spikes of neurons 8 c
// to 8 c + 7 of its population in time step t, a bit each. The populations' columns follow each other, and the trials
// each other: the same bytes on any number of ranks. How many trials are valid, and their checksums, is known to the
// recorder and to checkpoints.
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

// Creates the file for writing, with the first n_trials of the file `from` (may be the same) if n_trials > 0.
// Collective; *file is closed after a failure.
psac_status psac_recording_create(psac_recording_file *file, psac_ranks *ranks, const char *path,
                                  psac_recording_shape shape, const char *from, int64_t n_trials);

// Rows [first, first + n) of a trial, bytes [n][n_steps]; adds their checksum to *checksum. Not collective.
psac_status psac_recording_write(const psac_recording_file *file, int64_t trial, int64_t first, int64_t n,
                                 const uint8_t *rows, int64_t *checksum);
// PSAC_ERR_IO if they are not there. checksum may be NULL.
psac_status psac_recording_read(const psac_recording_file *file, int64_t trial, int64_t first, int64_t n, uint8_t *rows,
                                int64_t *checksum);

// Waits until this rank's rows are on the disk. Not collective.
psac_status psac_recording_flush(const psac_recording_file *file);

// Opens a file for reading: PSAC_ERR_INPUT if it is not an ordinary file or has less than n_trials. Not collective.
psac_status psac_recording_open(psac_recording_file *file, const char *path, psac_recording_shape shape,
                                int64_t n_trials);
void psac_recording_close(psac_recording_file *file);

// Forgets what lies after n_trials, so that the space is free for others; the file may be closed. Rank 0's business.
void psac_recording_cut(const psac_recording_file *file, int64_t n_trials);

// sum [n_trials] = checksums over this rank's share of the file; NULL = one process alone, all of it. Not collective.
psac_status psac_recording_sum(const psac_recording_file *file, const psac_ranks *ranks, int64_t n_trials,
                               int64_t *sum);

#endif
