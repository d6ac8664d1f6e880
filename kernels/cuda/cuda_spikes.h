// How a warp walks through the spikes of a range of words (psac_shape_ranges): 32 words are read side by side, then every lane sees each
// spike in turn.
#ifndef PSAC_KERNELS_CUDA_SPIKES_H
#define PSAC_KERNELS_CUDA_SPIKES_H

#include "cuda/cuda_launch.h"

// The word with which a range begins; the next one begins where it ends.
__device__ static inline int psac_range_begin(const psac_shard *shard, int64_t range, int64_t n_ranges) {
  return (int)(shard->n_words * range / n_ranges);
}

// Calls visit(i) on all lanes for every spike i in words [first, end). To be called by whole warps.
template <typename visitor>
__device__ static inline void psac_for_each_spike(const uint64_t *words, int first, int end, visitor visit) {
  for (int tile = first; tile < end; tile += PSAC_WARP) {
    const int w = tile + psac_lane();
    const unsigned long long mine = w < end ? words[w] : 0;
    for (uint32_t filled = __ballot_sync(PSAC_ALL_LANES, mine != 0); filled; filled &= filled - 1) {
      const int source = __ffs((int)filled) - 1;
      const unsigned long long word = __shfl_sync(PSAC_ALL_LANES, mine, source);
      for (unsigned long long left = word; left; left &= left - 1) {
        visit(64 * (int64_t)(tile + source) + (__ffsll((long long)left) - 1));
      }
    }
  }
}

#endif
