// Conversion of weights between their values and the readout rows' encoding under each plasticity rule. Common subset
// of C and C++.
#ifndef PSAC_KERNELS_WEIGHT_CORE_H
#define PSAC_KERNELS_WEIGHT_CORE_H

#include <math.h>
#include <stdint.h>

#include "base/device.h"
#include "kernels/backend.h"
#include "kernels/rules/notebook/notebook_core.h"

PSAC_HD static inline float psac_weight_value(psac_rule rule, int32_t stored) {
  return rule == PSAC_RULE_NOTEBOOK ? psac_notebook_weight(stored) : (float)stored * 0x1p-30f;
}

// `value` in [-2, 2).
PSAC_HD static inline int32_t psac_weight_store(psac_rule rule, float value) {
  return rule == PSAC_RULE_NOTEBOOK ? psac_notebook_bits(value) : (int32_t)rintf(value * 0x1p30f);
}

#endif
