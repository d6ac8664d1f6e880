// The cost of a batch: items, each a stage of the simulation or a kind of message, and their sums.
#ifndef PSAC_PLAN_COST_ITEM_H
#define PSAC_PLAN_COST_ITEM_H

#include <stdint.h>

#include "src/model/stages.h"
#include "src/plan/memory_plan.h"

// Components of the predicted time. X(member, name)
#define PSAC_COST_PART_LIST(X)            \
  X(PSAC_PART_LAUNCH, "kernel launches")  \
  X(PSAC_PART_MEMORY, "memory")           \
  X(PSAC_PART_SPIKES, "recurrent spikes") \
  X(PSAC_PART_STEPS, "sequential steps")  \
  X(PSAC_PART_HOST, "host")               \
  X(PSAC_PART_LATENCY, "latency")         \
  X(PSAC_PART_LINKS, "link bandwidth")

typedef enum psac_cost_part {
#define X(member, name) member,
  PSAC_COST_PART_LIST(X)
#undef X
      PSAC_N_COST_PARTS
} psac_cost_part;

enum { PSAC_COST_ITEMS = 16 };

// Totals of one batch on rank 0, which has the most work.
typedef struct psac_cost_item {
  const char *name;
  psac_stage stage;
  int is_message;
  int hides, hidden;    // a `hidden` message is in flight during the kernel that `hides` it
  double ranks, nodes;  // of a message
  double calls;         // kernel launches or messages
  double bytes;         // read and written, each access counted once; of a message, received
  double additions;     // to currents, one for each recurrent spike and target
  double lookups;       // of words of 64 gathered spikes
  double sequential;    // s, of dependent time steps
  double waits;         // of the host for the device
  double host_trials;
  double floor, seconds;
  double part[PSAC_N_COST_PARTS];  // s; their sum is `seconds`
} psac_cost_item;

// What the time depends on besides configuration and hardware.
typedef struct psac_conditions {
  double rate_exc, rate_inh, rate_output;  // Hz
  int through_mpi;                         // devices exchange through MPI rather than NCCL
} psac_conditions;

typedef struct psac_cost {
  int64_t n_ranks, n_shards, n_replicas;
  psac_plan plan;              // of a rank: its shard, its share of the batch
  int can_be_built;            // psac_sizes_check
  int64_t batch, batch_share;  // trials of a batch, and of one replica's share
  double chunks;               // presentations of plan.sizes.n_concurrent trials in a share
  double steps;                // time steps that a rank computes in a batch: chunks x steps of a presentation
  int n_items;
  psac_cost_item item[PSAC_COST_ITEMS];
  // s per batch, on rank 0
  double stage[PSAC_N_STAGES];
  double part[PSAC_N_COST_PARTS];
  double seconds;  // = the sum of the stages = the sum of the parts
  double floor;
} psac_cost;

#endif
