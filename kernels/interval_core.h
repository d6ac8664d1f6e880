// Irregularity of a spike train: CV2 (Holt et al., J Neurophysiol 75:1806, 1996) compares each inter-spike interval
// with the next, so neither a slowly changing rate nor the number of intervals biases it; a Poisson process has mean 1.
// Common subset of C and C++.
#ifndef PSAC_KERNELS_INTERVAL_CORE_H
#define PSAC_KERNELS_INTERVAL_CORE_H

#include <stdint.h>

#include "base/device.h"

enum { PSAC_CV2_BITS = 24 };  // CV2 is in steps of 2^-24

// 2 |b - a| / (a + b) in [0, 2), rounded, for intervals a and b of 1 to 10^6 steps.
PSAC_HD static inline int64_t psac_cv2(int a, int b) {
  const int64_t sum = (int64_t)a + b, difference = a < b ? b - a : a - b;
  return ((difference << (PSAC_CV2_BITS + 1)) + sum / 2) / sum;
}

#endif
