// Iteration of a warp over the spikes of a range of words (psac_shape_ranges), each of which needs a row of its neuron.
// A warp is split into groups of lanes, one group per row; the groups process different half words concurrently.
#ifndef PSAC_KERNELS_CUDA_CUDA_SPIKES_H
#define PSAC_KERNELS_CUDA_CUDA_SPIKES_H

#include "kernels/cuda/cuda_launch.h"

// Work of a warp.
typedef struct psac_warp_share {
  int64_t item;    // one step of one trial; -1 = none, for excess warps
  int begin, end;  // its range of words
} psac_warp_share;

__device__ static inline psac_warp_share psac_share_of_warp(const psac_shard *shard, int64_t n_items,
                                                            int64_t n_ranges) {
  const int64_t range = psac_warp() / n_items, item = range < n_ranges ? psac_warp() % n_items : -1,
                n_words = shard->n_words;
  return psac_warp_share{item, (int)(n_words * range / n_ranges), (int)(n_words * (range + 1) / n_ranges)};
}

// Calls visit(i) for every spike i in words [first, end), on all lanes of one of the groups of 2^group_bits lanes. All
// lanes of a warp must call this function; visit itself runs on a group only.
template <typename visitor>
__device__ static inline void psac_for_each_spike(const uint64_t *words, int first, int end, int group_bits,
                                                  visitor visit) {
  const int n_groups = PSAC_WARP >> group_bits, group = psac_lane() >> group_bits;
  for (int tile = 2 * first; tile < 2 * end; tile += PSAC_WARP) {
    const int h = tile + psac_lane();
    const uint32_t mine = h < 2 * end ? psac_halves(words)[h] : 0;
    if (__ballot_sync(PSAC_ALL_LANES, mine != 0) == 0) continue;
    for (int source = group; source < PSAC_WARP; source += n_groups) {
      uint32_t spikes = __shfl_sync(PSAC_ALL_LANES, mine, source);
      for (; spikes; spikes &= spikes - 1) visit(32 * (uint32_t)(tile + source) + (uint32_t)__ffs((int)spikes) - 1);
    }
  }
}

#endif
