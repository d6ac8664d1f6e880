// The command line, common to all jobs.
#ifndef PSAC_JOBS_OPTIONS_H
#define PSAC_JOBS_OPTIONS_H

#include <stdint.h>

#include "base/status.h"
#include "src/run/run_options.h"

struct psac_job;

typedef struct psac_options {
  const struct psac_job *job;  // NULL if only help or the version was asked for
  int help, version;
  psac_run_options run;
  const char *out;  // NULL = chosen by the job
  const char *weights, *replay_case;
  const char *study, *only, *repeats, *dry_run_ranks, *as_rank;       // scaling; NULL = not given
  const char *list, *verbose;                                         // not NULL = given
  const char *n_ranks, *gpu, *hardware, *rates, *format, *calibrate;  // NULL = not given
  const char *progress;
} psac_options;

// Reads argv; strings stay owned by argv. PSAC_ERR_INPUT names the argument and what is allowed. Not collective: all
// ranks see the same argv and return the same status.
psac_status psac_options_read(int argc, char **argv, psac_options *options);

// Prints the help of one job, or of the program for NULL, to standard output. Not collective.
void psac_options_help(const struct psac_job *job);

#endif
