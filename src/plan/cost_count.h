// The kernels of each backend, counted as they are written.
#ifndef PSAC_PLAN_COST_COUNT_H
#define PSAC_PLAN_COST_COUNT_H

#include "src/plan/cost_amounts.h"

void psac_cost_count_gpu(const psac_amounts *amounts, psac_cost *cost);
void psac_cost_count_cpu(const psac_amounts *amounts, psac_cost *cost);

#endif
