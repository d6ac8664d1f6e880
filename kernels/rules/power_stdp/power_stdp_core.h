// Power-STDP (docs/model.md, "Power-STDP"): the columns of an eligibility row, what a middle spike adds to them, the
// resulting weight change, and the bound of the sums. Its broadcast factors are psac_third_factor, per trial, and
// psac_batch_factor (kernels/shard.h). The loops are in the backends. Common subset of C and C++.
#ifndef PSAC_KERNELS_RULES_POWER_STDP_POWER_STDP_CORE_H
#define PSAC_KERNELS_RULES_POWER_STDP_POWER_STDP_CORE_H

#include <math.h>
#include <stdint.h>

#include "base/device.h"
#include "kernels/shard.h"
#include "kernels/elementary_core.h"

// Columns of an eligibility row: one for each output, the critic, the spike count; padded to a multiple of 4.
static inline int psac_power_stdp_columns(int n_output) { return (n_output + 2 + 3) / 4 * 4; }

// What a middle spike in step t adds to the columns of its neuron's row. For output o: third factor k_o x time-reversed
// trace of o's counted spikes, the sum over spikes at t' >= t of exp(-(t' - t) dt / tau_plus). The sum over pairs
// (middle spike, output spike in the same or a later step) thus costs one row addition per middle spike. For the
// critic: delta, in counted steps only. For the count: 1, in counted steps only.
PSAC_HD static inline float psac_power_stdp_trace(float trace, float decay, float spike) {
  return fmaf(trace, decay, spike);
}
PSAC_HD static inline int32_t psac_power_stdp_addend(float third_factor, float trace, float scale) {
  return (int32_t)rintf(third_factor * trace * scale);
}
PSAC_HD static inline int32_t psac_power_stdp_critic_addend(const psac_third_factor *factor, int fraction_bits) {
  return (int32_t)rintf(ldexpf(factor->critic, fraction_bits));
}

// Eligibility is summed in 32 bits. Bound per trial: |k_o| <= 2 / (c_o + 1), and the traces of c_o spikes summed over
// all steps are at most c_o / (1 - decay); the critic's column adds |delta| < 1 per counted step, the spike count 1. In
// units, that is at most 2^30 for a batch; rounding adds at most 1/2 per trial and step, 2^29 for at most 2^30 steps;
// both together stay below 2^31.
enum { PSAC_POWER_STDP_MAX_STEPS = 1 << 30, PSAC_POWER_STDP_MAX_SUM = 3 << 29 };

// Fraction bits of the output columns and of the critic's, for `batch` trials of n_steps.
static inline int32_t psac_power_stdp_output_bits(double batch, double n_steps, double decay) {
  return (int32_t)floor(fmin(30.0 - log2(batch * 2.0 / (1.0 - decay) + batch * n_steps * 0x1p-24), 24.0));
}
static inline int32_t psac_power_stdp_critic_bits(double batch, double n_steps) {
  return (int32_t)floor(fmin(30.0 - log2(batch * n_steps), 24.0));
}

// w + change, clamped to [0, 1], in steps of 2^-30; |change| < 1. Any w: clamping first keeps the sum in range.
PSAC_HD static inline int32_t psac_weight_add(int32_t w, int32_t change) {
  const int32_t lowest = -change, highest = (1 << 30) - change;
  return (w < lowest ? lowest : w > highest ? highest : w) + change;
}

// A weight change in steps of 2^-30, clamped to (-1, 1): no single change needs more than the whole range.
PSAC_HD static inline int32_t psac_weight_change(float change) {
  return (int32_t)rintf(fminf(fmaxf(change, -0x1.fffffep-1f), 0x1.fffffep-1f) * 0x1p30f);
}

// Sum over the batch of third factor x (eligibility - target), for a neuron whose running mean count is `mean`; one
// unit of eligibility is `step`.
PSAC_HD static inline float psac_power_stdp_gate(int32_t eligibility, float step, float mean, float target) {
  return (float)eligibility * step - mean * target;
}

// w after  dw = rate * f(w) * gate,  f = (2 (1 - w))^mu for a positive gate and (2 w)^mu for a negative one (Guetig et
// al. 2003).
PSAC_HD static inline int32_t psac_power_stdp(int32_t weight, float gate, float rate, float mu) {
  const float w = (float)weight * 0x1p-30f;
  const float bound = psac_powf(2.0f * (gate > 0.0f ? 1.0f - w : w), mu);
  return psac_weight_add(weight, psac_weight_change(rate * bound * gate));
}

// The running mean count after a batch in which the neuron spiked n_spikes times.
PSAC_HD static inline float psac_power_stdp_mean(float mean, int32_t n_spikes, const psac_batch_factor *batch) {
  const float count = (float)n_spikes / (float)batch->n_trials;
  return fmaf(batch->mean_rate, count - mean, mean);
}

// A running mean count as an integer for sums, in steps of 2^-PSAC_MEAN_BITS; and its square, in the same steps.
PSAC_HD static inline int32_t psac_mean_steps(float mean) {
  return (int32_t)rintf(mean * (float)(1 << PSAC_MEAN_BITS));
}
PSAC_HD static inline int64_t psac_mean_square(float mean) {
  const int64_t steps = psac_mean_steps(mean);
  return steps * steps >> PSAC_MEAN_BITS;
}

#endif
