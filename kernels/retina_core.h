// Bernoulli spike trains of the retina (docs/model.md, "Retina"). Common subset of C and C++.
#ifndef PSAC_KERNELS_RETINA_CORE_H
#define PSAC_KERNELS_RETINA_CORE_H

#include <stdint.h>

#include "base/device.h"

// Spike probability per step as a 32-bit threshold: a uniform 32-bit draw below it is a spike; 2^32 always spikes.
PSAC_HD static inline uint64_t psac_retina_threshold(double rate_hz, double dt_ms) {
  const double p = rate_hz * dt_ms / 1000.0;
  return p >= 1.0 ? (uint64_t)1 << 32 : (uint64_t)(p * 4294967296.0);
}

PSAC_HD static inline int psac_retina_spikes(uint32_t draw, uint64_t threshold) { return draw < threshold; }

#endif
