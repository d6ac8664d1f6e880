// Results of a scaling study: one row per measurement, one file per job in the folder of the study (docs/files.md).
//
// Jobs never share a file, so any number of them may write into one folder concurrently, on any file system. After
// every row, a job writes its file anew under a temporary name and renames it. A reader joins the rows of all files.
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
  int64_t as_rank;           // rank that a dry run of `ranks` ranks measured; -1 = all ranks were real
  int64_t batch, together;   // trials between two weight changes, and simulated concurrently
  int64_t trials, steps;     // measured trials, time steps of each
  int64_t repeat, seed;
  double build_s, seconds;  // building the network; the measured trials
  double trials_per_s;
  double ms_per_step;                                              // of a group of concurrent trials
  double stage_mean_s[PSAC_N_STAGES], stage_max_s[PSAC_N_STAGES];  // over ranks
  int64_t messages;                                                // collective calls of rank 0 in the measured trials
  double bytes_exchanged;                                          // payload that all ranks received in them
  double host_bytes;                                               // resident memory of the largest rank
  double network_bytes;                                            // its growth by building and running the network
  double device_bytes;                                             // the same of a device; 0 without one
  double planned_bytes;                                            // of the network, by psac_plan_make
  double planned_trials_per_s;   // predicted by psac_cost_estimate for --hardware; 0 = no prediction
  double spikes_per_s;           // of middle neurons, per second of wall time
  double synaptic_events_per_s;  // recurrent ones: spikes x in_degree
  double rate_hz;                // mean of all middle neurons
  double accuracy;               // fraction of the test images; NaN = not measured
  int64_t test_images;
} psac_row;

typedef struct psac_table {
  psac_row *row;  // [n]; n is the same on every rank, rank 0 writes its rows
  int n;
  char path[4096];  // of this job's file
} psac_table;

// Chooses the file's name in `folder` (NULL = runs/scaling), which is created if it does not exist. Collective.
psac_status psac_table_prepare(psac_table *table, const psac_session *session, const char *folder);

// Adds a row and rewrites the file. A failure ends the run (see psac_h5_abandon). Collective.
psac_status psac_table_add(psac_table *table, const psac_session *session, const psac_row *row);

void psac_table_free(psac_table *table);

#endif
