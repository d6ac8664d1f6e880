// Job `plan`: what is asked, and how the answer is printed.
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

// What could be done instead, and what it would bring.
typedef struct psac_advice {
  char change[96];
  const char *note;  // what else it changes; "" = no result changes
  double gain;       // factor on the speed; a job that does not fit is told any change that makes it fit
} psac_advice;

enum { PSAC_ADVICE_MAX = 12 };

// Tries changes of the request with the model; fills advice [PSAC_ADVICE_MAX] with those that fit and gain, the best
// first.
int psac_plan_advise(const psac_plan_request *request, const psac_cost *cost, psac_advice *advice);

// In less than 80 columns, the answer first; verbose: every kernel and message as well.
void psac_plan_print_text(const psac_plan_request *request, const psac_cost *cost, int verbose);
void psac_plan_print_csv(const psac_plan_request *request, const psac_cost *cost);

// Measures this machine with the ranks, backend and transport of this run, and writes its figures to `path`; those that
// it cannot measure are taken from configs/hardware.yaml. Collective.
psac_status psac_calibrate(psac_session *session, const char *path);

#endif
