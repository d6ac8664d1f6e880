// Predicted time of a trial from the configuration, the number of ranks and a hardware profile. Builds nothing.
//
// Bytes, scattered additions, lookups, launches and messages are counted for rank 0, which has the most work
// (cost_stages.c). The time of a stage is (bytes / bandwidth + additions / rate + lookups / rate) x the stage's
// measured factor, plus launches, sequential steps, host and messages. Only launches and the gather of middle spikes
// overlap other work. The floor is the bytes at full bandwidth (times a factor below 1), the launches and the messages.
#ifndef PSAC_PLAN_COST_H
#define PSAC_PLAN_COST_H

#include <stdint.h>

#include "src/config/config.h"
#include "src/plan/cost_item.h"
#include "src/plan/hardware.h"

// Firing rates of the trained default network (docs/model.md).
psac_conditions psac_conditions_default(void);

// n_ranks = shards x n_replicas: each replica simulates its share of every batch, and eligibilities are summed over
// replicas. n_replicas must divide n_ranks and be at most training.batch_size. Model notebook is planned for memory
// only (no items). conditions NULL = the default.
void psac_cost_estimate(const psac_config *config, int64_t n_ranks, int64_t n_replicas, const psac_hardware *hardware,
                        const psac_conditions *conditions, psac_cost *cost);

// The fastest number of replicas among those that fit into memory; if none fits, the one that needs the least memory.
int64_t psac_cost_best_replicas(const psac_config *config, int64_t n_ranks, const psac_hardware *hardware,
                                const psac_conditions *conditions);

// Seconds per trial of training on whole batches.
double psac_cost_trial(const psac_cost *cost);

// Bytes that a rank needs on this hardware, and whether it has them and the network can be built.
double psac_cost_memory(const psac_cost *cost, const psac_hardware *hardware);
int psac_cost_fits(const psac_cost *cost, const psac_hardware *hardware);

// The smallest number of ranks, at least n_ranks and at most `most`, on which the network fits and can be built;
// 0 if there is none.
int64_t psac_cost_ranks_to_fit(const psac_config *config, int64_t n_ranks, int64_t most, const psac_hardware *hardware);

// The largest part of an item's or of the total time.
psac_cost_part psac_cost_dominant(const double part[PSAC_N_COST_PARTS]);

const char *psac_cost_part_name(psac_cost_part part);

#endif
