// Overflow bounds: every integer sum of a run fits its type, whatever the spikes are. The proofs are in bounds.c.
#ifndef PSAC_MODEL_BOUNDS_H
#define PSAC_MODEL_BOUNDS_H

#include "src/config/config.h"

enum { PSAC_SCALE_MAX = 32 };  // finest unit of currents is 1 / 32

// PSAC_ERR_INPUT, with the reason, if a sum over neurons, steps or trials could overflow. Not collective.
psac_status psac_bounds_check(const psac_config *config);

// The same for the statistics over evaluation images. n_of_label = number of images of the most frequent label. Not
// collective.
psac_status psac_bounds_check_images(const psac_config *config, int64_t n_of_label);

// Fraction bits of drives, which are sums of weights in steps of 2^-bits.
int psac_bounds_drive_bits(const psac_config *config);

// The limit of weights, which must lie in [-limit, limit): they fit the fixed-point format, and a step's drive does not
// overflow if all neurons spike.
double psac_bounds_weight(const psac_config *config);

// Maximum number of spikes of a middle neuron in a presentation.
int64_t psac_bounds_spikes(const psac_config *config);

#endif
