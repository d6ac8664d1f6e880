// The notebook's plasticity rule (docs/model.md, "Network `notebook`"): a weight is a float32 whose bits are stored in
// a column of the readout row. It changes by the notebook's own floating-point operations. Common subset of C and C++.
#ifndef PSAC_KERNELS_RULES_NOTEBOOK_NOTEBOOK_CORE_H
#define PSAC_KERNELS_RULES_NOTEBOOK_NOTEBOOK_CORE_H

#include <stdint.h>
#include <string.h>

#include "base/device.h"
#include "kernels/backend.h"

PSAC_HD static inline float psac_notebook_weight(int32_t bits) {
  float weight;
  memcpy(&weight, &bits, sizeof weight);
  return weight;
}

PSAC_HD static inline int32_t psac_notebook_bits(float weight) {
  int32_t bits;
  memcpy(&bits, &weight, sizeof bits);
  return bits;
}

// Sets the event of step t, in which `outputs` spike in the same step as middle neurons; none if it is empty. `value`
// is the critic's. PyTorch converts a Python scalar to the tensor's type before it multiplies: ger(middle, output) *
// learning_rate * td_error.
PSAC_HD static inline void psac_notebook_judge(psac_event *event, const psac_reward *reward, uint64_t outputs, int t,
                                               double value) {
  event->step = t;
  event->outputs = outputs;
  if (!outputs) return;
  const double td_error = reward->reward + reward->gamma * value - event->last_value;
  event->last_value = value;
  event->change = (float)reward->learning_rate * (float)td_error;
  event->n_events++;
}

// W.add_(change).clamp_(0, 1) for one weight. Never returns NaN or -0.
PSAC_HD static inline float psac_notebook_add(float weight, float change) {
  const float sum = weight + change;
  return sum > 0.0f ? (sum < 1.0f ? sum : 1.0f) : 0.0f;
}

// A weight as an integer for sums, in steps of 2^-PSAC_NOTEBOOK_BITS: exact from 2^-13 upwards, where the last bit of a
// float32 is worth 2^-36 or more, and rounded to nearest below. For |weight| < 2^15: adding 1.5 * 2^16 leaves the
// integer in the mantissa of a double, which avoids a conversion that vector units lack.
PSAC_HD static inline int64_t psac_notebook_steps(float weight) {
  const double shift = 0x1.8p16, shifted = (double)weight + shift;
  int64_t bits, zero;
  memcpy(&bits, &shifted, sizeof bits);
  memcpy(&zero, &shift, sizeof zero);
  return bits - zero;
}

// What column k of a neuron's row adds to a drive: the columns after the weights are integers.
PSAC_HD static inline int64_t psac_notebook_column(const psac_columns *columns, int k, int32_t bits) {
  return k < columns->n_output ? psac_notebook_steps(psac_notebook_weight(bits)) : bits;
}

#endif
