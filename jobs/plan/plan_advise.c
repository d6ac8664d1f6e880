// Suggestions for a faster job: tries changes with the cost model and keeps those that gain.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jobs/plan/plan.h"

static const double WORTH_TELLING = 1.03;
static const char *const CHANGES_LEARNING = "changes what is learned", *const CHANGES_NETWORK = "changes the network";

typedef struct advice_list {
  const psac_plan_request *request;
  double trial;  // seconds of a trial of the request
  int fits;      // whether the request fits
  psac_advice *advice;
  int n;
} advice_list;

// Keeps a changed request if it fits and gains; any that fits, if the request itself does not.
static void try_change(advice_list *list, const psac_plan_request *changed, const char *note, const char *change) {
  psac_cost cost;
  psac_cost_estimate(&changed->config, changed->n_ranks, changed->n_replicas, &changed->hardware, &changed->conditions,
                     &cost);
  const double gain = list->trial / psac_cost_trial(&cost);
  if ((list->fits && gain < WORTH_TELLING) || !psac_cost_fits(&cost, &changed->hardware) || list->n == PSAC_ADVICE_MAX)
    return;
  if (psac_config_check(&changed->config, (int)cost.n_shards) != PSAC_OK) return;
  psac_advice *advice = &list->advice[list->n++];
  *advice = (psac_advice){.note = note, .gain = gain};
  snprintf(advice->change, sizeof advice->change, "%s", change);
}

static void try_ranks(advice_list *list, int64_t n_ranks) {
  psac_plan_request changed = *list->request;
  char change[64];
  changed.n_ranks = n_ranks;
  changed.n_replicas = psac_cost_best_replicas(&changed.config, n_ranks, &changed.hardware, &changed.conditions);
  snprintf(change, sizeof change, "--ranks %lld --replicas %lld", (long long)n_ranks, (long long)changed.n_replicas);
  if (n_ranks / changed.n_replicas <= changed.config.middle_layer.num_neurons) try_change(list, &changed, "", change);
}

static void try_settings(advice_list *list) {
  const psac_plan_request *request = list->request;
  char change[96];
  psac_plan_request changed = *request;
  changed.config.simulation.cuda_graph = 1;
  if (request->hardware.on_device) try_change(list, &changed, "", "simulation.cuda_graph=on");
  changed = *request;
  changed.config.simulation.steps_per_reduce = 0;
  try_change(list, &changed, "", "simulation.steps_per_reduce=0");
  changed = *request;
  changed.conditions.through_mpi = 0;
  if (request->conditions.through_mpi) try_change(list, &changed, "", "--transport nccl");
  for (int64_t together = 256; together >= 16; together /= 4) {
    changed = *request;
    changed.config.simulation.trials_together = together;
    snprintf(change, sizeof change, "simulation.trials_together=%lld", (long long)together);
    try_change(list, &changed, "", change);
  }
}

static void try_model(advice_list *list) {
  const psac_plan_request *request = list->request;
  const int64_t batch = 4 * request->config.training.batch_size, delay = 4 * request->config.recurrence.delay;
  char change[96];
  psac_plan_request changed = *request;
  changed.config.training.batch_size = batch;
  changed.config.simulation.trials_together = batch < 4096 ? batch : 4096;
  snprintf(change, sizeof change, "training.batch_size=%lld simulation.trials_together=%lld", (long long)batch,
           (long long)changed.config.simulation.trials_together);
  if (batch <= 65536) try_change(list, &changed, CHANGES_LEARNING, change);
  changed = *request;
  changed.config.recurrence.delay = delay;
  snprintf(change, sizeof change, "recurrence.delay=%lld", (long long)delay);
  if (delay <= 1000) try_change(list, &changed, CHANGES_NETWORK, change);
  changed = *request;
  changed.config.recurrence.in_degree = list->fits ? request->config.recurrence.in_degree / 2 : 0;
  snprintf(change, sizeof change, "recurrence.in_degree=%lld", (long long)changed.config.recurrence.in_degree);
  try_change(list, &changed, CHANGES_NETWORK, change);
}

static int by_gain(const void *a, const void *b) {
  const double x = ((const psac_advice *)a)->gain, y = ((const psac_advice *)b)->gain;
  return (x < y) - (x > y);
}

int psac_plan_advise(const psac_plan_request *request, const psac_cost *cost, psac_advice *advice) {
  advice_list list = {.request = request, .trial = psac_cost_trial(cost), .advice = advice};
  list.fits = psac_cost_fits(cost, &request->hardware);
  if (cost->n_items == 0) return 0;
  psac_plan_request changed = *request;
  changed.n_replicas =
      psac_cost_best_replicas(&request->config, request->n_ranks, &request->hardware, &request->conditions);
  char change[64];
  snprintf(change, sizeof change, "--replicas %lld", (long long)changed.n_replicas);
  try_change(&list, &changed, "", change);
  try_ranks(&list, 2 * request->n_ranks);
  if (request->n_ranks % 2 == 0) try_ranks(&list, request->n_ranks / 2);
  try_settings(&list);
  try_model(&list);
  qsort(advice, (size_t)list.n, sizeof *advice, by_gain);
  return list.n;
}
