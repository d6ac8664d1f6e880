// What a batch costs: items, each a kernel or a message, and their sums.
#ifndef PSAC_PLAN_COST_ITEM_H
#define PSAC_PLAN_COST_ITEM_H

#include <stdint.h>

#include "src/model/stages.h"
#include "src/plan/memory_plan.h"

// What the time consists of. X(member, name)
#define PSAC_COST_PART_LIST(X)                \
  X(PSAC_PART_LAUNCH, "kernel launches")      \
  X(PSAC_PART_OPERATIONS, "instructions")     \
  X(PSAC_PART_CACHE, "cache")                 \
  X(PSAC_PART_MEMORY, "memory")               \
  X(PSAC_PART_ATOMICS, "atomics")             \
  X(PSAC_PART_STEPS, "steps in turn")         \
  X(PSAC_PART_HOST, "host")                   \
  X(PSAC_PART_LATENCY, "latency of messages") \
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
  double calls;      // launches, calls or messages
  double bytes;      // moved; of a message: received
  double scattered;  // of them, by atomics, whose time in the cache is counted by their number
  double again;      // beside them: read again by design while they are in the cache
  double least;      // bytes that the same work would move in the best layout we know
  double operations;
  double atomics;
  double resident;         // bytes that have to stay in the cache until they are used again
  double steps_in_turn;    // timesteps that one kernel takes one after another
  double seconds_in_turn;  // that they take beside dependent_step
  double waits;            // of the host
  double host_trials;      // trials that the host prepares or judges
  double floor, seconds;
  double part[PSAC_N_COST_PARTS];  // their sum is `seconds`
} psac_cost_item;

// What the time depends on beside configuration and machine.
typedef struct psac_conditions {
  double rate_exc, rate_inh, rate_output;  // Hz
  int through_mpi;                         // devices exchange through MPI rather than NCCL
} psac_conditions;

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
  double seconds;  // = the sum of the stages = the sum of the parts
  double floor;
} psac_cost;

#endif
