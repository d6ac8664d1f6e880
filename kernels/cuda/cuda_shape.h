// Launch shapes of the CUDA kernels, and the shared memory of `present`, which src/plan also uses. Plain C.
#ifndef PSAC_KERNELS_CUDA_CUDA_SHAPE_H
#define PSAC_KERNELS_CUDA_CUDA_SHAPE_H

#include <stdint.h>

#include "kernels/backend.h"
#include "kernels/source_core.h"

enum {
  PSAC_THREADS = 256,  // per block, unless a kernel defines its own
  PSAC_WARP = 32,
  PSAC_WARPS = PSAC_THREADS / PSAC_WARP,
  PSAC_TRIALS = PSAC_MINICOLUMN,     // trials per thread in the middle layer, one for each neuron of a minicolumn
  PSAC_SECTOR = 32,                  // bytes of a memory sector
  PSAC_THREADS_AT_ONCE = 1 << 18,    // resident threads of a large GPU
  PSAC_CURRENTS_AT_ONCE = 24 << 20,  // bytes of currents updated concurrently: half the L2 cache of a large GPU
  PSAC_ROWS_AT_ONCE = 4 << 20,       // bytes of a range's rows: the ranges in flight fit into the L2 cache
};

// Exponent of the largest power of two that is at most n and at most 2^most.
static inline int psac_floor_log2(int64_t n, int most) {
  int bits = 0;
  while (bits < most && n >> (bits + 1) > 0) bits++;
  return bits;
}

// Work distribution of recurrent_currents; *_bits are log2 of numbers.
typedef struct psac_recurrence_shape {
  int lane_bits;   // lanes that share a spike word and read each of its target lists together
  int trial_bits;  // concurrent trials whose words a block processes concurrently
  int group_bits;  // groups of ranks, dealt round-robin; a thread processes its word of every rank of its group
  int n_ranks;
} psac_recurrence_shape;

// log2 of the lanes that read a target list of list_bytes together: one lane per 16 bytes, at most 8.
static inline int psac_shape_list_lanes(int64_t list_bytes) { return psac_floor_log2((list_bytes + 15) / 16, 3); }

// Lanes: one per 16 bytes of a mean list. Trials: if a sector holds more than one list, the number of trials or the
// number whose currents fit into the cache, whichever is smaller; else 1. Groups of ranks: enough to fill a GPU twice
// with these trials.
static inline psac_recurrence_shape psac_shape_recurrence(int64_t n_words, int n_ranks, int n_trials,
                                                          int64_t list_bytes) {
  const int64_t fit = PSAC_CURRENTS_AT_ONCE / (64 * (int64_t)sizeof(int32_t) * n_words);
  const int64_t at_once = fit < 1 ? 1 : fit < n_trials ? fit : n_trials;
  psac_recurrence_shape by;
  by.n_ranks = n_ranks;
  by.lane_bits = psac_shape_list_lanes(list_bytes);
  by.trial_bits = list_bytes < PSAC_SECTOR ? psac_floor_log2(at_once, 5) : 0;
  const int64_t groups = INT64_C(2) * PSAC_THREADS_AT_ONCE / ((n_words << by.lane_bits) * at_once);
  by.group_bits = psac_floor_log2(groups < n_ranks ? groups : n_ranks, 16);
  return by;
}

// 32-bit words for the pixels of a patch. A word holds the largest number of whole rows that fits, or a part of a row.
static inline int psac_shape_patch_rows(int size) { return size > 0 && size < 32 ? 32 / size : 1; }
static inline int psac_shape_patch_words(int size) {
  const int rows = psac_shape_patch_rows(size);
  return size < 32 ? (size + rows - 1) / rows : size * ((size + 31) / 32);
}

// Retina units in the rows that can hold the upper left corner of a patch.
static inline int psac_shape_corners(int height, int width, int size) {
  return size > 0 ? (height - size + 1) * width : 0;
}

// Shared memory of a block of `present`, in bytes. Per neuron: potential, n_states other state variables, current and
// an entry of the list of arriving spikes. Bit masks: spiking and refractory neurons. The retina's rows and patches;
// three counters.
static inline size_t psac_shape_block_bytes(int64_t n_padded, int height, int width, int patch_size, int n_states) {
  const int64_t neuron = (int64_t)((size_t)(1 + n_states) * sizeof(float) + sizeof(int32_t) + sizeof(uint16_t)),
                n_halves = n_padded / 32;
  const int64_t n_patches = psac_shape_patch_words(patch_size) * (int64_t)psac_shape_corners(height, width, patch_size);
  return (size_t)(64 * (int64_t)sizeof(uint64_t) + n_padded * neuron +
                  (2 * n_halves + n_patches + 3) * (int64_t)sizeof(uint32_t));
}

// Number of ranges into which sum_rows and add_eligibility divide the words; a warp processes one range of one step of
// one trial. Each range is processed for all steps and trials before the next, so that a row moves between memory and
// cache once per launch.
static inline int64_t psac_shape_ranges(int64_t n_words, int n_columns) {
  return (64 * (int64_t)sizeof(int32_t) * n_columns * n_words + PSAC_ROWS_AT_ONCE - 1) / PSAC_ROWS_AT_ONCE;
}

// log2 of the lanes that process a row of n elements together: the smallest power of two >= n, at most 32.
static inline int psac_shape_group(int n) { return psac_floor_log2(2 * n - 1, 5); }

// The same ranges, or more (of at least 8 words) where steps and trials are too few to fill a GPU.
static inline int64_t psac_shape_ranges_to_fill(int64_t n_words, int n_columns, int64_t n_items) {
  const int64_t wanted = (PSAC_THREADS_AT_ONCE / PSAC_WARP + n_items - 1) / n_items, most = n_words / 8;
  const int64_t to_fill = wanted < most ? wanted : most, for_cache = psac_shape_ranges(n_words, n_columns);
  return to_fill > for_cache ? to_fill : for_cache;
}

#endif
