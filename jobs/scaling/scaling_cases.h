// Which cases of a study a job measures or lists, on which ranks, and in how many replicas.
#ifndef PSAC_JOBS_SCALING_SCALING_CASES_H
#define PSAC_JOBS_SCALING_SCALING_CASES_H

#include "jobs/options.h"
#include "jobs/scaling/scaling_study.h"
#include "src/run/session.h"

typedef struct psac_scaling_cases {
  psac_study study;  // as changed by the options: repeats, replicas, ranks
  int n;             // cases of the study; the members below select from them
  int kind;          // psac_study_kind; -1 = all
  int number;        // -1 = all
  int64_t repeat;    // of that case, from 0; -1 = all
  int is_listed;     // cases are for the ranks that the study names; otherwise for those of this run
  int is_dry_run;
  int64_t n_ranks;  // of this run, or simulated
  int64_t as_rank;
} psac_scaling_cases;

// Reads the options, after psac_session_configure. PSAC_ERR_INPUT names the option or study and what is allowed.
// Collective.
psac_status psac_scaling_cases_read(const psac_session *session, const psac_options *options,
                                    psac_scaling_cases *cases);

// Fills *what with case k; returns 0 if it is not to be measured. Not collective.
int psac_scaling_cases_take(const psac_scaling_cases *cases, int k, psac_scaling_case *what);

// Prints one line for every case and every number of ranks that its section names, for slurm/scaling_study.sh. Not
// collective.
void psac_scaling_cases_list(const psac_scaling_cases *cases);

#endif
