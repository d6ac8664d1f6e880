// One rank's part of the network, and what can be done with it: present a batch of trials, learn from it.
//
//   psac_network_create -> psac_network_present (any number of times) -> psac_network_destroy
//
// All functions marked collective are called by every rank, in the same order, with the same arguments.
#ifndef PSAC_MODEL_NETWORK_H
#define PSAC_MODEL_NETWORK_H

#include <stdint.h>

#include "src/model/network_parts.h"
#include "src/model/presentation.h"

// Builds this rank's neurons, synapses and initial weights. Collective.
psac_status psac_network_create(const psac_config *config, const psac_backend *backend, const psac_transport *transport,
                                psac_network **network);
void psac_network_destroy(psac_network **network);

// Makes the network one of several equal ones, each of which simulates its share of every batch; they sum what they
// learned. Both arguments have to outlive it. Collective over all replicas, which are then meant by "collective" below.
// Model notebook cannot learn so.
void psac_network_replicate(psac_network *network, const psac_transport *replicas, const psac_ranks *replica_ranks);

// Trials that psac_network_present takes at a time: training.batch_size when it learns, in model notebook, whose
// weights change within a trial, and without learning as many as are simulated together.
int psac_network_batch_size(const psac_network *network, int learn);

// Presents n trials (at most the batch size) and, if `learn`, changes the weights by their outcomes. outcomes [n] is
// filled on rank 0 of every replica only. `observer` may be NULL. Collective.
psac_status psac_network_present(psac_network *network, const psac_trial *trials, int n, int learn,
                                 const psac_observer *observer, psac_outcome *outcomes);

// Collective: spikes of all excitatory and inhibitory middle neurons since the last call.
psac_status psac_network_take_spikes(psac_network *network, const psac_ranks *ranks, int64_t spikes[2]);

#endif
