// What learning has changed so far: given back to a freshly built network of the same configuration, on any number of
// ranks, that network continues as if it had never stopped. To be called between batches.
#ifndef PSAC_MODEL_STATE_H
#define PSAC_MODEL_STATE_H

#include <stdint.h>

#include "src/model/network_parts.h"

// The part that does not lie with the neurons.
typedef struct psac_network_state {
  psac_critic critic;       // rank 0
  int64_t spike_counts[2];  // of all ranks since the last psac_network_take_spikes
  int64_t weights_in_range;
} psac_network_state;

// Collective, both.
psac_status psac_network_get_state(const psac_network *network, const psac_ranks *ranks, psac_network_state *state);
psac_status psac_network_set_state(psac_network *network, const psac_network_state *state);

// Neurons [first, first + n) of this rank of an array that learning changes (psac_checkpoint_arrays): [n][width]. set
// refuses values that no training can have left there: PSAC_ERR_INPUT. Not collective. After the last set, the network
// is complete with psac_network_rows_are_set.
psac_status psac_network_get_array(const psac_network *network, const psac_array *array, int64_t first, int64_t n,
                                   void *values);
psac_status psac_network_set_array(psac_network *network, const psac_array *array, int64_t first, int64_t n,
                                   const void *values);
psac_status psac_network_rows_are_set(psac_network *network);

#endif
