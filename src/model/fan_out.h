// Expected size of the recurrent target lists on one rank. The number of targets that a neuron has there is Poisson
// with mean in_degree * n_local / n_neurons.
#ifndef PSAC_MODEL_FAN_OUT_H
#define PSAC_MODEL_FAN_OUT_H

#include <stdint.h>

// Entries of a list with `mean` targets on average, padded to whole groups of `group`.
double psac_fan_out_entries(double mean, double group);

// The same in bytes, for the groups that the backends use (source_core.h).
double psac_fan_out_bytes(double mean, double index_bytes);

// Fraction of all neurons that have at least one target.
double psac_fan_out_sources(double mean);

// Bytes of one target index, for ranks of n_words words of 64 neurons.
double psac_fan_out_index_bytes(int64_t n_words);

#endif
