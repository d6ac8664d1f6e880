// Evaluation: presents every test image once, without learning.
#ifndef PSAC_RUN_EVALUATION_H
#define PSAC_RUN_EVALUATION_H

#include "src/run/progress.h"
#include "src/run/recorder.h"
#include "src/run/session.h"

// Allocated on every rank, filled on rank 0 only.
typedef struct psac_evaluation {
  int64_t n;               // images
  double accuracy;         // fraction
  int32_t *prediction;     // [n]
  int32_t *label;          // [n]
  int32_t *output_counts;  // [n][n_output]
  int64_t *confusion;      // [10][n_output], row = label
} psac_evaluation;

// Presents session->test, accumulates the network's spike statistics and records the trials of record.test_trials.
// Release with psac_evaluation_free, also after a failure. Collective.
psac_status psac_evaluation_run(psac_session *session, psac_progress_kind kind, psac_recorder *recorder,
                                psac_evaluation *evaluation);
void psac_evaluation_free(psac_evaluation *evaluation);

#endif
