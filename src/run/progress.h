// What a person sees while a run continues: a bar on a terminal, plain lines in a log. On standard error, by rank 0.
#ifndef PSAC_RUN_PROGRESS_H
#define PSAC_RUN_PROGRESS_H

#include <stdint.h>

#include "base/status.h"

typedef enum psac_progress_kind { PSAC_PROGRESS_NONE, PSAC_PROGRESS_LINES, PSAC_PROGRESS_BAR } psac_progress_kind;

typedef struct psac_progress {
  psac_progress_kind kind;
  double started, shown;  // clock readings
  int64_t total, done;    // trials
  int64_t done_before;    // of these by an earlier run that this one resumes from
  int bar_is_drawn;
} psac_progress;

// "auto" draws a bar if standard error, or that of the mpirun above, is a terminal; ranks other than 0 get "none".
psac_status psac_progress_choose(const char *name, int rank, psac_progress_kind *kind);

void psac_progress_start(psac_progress *progress, psac_progress_kind kind, int64_t total);

// Redraws the bar, at most ten times a second and narrower than the terminal is then: `what` ("epoch 1/3"), trials done
// in all, an accuracy in [0, 1] and of which trials it is ("interval", "test").
void psac_progress_update(psac_progress *progress, const char *what, int64_t done, const char *which, double accuracy);

// One line for the log; nothing under a bar.
void psac_progress_line(psac_progress *progress, const char *format, ...) __attribute__((format(printf, 2, 3)));

// Takes the bar away.
void psac_progress_end(psac_progress *progress);

#endif
