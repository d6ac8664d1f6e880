// The plastic weights of this rank as float.
#ifndef PSAC_MODEL_WEIGHTS_H
#define PSAC_MODEL_WEIGHTS_H

#include <stdint.h>

#include "src/model/network_parts.h"

// Weights of this rank's neurons [first, first + n): to_output [n][n_output], to_critic [n][num_critic_neurons] (0 if
// the critic has no plastic input; may be NULL). set returns PSAC_ERR_INPUT for values outside [-limit, limit), where
// limit = psac_bounds_weight is at most 2. After the last set, call psac_network_rows_are_set (state.h). Not
// collective.
psac_status psac_network_get_weights(const psac_network *network, int64_t first, int64_t n, float *to_output,
                                     float *to_critic);
psac_status psac_network_set_weights(psac_network *network, int64_t first, int64_t n, const float *to_output,
                                     const float *to_critic);

#endif
