// One rank's part of the network and its operations: present a batch of trials, learn from it.
//
//   psac_network_create -> psac_network_present (any number of times) -> psac_network_destroy
//
// All functions marked collective are called by every rank, in the same order, with the same arguments.
#ifndef PSAC_MODEL_NETWORK_H
#define PSAC_MODEL_NETWORK_H

#include <stdint.h>

#include "src/model/network_parts.h"
#include "src/model/presentation.h"

// Builds this rank's neurons, synapses and initial weights. Copies *config and *transport; the backend and the
// transport's state must outlive the network. On failure *network is NULL. Collective.
psac_status psac_network_create(const psac_config *config, const psac_backend *backend, const psac_transport *transport,
                                psac_network **network);
// *network may be NULL, and is NULL afterwards.
void psac_network_destroy(psac_network **network);

// Makes the network one of several replicas (data parallelism): each simulates its share of every batch, and the
// replicas sum their eligibilities. Both arguments must outlive the network. Model notebook cannot learn with replicas.
// Collective over all replicas; from then on, "collective" means over all replicas.
void psac_network_replicate(psac_network *network, const psac_transport *replicas, const psac_ranks *replica_ranks);

// Maximum number of trials of one psac_network_present: training.batch_size if model psac learns. Without learning, and
// in model notebook, whose weights change within a trial, it is the number of concurrent trials of all replicas.
int psac_network_batch_size(const psac_network *network, int learn);

// Presents trials [n], n at most psac_network_batch_size, and, if `learn`, changes the weights by their outcomes.
// outcomes [n] is filled on rank 0 of every replica only. `observer` may be NULL. Collective.
psac_status psac_network_present(psac_network *network, const psac_trial *trials, int n, int learn,
                                 const psac_observer *observer, psac_outcome *outcomes);

// Number of spikes of all excitatory [0] and inhibitory [1] middle neurons since the last call, summed over `ranks`.
// Collective.
psac_status psac_network_take_spikes(psac_network *network, const psac_ranks *ranks, int64_t spikes[2]);

#endif
