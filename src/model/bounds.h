// Whether every integer sum of a run stays within its type, whatever the spikes turn out to be. The arithmetic is in
// bounds.c.
#ifndef PSAC_MODEL_BOUNDS_H
#define PSAC_MODEL_BOUNDS_H

#include "src/config/config.h"

enum { PSAC_SCALE_MAX = 32 };  // finest unit of currents is 1 / 32

// Refuses a configuration whose sums over neurons, steps or trials could overflow, with the reason. Not collective.
psac_status psac_bounds_check(const psac_config *config);

// The same for the statistics over evaluation images, of which n_of_label carry the commonest of the ten labels.
psac_status psac_bounds_check_images(const psac_config *config, int64_t n_of_label);

// Drives are sums of weights in steps of 2^-bits.
int psac_bounds_drive_bits(const psac_config *config);

// Weights have to lie in [-limit, limit): what fits the fixed point, and lets all neurons spike at once.
double psac_bounds_weight(const psac_config *config);

// The most spikes of a middle neuron in a presentation.
int64_t psac_bounds_spikes(const psac_config *config);

#endif
