// The run file: everything that a run leaves behind (docs/files.md).
#ifndef PSAC_RUN_RUN_FILE_H
#define PSAC_RUN_RUN_FILE_H

#include "src/run/evaluation.h"
#include "src/run/learning_curve.h"
#include "src/run/recorder.h"
#include "src/run/session.h"

typedef struct psac_results {
  psac_curve interval, epoch;  // rank 0; empty if nothing was trained
  psac_evaluation evaluation;
  psac_recorder recorder;
} psac_results;

// Where the time went: the simulation's stages, then files, then everything else.
enum { PSAC_TIMING_IO = PSAC_N_STAGES, PSAC_TIMING_OTHER, PSAC_N_TIMINGS };

typedef struct psac_timing {
  double mean[PSAC_N_TIMINGS], max[PSAC_N_TIMINGS];  // seconds, over ranks
  double total;
} psac_timing;

const char *psac_timing_name(int timing);

// Collective.
psac_status psac_timing_collect(const psac_session *session, psac_timing *timing);

// Writes session->out. Collective; a failure ends the run.
psac_status psac_run_file_write(const psac_session *session, psac_results *results, const psac_timing *timing);

// Reads the configuration text of a run file; rank 0 alone. The caller frees *text.
psac_status psac_run_file_read_config(const char *path, char **text);

// Refuses a run file without the weights of a network so configured, before that network is built. Not collective.
psac_status psac_run_file_check_weights(const char *path, const psac_config *config);

// Gives the network the weights of a run file. Collective.
psac_status psac_run_file_read_weights(const psac_session *session, const char *path);

void psac_results_free(psac_results *results);

#endif
