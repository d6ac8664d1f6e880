// Messages at the start and at the end of a run.
#ifndef PSAC_JOBS_SUMMARY_H
#define PSAC_JOBS_SUMMARY_H

#include "src/run/run_file.h"

// Calls psac_session_announce and prints size, model, ranks, backend, transport and seed on standard error. Rank 0
// prints; nothing with PSAC_PROGRESS_NONE.
void psac_summary_start(const psac_session *session, psac_progress_kind kind);

// Writes the run file and prints the results to standard output: accuracy, confusion matrix, time by stage, memory,
// path of the run file. Collective.
psac_status psac_summary_finish(psac_session *session, psac_results *results);

#endif
