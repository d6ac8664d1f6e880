// The state that learning changes. A newly built network of the same configuration, on any number of ranks, continues
// from it as if the run had never stopped. Call these functions between batches.
#ifndef PSAC_MODEL_STATE_H
#define PSAC_MODEL_STATE_H

#include <stdint.h>

#include "src/model/network_parts.h"

// The part that is not stored per neuron.
typedef struct psac_network_state {
  psac_critic critic;       // rank 0
  int64_t spike_counts[2];  // of all ranks since the last psac_network_take_spikes
  int64_t weights_in_range;
} psac_network_state;

// Both are collective. set returns PSAC_ERR_INPUT if the critic's state is invalid.
psac_status psac_network_get_state(const psac_network *network, const psac_ranks *ranks, psac_network_state *state);
psac_status psac_network_set_state(psac_network *network, const psac_network_state *state);

// Rows of neurons [first, first + n) of this rank, [n][width], in an array that learning changes
// (psac_checkpoint_arrays). set returns PSAC_ERR_INPUT for values that no training can produce. After the last set,
// call psac_network_rows_are_set. Not collective.
psac_status psac_network_get_array(const psac_network *network, const psac_array *array, int64_t first, int64_t n,
                                   void *values);
psac_status psac_network_set_array(psac_network *network, const psac_array *array, int64_t first, int64_t n,
                                   const void *values);
psac_status psac_network_rows_are_set(psac_network *network);

#endif
