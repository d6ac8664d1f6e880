// What a scaling study leaves: one row per measurement, one file per job in the folder of the study (docs/files.md).
//
// Jobs never share a file, so any number of them may write into one folder at once, on any file system: each writes a
// new file whole and renames it, again after every row, and a reader joins the rows of all files.
#ifndef PSAC_JOBS_SCALING_SCALING_TABLE_H
#define PSAC_JOBS_SCALING_SCALING_TABLE_H

#include "jobs/scaling/scaling_study.h"
#include "src/run/session.h"

enum { PSAC_ROW_TEXT = 32 };

typedef struct psac_row {
  char kind[PSAC_ROW_TEXT], backend[PSAC_ROW_TEXT], transport[PSAC_ROW_TEXT], images[PSAC_ROW_TEXT];
  char host[PSAC_ROW_TEXT], end_time[PSAC_ROW_TEXT];
  int64_t neurons, ranks, nodes;
  int64_t replicas, shards;  // ranks = replicas x shards
  int64_t as_rank;           // of `ranks` simulated ones; -1 = all of them were there
  int64_t batch, together;   // trials between two weight changes, and simulated concurrently
  int64_t trials, steps;     // measured trials, time steps of each
  int64_t repeat, seed;
  double build_s, seconds;  // building the network; the measured trials
  double trials_per_s;
  double ms_per_step;                                              // of a group of concurrent trials
  double stage_mean_s[PSAC_N_STAGES], stage_max_s[PSAC_N_STAGES];  // over ranks
  int64_t messages;                                                // collective calls of rank 0 in the measured trials
  double bytes_exchanged;                                          // payload that they brought to all ranks
  double host_bytes;                                               // resident memory of the largest rank
  double network_bytes;          // by how much building and running the network made it grow
  double device_bytes;           // the same of a device; 0 without one
  double planned_bytes;          // what psac_plan_make says of the network
  double planned_trials_per_s;   // what psac_cost_estimate says of the network on --hardware; 0 = nothing
  double spikes_per_s;           // of middle neurons, per second of wall time
  double synaptic_events_per_s;  // recurrent ones: spikes x in_degree
  double rate_hz;                // mean of all middle neurons
  double accuracy;               // fraction of the test; NaN = not asked
  int64_t test_images;
} psac_row;

typedef struct psac_table {
  psac_row *row;  // [n], the same on every rank
  int n;
  char path[4096];  // of this job's file
} psac_table;

// Settles the file's name in `folder` (NULL = runs/scaling), which is made if it is not there. Collective.
psac_status psac_table_prepare(psac_table *table, const psac_session *session, const char *folder);

// Adds a row and writes the file anew. Collective; a failure ends the run (see psac_h5_abandon).
psac_status psac_table_add(psac_table *table, const psac_session *session, const psac_row *row);

void psac_table_free(psac_table *table);

#endif
