#include "partition/layout.h"

psac_layout psac_layout_make(int64_t n_neurons, int64_t n_ranks, int64_t rank) {
  const psac_block_map map = psac_block_map_make(n_neurons, n_ranks);
  const int64_t first = psac_block_map_first(map, rank);
  return (psac_layout){
      .map = map,
      .n_neurons = n_neurons,
      .n_ranks = n_ranks,
      .rank = rank,
      .first_gid = first,
      .n_local = psac_block_map_first(map, rank + 1) - first,
      .n_words = map.slots / 64,
  };
}
