// The command line, one for all jobs.
#ifndef PSAC_JOBS_OPTIONS_H
#define PSAC_JOBS_OPTIONS_H

#include <stdint.h>

#include "base/status.h"
#include "ranks.h"

enum { PSAC_MAX_SETS = 256, PSAC_MOST_REPLICAS = 1000000 };

struct psac_job;

typedef struct psac_options {
  const struct psac_job *job;   // NULL if only help or the version was asked for
  int help, version;
  const char *config;           // NULL = the job's default
  const char *set[PSAC_MAX_SETS];
  int n_sets;
  const char *seed;             // NULL = as configured
  const char *data;             // folder of the IDX files
  const char *out;              // NULL = chosen by the job
  const char *resume;           // auto or a checkpoint; NULL = start afresh
  const char *weights, *replay_case;
  const char *study, *only, *repeats, *pretend_ranks, *as_rank;  // scaling; NULL = not given
  const char *list, *overwrite, *verbose;  // not NULL = given
  const char *neurons, *n_ranks, *gpu, *hardware, *rates, *format, *calibrate;  // NULL = not given
  const char *backend, *transport, *progress;
  const char *replicas;         // auto or a number; NULL = 1
  char command_line[4096];      // as typed, for the run file
} psac_options;

// Reads argv; strings stay owned by argv. PSAC_ERR_INPUT names the argument and what is allowed. Not collective: all ranks see the
// same argv and come to the same end.
psac_status psac_options_read(int argc, char **argv, psac_options *options);

// Reads the whole number `text` of the option --name, in the notations of a configuration: "64", "1e3". PSAC_ERR_INPUT names option,
// value and bounds.
psac_status psac_option_whole(const char *name, const char *text, int64_t lowest, int64_t highest, int64_t *value);

// Reads --replicas: 0 = auto. Whether it fits the ranks is for the job to say. PSAC_ERR_INPUT as above.
psac_status psac_option_replicas(const char *text, int64_t *n_replicas);

// Prints the help of one job, or of the program for NULL, to standard output.
void psac_options_help(const struct psac_job *job);

#endif
