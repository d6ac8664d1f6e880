// Expected size of the recurrent target lists on one rank. The number of a neuron's targets on the rank is Poisson with
// mean in_degree * n_local / n_neurons.
#ifndef PSAC_MODEL_FAN_OUT_H
#define PSAC_MODEL_FAN_OUT_H

#include <stdint.h>

// Expected entries of a list with `mean` targets on average, padded to a multiple of `group`.
double psac_fan_out_entries(double mean, double group);

// The same in bytes, with the padding of the backends (source_core.h).
double psac_fan_out_bytes(double mean, double index_bytes);

// Fraction of all neurons that have at least one target.
double psac_fan_out_sources(double mean);

// Bytes of one target index, for ranks of n_words words of 64 neurons.
double psac_fan_out_index_bytes(int64_t n_words);

#endif
