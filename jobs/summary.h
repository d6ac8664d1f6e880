// The first and the last words of a run.
#ifndef PSAC_JOBS_SUMMARY_H
#define PSAC_JOBS_SUMMARY_H

#include "src/run/run_file.h"

// Says what is about to happen. Rank 0.
void psac_summary_start(const psac_session *session, psac_progress_kind kind);

// Writes the run file and prints the results to standard output: accuracy, confusions, where the time went, where the
// file is. Collective.
psac_status psac_summary_finish(psac_session *session, psac_results *results);

#endif
