// Progress of a run on standard error: a bar on a terminal, plain lines in a log. Rank 0 prints; nothing is collective.
#ifndef PSAC_RUN_PROGRESS_H
#define PSAC_RUN_PROGRESS_H

#include <stdint.h>

#include "base/status.h"

typedef enum psac_progress_kind { PSAC_PROGRESS_NONE, PSAC_PROGRESS_LINES, PSAC_PROGRESS_BAR } psac_progress_kind;

typedef struct psac_progress {
  psac_progress_kind kind;
  double started, shown;  // clock readings, s
  int64_t total, done;    // trials
  int64_t done_before;    // trials that an earlier run did, from which this one resumes
  int bar_is_drawn;
} psac_progress;

// "auto" selects a bar if standard error, or that of the parent mpirun, is a terminal. Ranks other than 0 get "none".
// PSAC_ERR_INPUT for an unknown name.
psac_status psac_progress_choose(const char *name, int rank, psac_progress_kind *kind);

void psac_progress_start(psac_progress *progress, psac_progress_kind kind, int64_t total);

// Redraws the bar, at most ten times a second and narrower than the terminal is then. `what` labels the bar ("epoch
// 1/3"), `done` is the total number of trials done, `accuracy` is in [0, 1], and `which` names the trials that it
// covers ("interval", "test").
void psac_progress_update(psac_progress *progress, const char *what, int64_t done, const char *which, double accuracy);

// Prints one line (printf format, without newline) with PSAC_PROGRESS_LINES; otherwise a no-op.
void psac_progress_line(psac_progress *progress, const char *format, ...) __attribute__((format(printf, 2, 3)));

// Erases the bar.
void psac_progress_end(psac_progress *progress);

#endif
