// How long a trial will take: arithmetic on a configuration, a number of ranks and a machine, without building
// anything.
//
// Every kernel's bytes, instructions and launches are counted as it is written (cost_gpu.c, cost_cpu.c) for the rank
// with the most to do, rank 0, and turned into seconds by the machine's figures (hardware.h). Expected time adds up
// what a kernel spends on instructions, cache, memory, atomics and waiting, as if nothing overlapped; its floor is the
// bytes at full bandwidth and the launch.
#ifndef PSAC_PLAN_COST_H
#define PSAC_PLAN_COST_H

#include <stdint.h>

#include "src/config/config.h"
#include "src/plan/cost_item.h"
#include "src/plan/hardware.h"

// Rates of the trained default network (docs/model.md).
psac_conditions psac_conditions_default(void);

// n_ranks = shards x n_replicas: each replica simulates its share of every batch, and eligibilities are summed over
// replicas. n_replicas has to divide n_ranks and be at most training.batch_size. Model notebook is planned for memory
// only (no items). conditions NULL = the default.
void psac_cost_estimate(const psac_config *config, int64_t n_ranks, int64_t n_replicas, const psac_hardware *hardware,
                        const psac_conditions *conditions, psac_cost *cost);

// The fastest number of replicas among those that fit into memory; where none fits, the one that needs least of it.
int64_t psac_cost_best_replicas(const psac_config *config, int64_t n_ranks, const psac_hardware *hardware,
                                const psac_conditions *conditions);

// Seconds of one trial where a whole machine works through batches.
double psac_cost_trial(const psac_cost *cost);

// Bytes that a rank fills on this machine, and whether it has them.
double psac_cost_memory(const psac_cost *cost, const psac_hardware *hardware);
int psac_cost_fits(const psac_cost *cost, const psac_hardware *hardware);

// The smallest number of ranks, at least n_ranks and at most `most`, on which the network fits and can be built;
// 0 if there is none.
int64_t psac_cost_ranks_to_fit(const psac_config *config, int64_t n_ranks, int64_t most, const psac_hardware *hardware);

// The largest of the parts of an item or of all.
psac_cost_part psac_cost_dominant(const double part[PSAC_N_COST_PARTS]);

const char *psac_cost_part_name(psac_cost_part part);

#endif
