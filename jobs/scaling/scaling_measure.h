// Measuring one case of a scaling study: build, warm up, present trials, read clocks and counters.
#ifndef PSAC_JOBS_SCALING_SCALING_MEASURE_H
#define PSAC_JOBS_SCALING_SCALING_MEASURE_H

#include "jobs/scaling/scaling_dry_run.h"
#include "jobs/scaling/scaling_study.h"
#include "jobs/scaling/scaling_table.h"
#include "src/run/progress.h"
#include "src/run/session.h"

typedef struct psac_measurement {
  // Backend, counting transports and digits are chosen; the network is built and destroyed here.
  psac_session *session;
  const psac_config *base;  // configuration that the case changes
  psac_scaling_case what;
  int64_t n_train, n_test;        // images of each set
  int synthetic;                  // the images are synthetic
  const psac_hardware *hardware;  // for the predicted speed in a row
  psac_dry_run *dry_run;          // NULL = all ranks are real
  psac_progress_kind progress;
} psac_measurement;

// The configuration of a case and repeat. PSAC_ERR_INPUT if it is invalid. Not collective.
psac_status psac_scaling_case_configure(const psac_config *base, const psac_scaling_case *what, int64_t repeat,
                                        int64_t n_train, psac_config *config);

// Measures the repeats of the case and passes each row to `keep`. Collective.
psac_status psac_measure(const psac_measurement *measurement, psac_status (*keep)(void *self, const psac_row *row),
                         void *self);

#endif
