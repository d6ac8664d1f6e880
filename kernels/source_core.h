// How a spike finds its list of targets (kernels.h, psac_shard: source_mask, source_first). Common subset of C and C++.
#ifndef PSAC_KERNELS_SOURCE_CORE_H
#define PSAC_KERNELS_SOURCE_CORE_H

#include <stdint.h>

#include "base/device.h"
#include "kernels.h"

// Number of the neuron at the lowest bit of `spikes` among those that have targets, of which there are `first` before its word and those
// in `mask` in it.
PSAC_HD static inline uint32_t psac_source(uint32_t first, uint64_t mask, uint64_t spikes) {
  return first + (uint32_t)PSAC_POPCOUNT(mask & ~spikes & (spikes - 1));
}

// The same for the neuron in a slot. Without targets: the number of the next one that has some.
PSAC_HD static inline uint32_t psac_source_in_slot(const uint32_t *first, const uint64_t *mask, int64_t slot) {
  return psac_source(first[slot / 64], mask[slot / 64], (uint64_t)1 << (slot % 64));
}

// Mean bytes of the targets of a neuron that has some here; 0 if none has.
static inline int64_t psac_mean_list_bytes(const psac_shard *shard) {
  return shard->n_sources > 0 ? (int64_t)shard->n_local * shard->in_degree * shard->target_bytes / shard->n_sources : 0;
}

#endif
