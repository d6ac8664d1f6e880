// From configuration and layout to a shard with neurons, synapses and initial weights.
#ifndef PSAC_MODEL_BUILD_H
#define PSAC_MODEL_BUILD_H

#include "src/model/network_parts.h"

// Fills a network whose config, backend, transport and layout are set. On failure the caller calls
// psac_network_destroy. Every rank builds its part independently of the others.
psac_status psac_network_build(psac_network *network);

#endif
