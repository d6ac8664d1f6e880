// What a rank will hold in memory: arithmetic on the configuration and the number of ranks, without building anything.
#ifndef PSAC_PLAN_MEMORY_PLAN_H
#define PSAC_PLAN_MEMORY_PLAN_H

#include <stdint.h>

#include "base/status.h"
#include "src/config/config.h"
#include "src/model/sizes.h"

enum { PSAC_PLAN_ITEMS = 16, PSAC_PLAN_HOST_ITEMS = 8 };
// On their way to or from a file: neurons whose weights or statistics are on the host at a time, bytes of other rows.
enum { PSAC_PLAN_PIECE_ROWS = 1 << 14, PSAC_PIECE_BYTES = 1 << 22 };

typedef struct psac_plan_item {
  const char *name;
  double bytes;  // of the largest rank; an expectation where connectivity is random
} psac_plan_item;

typedef struct psac_plan {
  psac_sizes sizes;
  int n_items;
  psac_plan_item item[PSAC_PLAN_ITEMS];
  double bytes;  // their sum, in the backend's memory
  int n_host_items;
  psac_plan_item host_item[PSAC_PLAN_HOST_ITEMS];
  double host_bytes;  // their sum: beside it, on the host
} psac_plan;

// The configuration that one of n_replicas simulates: with its share of every batch, of which the last may have less.
psac_config psac_plan_share(const psac_config *config, int64_t n_replicas);

// on_device: the layout of the CUDA backend rather than the CPU's. Any numbers of neurons and ranks that a
// configuration allows.
psac_plan psac_plan_make(const psac_config *config, int64_t n_ranks, int on_device);

// The largest number of neurons (a multiple of 1000 where that many fit) that can be built and whose plan stays within
// `bytes` on every rank; 0 if none.
int64_t psac_plan_largest(const psac_config *config, int64_t n_ranks, int on_device, double bytes);

#endif
