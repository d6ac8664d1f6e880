// What one mpirun does: a table of jobs.
#ifndef PSAC_JOBS_JOBS_H
#define PSAC_JOBS_JOBS_H

#include "options.h"
#include "ranks.h"

// What --replicas means to a job.
typedef enum psac_replicas_use {
  PSAC_REPLICAS_NONE,   // nothing: there is one network, or none
  PSAC_REPLICAS_LEARN,  // the ranks of this run are cut into so many, which learn: not in model seed
  PSAC_REPLICAS_TEST,   // the same, but nothing learns: in any model
  PSAC_REPLICAS_OWN     // what the job makes of it: other ranks may be meant than those of this run
} psac_replicas_use;

typedef struct psac_job {
  const char *name;
  const char *summary;      // one line, for the list of commands
  const char *description;  // for --help of the job
  const char *options;      // letters of the options that it takes, see options.c
  const char *config;       // configuration when --config is not given
  psac_replicas_use replicas;
  psac_status (*run)(const psac_options *options, psac_ranks *ranks);  // collective
} psac_job;

extern const psac_job psac_jobs[];  // ends with a NULL name; the first is the default

const psac_job *psac_job_find(const char *name);

psac_status psac_job_train(const psac_options *options, psac_ranks *ranks);
psac_status psac_job_evaluate(const psac_options *options, psac_ranks *ranks);
psac_status psac_job_replay(const psac_options *options, psac_ranks *ranks);
psac_status psac_job_scaling(const psac_options *options, psac_ranks *ranks);
psac_status psac_job_info(const psac_options *options, psac_ranks *ranks);
psac_status psac_job_config(const psac_options *options, psac_ranks *ranks);
psac_status psac_job_plan(const psac_options *options, psac_ranks *ranks);

#endif
