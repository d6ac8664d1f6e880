// Power-STDP: the weight change of one synapse (docs/model.md, "Power-STDP"). Common subset of C and C++.
#ifndef PSAC_KERNELS_RULES_POWER_STDP_POWER_STDP_CORE_H
#define PSAC_KERNELS_RULES_POWER_STDP_POWER_STDP_CORE_H

#include <math.h>
#include <stdint.h>

#include "base/device.h"
#include "kernels/backend.h"
#include "kernels/elementary_core.h"

// w + change, clamped to [0, 1], in steps of 2^-30; |change| < 1. Any w: clamping first keeps the sum in range.
PSAC_HD static inline int32_t psac_weight_add(int32_t w, int32_t change) {
  const int32_t lowest = -change, highest = (1 << 30) - change;
  return (w < lowest ? lowest : w > highest ? highest : w) + change;
}

// A weight change as an integer; one step never needs more than the whole range.
PSAC_HD static inline int32_t psac_weight_change(float change) {
  return (int32_t)rintf(fminf(fmaxf(change, -0x1.fffffep-1f), 0x1.fffffep-1f) * 0x1p30f);
}

// w after  dw = rate * f(w) * gate,  f = (2 (1 - w))^mu for a positive gate and (2 w)^mu for a negative one (Guetig et
// al. 2003). `gate` is the sum over the batch of third factor x (eligibility - target).
PSAC_HD static inline int32_t psac_power_stdp(int32_t weight, float gate, float rate, float mu) {
  const float w = (float)weight * 0x1p-30f;
  const float bound = psac_powf(2.0f * (gate > 0.0f ? 1.0f - w : w), mu);
  return psac_weight_add(weight, psac_weight_change(rate * bound * gate));
}

// A running mean count as it enters sums, in steps of 2^-PSAC_MEAN_BITS; and its square, in the same steps.
PSAC_HD static inline int32_t psac_mean_steps(float mean) {
  return (int32_t)rintf(mean * (float)(1 << PSAC_MEAN_BITS));
}
PSAC_HD static inline int64_t psac_mean_square(float mean) {
  const int64_t steps = psac_mean_steps(mean);
  return steps * steps >> PSAC_MEAN_BITS;
}

#endif
