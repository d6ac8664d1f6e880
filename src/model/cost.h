// How long a trial will take: arithmetic on a configuration, a number of ranks and a machine, without building anything.
//
// Every kernel's bytes, instructions and launches are counted as it is written (cost_gpu.c, cost_cpu.c) for the rank with the most
// to do, rank 0, and turned into seconds by the machine's figures (hardware.h). Expected time adds up what a kernel spends on
// instructions, cache, memory, atomics and waiting, as if nothing overlapped; its floor is the bytes at full bandwidth and the
// launch.
#ifndef PSAC_MODEL_COST_H
#define PSAC_MODEL_COST_H

#include <stdint.h>

#include "config/config.h"
#include "model/hardware.h"
#include "model/plan.h"
#include "model/stages.h"

// What the time consists of. X(member, name)
#define PSAC_COST_PART_LIST(X)                   \
  X(PSAC_PART_LAUNCH, "kernel launches")         \
  X(PSAC_PART_OPERATIONS, "instructions")        \
  X(PSAC_PART_CACHE, "cache")                    \
  X(PSAC_PART_MEMORY, "memory")                  \
  X(PSAC_PART_ATOMICS, "atomics")                \
  X(PSAC_PART_STEPS, "steps in turn")            \
  X(PSAC_PART_HOST, "host")                      \
  X(PSAC_PART_LATENCY, "latency of messages")    \
  X(PSAC_PART_LINKS, "bandwidth of links")

typedef enum psac_cost_part {
#define X(member, name) member,
  PSAC_COST_PART_LIST(X)
#undef X
  PSAC_N_COST_PARTS
} psac_cost_part;

enum { PSAC_COST_ITEMS = 24 };

// One kernel or one kind of message, in one batch.
typedef struct psac_cost_item {
  const char *name;
  psac_stage stage;
  int is_message;
  double calls;             // launches, calls or messages
  double bytes;             // moved; of a message: received
  double scattered;         // of them, by atomics, whose time in the cache is counted by their number
  double again;             // beside them: read again by design while they are in the cache
  double least;             // bytes that the same work would move in the best layout we know
  double operations;
  double atomics;
  double resident;          // bytes that have to stay in the cache until they are used again
  double steps_in_turn;     // timesteps that one kernel takes one after another
  double seconds_in_turn;   // that they take beside dependent_step
  double waits;             // of the host
  double host_trials;       // trials that the host prepares or judges
  double floor, seconds;
  double part[PSAC_N_COST_PARTS];  // their sum is `seconds`
} psac_cost_item;

// What the time depends on beside configuration and machine.
typedef struct psac_conditions {
  double rate_exc, rate_inh, rate_output;  // Hz
  int through_mpi;                         // devices exchange through MPI rather than NCCL
} psac_conditions;

// Rates of the trained default network (docs/model.md).
psac_conditions psac_conditions_default(void);

typedef struct psac_cost {
  int64_t n_ranks, n_shards, n_replicas;
  psac_plan plan;              // of a rank: its shard, its share of the batch
  int64_t batch, batch_share;  // trials of a batch, and of one replica's share
  double chunks;               // presentations of plan.sizes.n_concurrent trials in a share
  double steps;                // timesteps that a rank computes in a batch: chunks x steps of a presentation
  int n_items;
  psac_cost_item item[PSAC_COST_ITEMS];
  // seconds of a batch, on the rank with the most to do
  double stage[PSAC_N_STAGES];
  double part[PSAC_N_COST_PARTS];
  double seconds;              // = the sum of the stages = the sum of the parts
  double floor;
} psac_cost;

// n_ranks = shards x n_replicas: each replica simulates its share of every batch, and eligibilities are summed over replicas.
// n_replicas has to divide n_ranks and be at most training.batch_size. Model seed is planned for memory only (no items).
// conditions NULL = the default.
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
