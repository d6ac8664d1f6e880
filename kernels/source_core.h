// Recurrent synapses are CSR by presynaptic neuron, with a bit mask of non-empty rows. These functions find a spike's
// row of targets (arrays.def: source_mask to target). Common subset of C and C++.
#ifndef PSAC_KERNELS_SOURCE_CORE_H
#define PSAC_KERNELS_SOURCE_CORE_H

#include <stdint.h>

#include "base/device.h"
#include "kernels/backend.h"

// Row index of the neuron at the lowest set bit of `spikes`: its position among the neurons with targets on this rank.
// `first`: number of these before its word; `mask`: those in its word.
PSAC_HD static inline uint32_t psac_source(uint32_t first, uint64_t mask, uint64_t spikes) {
  return first + (uint32_t)PSAC_POPCOUNT(mask & ~spikes & (spikes - 1));
}

// Row index of the neuron in a slot; for a neuron without targets, that of the next neuron with targets.
PSAC_HD static inline uint32_t psac_source_in_slot(const uint32_t *first, const uint64_t *mask, int64_t slot) {
  return psac_source(first[slot / 64], mask[slot / 64], (uint64_t)1 << (slot % 64));
}

// Bytes of a target's local index, on a rank with n_padded neurons.
static inline int psac_target_bytes(int64_t n_padded) { return n_padded + PSAC_TARGET_GROUP <= 65536 ? 2 : 4; }

// Whether target lists are short; fan_out: mean number of targets on a rank per neuron of the whole layer.
static inline int psac_is_few(double fan_out) { return fan_out < PSAC_FEW_TARGETS; }

// Padding granularity of a target list, in entries: 16 bytes, the size of one load. Lists of few targets are not
// padded, so that several of them share a memory sector.
static inline int psac_target_group(double fan_out, int target_bytes) {
  return psac_is_few(fan_out) ? 1 : 16 / target_bytes;
}

static inline double psac_fan_out(const psac_shard *shard) {
  return (double)shard->n_local * (double)shard->in_degree / (double)shard->map.n_neurons;
}

static inline uint32_t psac_shard_target_group(const psac_shard *shard) {
  return (uint32_t)psac_target_group(psac_fan_out(shard), shard->target_bytes);
}

static inline int psac_has_few_targets(const psac_shard *shard) { return psac_is_few(psac_fan_out(shard)); }

// Mean bytes of a non-empty target list, without padding; 0 if all are empty.
static inline int64_t psac_mean_list_bytes(const psac_shard *shard) {
  return shard->n_sources > 0 ? (int64_t)shard->n_local * shard->in_degree * shard->target_bytes / shard->n_sources : 0;
}

#endif
