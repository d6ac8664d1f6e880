// What learning has changed so far: given back to a freshly built network of the same configuration, on any number of ranks, that network
// goes on as if it had never stopped. To be called between batches.
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

// Rows [first, first + n) of this rank: readout rows [n][lanes.n] and running means [n]. Not collective. After the last set, the
// network is complete with psac_network_rows_are_set.
psac_status psac_network_get_rows(const psac_network *network, int64_t first, int64_t n, int32_t *rows);
psac_status psac_network_set_rows(psac_network *network, int64_t first, int64_t n, const int32_t *rows);
psac_status psac_network_get_means(const psac_network *network, int64_t first, int64_t n, float *means);
psac_status psac_network_set_means(psac_network *network, int64_t first, int64_t n, const float *means);
psac_status psac_network_rows_are_set(psac_network *network);

#endif
