// Ownership of the middle neurons: a pure function of the number of neurons, the number of ranks and the rank.
#ifndef PSAC_PARTITION_LAYOUT_H
#define PSAC_PARTITION_LAYOUT_H

#include <stdint.h>

#include "base/block_map.h"

typedef struct psac_layout {
  psac_block_map map;
  int64_t n_neurons;
  int64_t n_ranks;
  int64_t rank;
  int64_t first_gid;  // this rank owns [first_gid, first_gid + n_local)
  int64_t n_local;    // may be 0: neurons are assigned in whole minicolumns
  int64_t n_words;    // 64-bit words of a rank's spike vector, the same on every rank
} psac_layout;

// Not collective. Needs n_neurons >= 1 and 0 <= rank < n_ranks.
psac_layout psac_layout_make(int64_t n_neurons, int64_t n_ranks, int64_t rank);

#endif
