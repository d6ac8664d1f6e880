// The table of jobs: the commands that one mpirun can run.
#ifndef PSAC_JOBS_JOBS_H
#define PSAC_JOBS_JOBS_H

#include "partition/ranks.h"
#include "src/run/run_options.h"

struct psac_options;  // options.h

// Jobs as bits, for the options that each accepts (options.c).
enum {
  PSAC_JOB_TRAIN = 1 << 0,
  PSAC_JOB_EVALUATE = 1 << 1,
  PSAC_JOB_REPLAY = 1 << 2,
  PSAC_JOB_SCALING = 1 << 3,
  PSAC_JOB_INFO = 1 << 4,
  PSAC_JOB_CONFIG = 1 << 5,
  PSAC_JOB_PLAN = 1 << 6,
};

typedef struct psac_job {
  const char *name;
  const char *summary;         // one line, for the list of commands
  const char *description;     // for --help of the job
  const char *config;          // configuration when --config is not given
  unsigned bit;                // PSAC_JOB_*
  psac_replicas_use replicas;  // run_options.h
  psac_status (*run)(const struct psac_options *options, psac_ranks *ranks);  // collective
} psac_job;

extern const psac_job psac_jobs[];  // ends with a NULL name; the first is the default

const psac_job *psac_job_find(const char *name);

psac_status psac_job_train(const struct psac_options *options, psac_ranks *ranks);
psac_status psac_job_evaluate(const struct psac_options *options, psac_ranks *ranks);
psac_status psac_job_replay(const struct psac_options *options, psac_ranks *ranks);
psac_status psac_job_scaling(const struct psac_options *options, psac_ranks *ranks);
psac_status psac_job_info(const struct psac_options *options, psac_ranks *ranks);
psac_status psac_job_config(const struct psac_options *options, psac_ranks *ranks);
psac_status psac_job_plan(const struct psac_options *options, psac_ranks *ranks);

#endif
