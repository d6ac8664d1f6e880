// Job `plan`: the request, and how its result is printed.
#ifndef PSAC_JOBS_PLAN_PLAN_H
#define PSAC_JOBS_PLAN_PLAN_H

#include "src/plan/cost.h"
#include "src/run/session.h"

typedef struct psac_plan_request {
  psac_config config;
  psac_hardware hardware;
  psac_conditions conditions;
  int64_t n_ranks, n_replicas;
} psac_plan_request;

// A suggested change of a request, and its gain.
typedef struct psac_advice {
  char change[96];
  const char *note;  // what else it changes; "" = results stay the same
  double gain;       // speed-up factor; where the request does not fit, any change that makes it fit is suggested
} psac_advice;

enum { PSAC_ADVICE_MAX = 12 };

// Tries changes of the request with the cost model. Fills advice [PSAC_ADVICE_MAX] with those that fit and gain, the
// best first, and returns their number. Not collective.
int psac_plan_advise(const psac_plan_request *request, const psac_cost *cost, psac_advice *advice);

// Print the plan to standard output. The text has fewer than 80 columns, the answer first; `verbose` adds every kernel
// and message. Not collective.
void psac_plan_print_text(const psac_plan_request *request, const psac_cost *cost, int verbose);
void psac_plan_print_csv(const psac_plan_request *request, const psac_cost *cost);

// Measures this machine with the ranks, backend and transport of this run, and writes a hardware profile to `path`.
// Figures that it cannot measure are taken from configs/hardware.yaml. Collective.
psac_status psac_calibrate(psac_session *session, const char *path);

#endif
