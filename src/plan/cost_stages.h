// Bytes, additions, launches and messages of one batch, stage by stage.
#ifndef PSAC_PLAN_COST_STAGES_H
#define PSAC_PLAN_COST_STAGES_H

#include "src/config/config.h"
#include "src/plan/cost_item.h"
#include "src/plan/hardware.h"

// Appends the items of a batch without their times. Sizes, ranks and batches of `cost` must be set.
void psac_cost_count(const psac_config *config, const psac_hardware *hardware, const psac_conditions *conditions,
                     psac_cost *cost);

#endif
