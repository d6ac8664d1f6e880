// Block partition of N neurons over ranks: each rank owns a contiguous range of global ids. Pure arithmetic, the same
// on host and device.
//
// The unit of the partition is a minicolumn of PSAC_MINICOLUMN neurons. The first `n_large` ranks hold one minicolumn
// more than the others; the last minicolumn may be incomplete. In a gathered spike vector each rank has `slots` bits (a
// multiple of 64), so the slot of a neuron, its bit index in that vector, follows from its global id alone.
#ifndef PSAC_BASE_BLOCK_MAP_H
#define PSAC_BASE_BLOCK_MAP_H

#include <stdint.h>

#include "base/device.h"

enum { PSAC_MINICOLUMN = 8 };  // neurons that share a receptive-field position, and a vector register

typedef struct psac_block_map {
  int64_t n_neurons;
  int64_t n_large;  // ranks that hold `large` neurons
  int64_t large;    // neurons of a large block, a multiple of PSAC_MINICOLUMN
  int64_t slots;    // bits per rank in a gathered spike vector
} psac_block_map;

PSAC_HD static inline psac_block_map psac_block_map_make(int64_t n_neurons, int64_t n_ranks) {
  const int64_t n_minicolumns = (n_neurons + PSAC_MINICOLUMN - 1) / PSAC_MINICOLUMN;
  psac_block_map map;
  map.n_neurons = n_neurons;
  map.n_large = n_minicolumns % n_ranks;
  map.large = (n_minicolumns / n_ranks + 1) * PSAC_MINICOLUMN;
  const int64_t largest = map.n_large > 0 ? map.large : map.large - PSAC_MINICOLUMN;
  map.slots = (largest + 63) / 64 * 64;
  return map;
}

// Global id of the first neuron of a rank; first(n_ranks) == n_neurons.
PSAC_HD static inline int64_t psac_block_map_first(psac_block_map map, int64_t rank) {
  const int64_t extra = rank < map.n_large ? rank : map.n_large;
  const int64_t first = rank * (map.large - PSAC_MINICOLUMN) + extra * PSAC_MINICOLUMN;
  return first < map.n_neurons ? first : map.n_neurons;
}

PSAC_HD static inline int64_t psac_block_map_rank(psac_block_map map, int64_t gid) {
  const int64_t boundary = map.n_large * map.large;
  return gid < boundary ? gid / map.large : map.n_large + (gid - boundary) / (map.large - PSAC_MINICOLUMN);
}

PSAC_HD static inline int64_t psac_block_map_slot(psac_block_map map, int64_t gid) {
  const int64_t rank = psac_block_map_rank(map, gid);
  return rank * map.slots + gid - psac_block_map_first(map, rank);
}

#endif
