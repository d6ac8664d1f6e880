// The run file: all results of a run (docs/files.md).
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

// Wall time by category: the stages of the simulation, then files, then everything else.
enum { PSAC_TIMING_IO = PSAC_N_STAGES, PSAC_TIMING_OTHER, PSAC_N_TIMINGS };

typedef struct psac_timing {
  double mean[PSAC_N_TIMINGS], max[PSAC_N_TIMINGS];  // seconds, over ranks
  double total;                                      // seconds, of this rank
} psac_timing;

const char *psac_timing_name(int timing);

// Collects the wall times of all ranks. Collective.
psac_status psac_timing_collect(const psac_session *session, psac_timing *timing);

// Writes session->out. Collective; a failure ends the run.
psac_status psac_run_file_write(const psac_session *session, psac_results *results, const psac_timing *timing);

// Reads the configuration text of a run file. The caller frees *text. Not collective.
psac_status psac_run_file_read_config(const char *path, char **text);

// PSAC_ERR_INPUT if a run file lacks weights of the shapes that the configuration needs; checked before the network is
// built. Not collective.
psac_status psac_run_file_check_weights(const char *path, const psac_config *config);

// Sets the network's weights from a run file. Collective.
psac_status psac_run_file_read_weights(const psac_session *session, const char *path);

void psac_results_free(psac_results *results);

#endif
