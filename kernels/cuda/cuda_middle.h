// The middle layer on the device: code shared by the kernels of one time step and the kernel of a whole presentation.
#ifndef PSAC_KERNELS_CUDA_CUDA_MIDDLE_H
#define PSAC_KERNELS_CUDA_CUDA_MIDDLE_H

#include "kernels/cuda/cuda_launch.h"
#include "kernels/source_core.h"

enum { PSAC_RETINA_SIDE_MAX = 64 };  // retina.input_size is at most 64 x 64

// Row y of a retina of `width` columns, bit x = column x. words [n_retina_words]: the retina's spikes in one step of
// one trial.
__device__ static inline uint64_t psac_retina_row(const uint64_t *words, uint32_t y, uint32_t width) {
  const uint32_t first = y * width, shift = first % 64;
  const uint64_t *word = words + first / 64;
  const uint64_t rest = shift + width > 64 ? word[1] << (64 - shift) : 0;
  return (word[0] >> shift | rest) & UINT64_MAX >> (64 - width);
}

// Spiking pixels of a patch: n_rows rows of `width` pixels, upper left corner (left, top), row by row in the low n_rows
// x width bits, at most 32. row [retina_height]: see psac_retina_row.
__device__ static inline uint32_t psac_patch_bits(const uint64_t *row, uint32_t left, uint32_t top, uint32_t width,
                                                  uint32_t n_rows) {
  uint32_t bits = 0;
  for (uint32_t y = 0; y < n_rows; y++) {
    bits |= ((uint32_t)(row[top + y] >> left) & UINT32_MAX >> (32 - width)) << (y * width);
  }
  return bits;
}

// The 16 bytes of a target list that a thread loads at once.
template <typename index_type>
struct alignas(16) psac_target_group_of {
  index_type local[16 / sizeof(index_type)];
};

// Adds `amount` to the currents of a presynaptic neuron's targets: every `lanes`-th group of its list, starting at
// group `lane`.
template <typename index_type>
__device__ static inline void psac_add_groups(const psac_shard *shard, int32_t *current, int32_t amount,
                                              uint32_t source, uint32_t lane, uint32_t lanes) {
  const uint32_t group_size = 16 / sizeof(index_type), n_padded = (uint32_t)shard->n_padded;
  const uint32_t end = shard->target_first[source + 1] / group_size;
  for (uint32_t g = shard->target_first[source] / group_size + lane; g < end; g += lanes) {
    const psac_target_group_of<index_type> group = ((const psac_target_group_of<index_type> *)shard->target)[g];
    for (uint32_t k = 0; k < group_size; k++) {  // skips padding: its atomics would serialize on a few addresses
      if (group.local[k] < n_padded) atomicAdd(&current[group.local[k]], amount);
    }
  }
}

// The same for lists of few targets, which are not padded; one lane adds the whole list.
template <typename index_type>
__device__ static inline void psac_add_few(const psac_shard *shard, int32_t *current, int32_t amount, uint32_t source) {
  const uint32_t end = shard->target_first[source + 1];
  const index_type *target = (const index_type *)shard->target;
  for (uint32_t k = shard->target_first[source]; k < end; k++) atomicAdd(&current[target[k]], amount);
}

// Neurons of half a word that are still refractory in step t. `spikes`: the place of this half word in the spikes of
// step t.
__device__ static inline uint32_t psac_refractory_half(const psac_shard *shard, int n_trials, int t, int64_t half,
                                                       const uint32_t *spikes) {
  const int64_t n_halves = 2 * (int64_t)shard->n_words;
  uint32_t refractory = 0;
  PSAC_NO_UNROLL
  for (int j = 0; j < shard->n_refractory && j < t; j++) {
    spikes -= n_trials * n_halves;
    refractory |= *spikes & psac_halves(shard->refractory)[j * n_halves + half];
  }
  return refractory;
}

// Current of one spike of a presynaptic neuron.
__device__ static inline int32_t psac_synaptic_current(const psac_shard *shard, uint32_t source) {
  return source < shard->n_exc_sources ? shard->current_exc : shard->current_inh;
}

#endif
