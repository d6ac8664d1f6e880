// Measuring one case of a scaling study: build, warm up, present trials, look at clocks and counters.
#ifndef PSAC_JOBS_SCALING_SCALING_MEASURE_H
#define PSAC_JOBS_SCALING_SCALING_MEASURE_H

#include "jobs/scaling/scaling_dry_run.h"
#include "jobs/scaling/scaling_study.h"
#include "jobs/scaling/scaling_table.h"
#include "src/run/progress.h"
#include "src/run/session.h"

typedef struct psac_measurement {
  psac_session
      *session;  // backend, transports (which count) and digits chosen; its network is built and destroyed here
  const psac_config *base;  // what the case leaves as it is
  psac_scaling_case what;
  int64_t n_train, n_test;        // images that were read
  int synthetic;                  // they were made up
  const psac_hardware *hardware;  // of the prediction that the row gets
  psac_dry_run *dry_run;          // NULL = all ranks are there
  psac_progress_kind progress;
} psac_measurement;

// The configuration of a case. PSAC_ERR_INPUT where it is none.
psac_status psac_scaling_case_configure(const psac_config *base, const psac_scaling_case *what, int64_t repeat,
                                        int64_t n_train, psac_config *config);

// Measures the repeats of the case; `keep` takes each row. Collective.
psac_status psac_measure(const psac_measurement *measurement, psac_status (*keep)(void *self, const psac_row *row),
                         void *self);

#endif
