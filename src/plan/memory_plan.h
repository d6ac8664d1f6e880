// Memory that a rank needs: arithmetic on the configuration and the number of ranks. Builds nothing.
#ifndef PSAC_PLAN_MEMORY_PLAN_H
#define PSAC_PLAN_MEMORY_PLAN_H

#include <stdint.h>

#include "base/status.h"
#include "src/config/config.h"
#include "src/model/sizes.h"

enum { PSAC_PLAN_ITEMS = 16, PSAC_PLAN_HOST_ITEMS = 8 };
// Size of the pieces in which data passes between host and files: neurons, for weights and statistics; bytes, for other
// rows.
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
  double host_bytes;  // their sum, in host memory, in addition to `bytes`
} psac_plan;

// The configuration that one of n_replicas simulates. Its batch is a full share: training.batch_size / n_replicas,
// rounded up. The last replicas may have less.
psac_config psac_plan_share(const psac_config *config, int64_t n_replicas);

// on_device: layouts of the CUDA backend, else of the CPU backend. Accepts any numbers of neurons and ranks that a
// configuration allows.
psac_plan psac_plan_make(const psac_config *config, int64_t n_ranks, int on_device);

// Bytes of the memory that holds the network: on a device its arrays only, on the host everything.
double psac_plan_needed(const psac_plan *plan, int on_device);

// The largest number of neurons (from 1000 on rounded down to a multiple of 1000) that can be built and whose plan
// stays within `bytes` on every rank; 0 if none.
int64_t psac_plan_largest(const psac_config *config, int64_t n_ranks, int on_device, double bytes);

#endif
