// Elementary functions built only from operations that IEEE 754 rounds correctly (+, -, *, /, fmaf, rintf), so that
// every compiler and device gives the same bits (math libraries differ in the last place). Common subset of C and C++.
#ifndef PSAC_KERNELS_ELEMENTARY_CORE_H
#define PSAC_KERNELS_ELEMENTARY_CORE_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/device.h"

// log2 of a positive, normal x. Relative error below 1e-6 (atanh series of the mantissa around 1).
PSAC_HD static inline float psac_log2f(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  const uint32_t offset = bits - 0x3f3504f3u;  // puts the mantissa into [sqrt(1/2), sqrt(2))
  const float exponent = (float)((int32_t)offset >> 23);
  bits -= offset & 0xff800000u;
  float m;
  memcpy(&m, &bits, sizeof m);
  const float s = (m - 1.0f) / (m + 1.0f);
  const float z = s * s;
  float p = fmaf(z, 1.0f / 11.0f, 1.0f / 9.0f);
  p = fmaf(p, z, 1.0f / 7.0f);
  p = fmaf(p, z, 1.0f / 5.0f);
  p = fmaf(p, z, 1.0f / 3.0f);
  p = fmaf(p, z, 1.0f);
  return fmaf(s * p, 2.885390081777927f, exponent);  // 2 / ln 2
}

// 2^x for x in [-126, 127]; smaller x give 0. Relative error below 1e-6 (Taylor series on [-1/2, 1/2]).
PSAC_HD static inline float psac_exp2f(float x) {
  if (x < -126.0f) return 0.0f;
  const float whole = rintf(x);
  const float y = (x - whole) * 0.6931471805599453f;
  float p = fmaf(y, 1.0f / 5040.0f, 1.0f / 720.0f);
  p = fmaf(p, y, 1.0f / 120.0f);
  p = fmaf(p, y, 1.0f / 24.0f);
  p = fmaf(p, y, 1.0f / 6.0f);
  p = fmaf(p, y, 0.5f);
  p = fmaf(p, y, 1.0f);
  p = fmaf(p, y, 1.0f);
  const uint32_t bits = (uint32_t)((int32_t)whole + 127) << 23;
  float scale;
  memcpy(&scale, &bits, sizeof scale);
  return p * scale;
}

// x^y for x >= 0 and y >= 0, with 0^y = 0 for y > 0 and x^0 = 1; x^1 is exact.
PSAC_HD static inline float psac_powf(float x, float y) {
  if (y == 0.0f) return 1.0f;
  if (y == 1.0f) return x;
  if (x < 0x1p-126f) return 0.0f;
  return psac_exp2f(y * psac_log2f(x));
}

#endif
