// The connectivity of a network as seen from outside: one spike at a time, read off the membrane potentials.
#ifndef PSAC_TESTS_PROBES_H
#define PSAC_TESTS_PROBES_H

#include "shards.h"

// `config` for probing: a threshold that no single spike reaches, two steps from rest at 0, several trials.
psac_config probe_config(psac_config config);

// field [n_neurons][n_units]: the current that a spike of a retina unit gives a neuron, in steps of 1 / current_scale.
// Probes `cut`, made from a probe_config; the caller frees the result.
int32_t *probe_fields(const shards *cut);

// The same for a network of this configuration on one rank.
int32_t *fields_of(const psac_backend *backend, psac_config config);

// current [n_neurons][n_neurons]: the current that a neuron gets one delay after a spike of another. The caller frees
// it.
int32_t *probe_recurrence(const shards *cut);

#endif
