// Random connectivity, drawn by global neuron id (docs/model.md, "Receptive fields", "Recurrence"). Every rank can draw
// the inputs of any neuron; only the owner does. Common subset of C and C++.
#ifndef PSAC_KERNELS_WIRING_CORE_H
#define PSAC_KERNELS_WIRING_CORE_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>

#include "base/block_map.h"
#include "base/device.h"
#include "base/rng.h"
#include "kernels/elementary_core.h"

enum { PSAC_PATCH_MAX = 64 * 64 };  // pixels of a receptive field

// Standard normal number `draw` of (key, a, gid): Marsaglia's polar method; each attempt uses a new counter.
PSAC_HD static inline float psac_wiring_normal(psac_rng_key key, uint32_t draw, uint32_t a, int64_t gid) {
  for (uint32_t attempt = 0;; attempt++) {
    const psac_rng_block r =
        psac_rng_draw(key, draw, a | attempt << 16, (uint32_t)gid, (uint32_t)((uint64_t)gid >> 32));
    const float u = psac_rng_signed_unit(r.word[0]), v = psac_rng_signed_unit(r.word[1]);
    const float s = u * u + v * v;
    if (s < 1.0f) return u * sqrtf(-1.3862943611198906f * psac_log2f(s) / s);  // -2 ln s = -2 ln 2 log2 s
  }
}

// Distance between the patch positions of neighboring minicolumns: about 0.618 n_positions (golden section), and
// coprime to n_positions.
PSAC_HD static inline int psac_wiring_hop(int n_positions) {
  int hop = (int)(0.618034 * n_positions) | 1;
  for (;; hop += 2) {
    int a = hop, b = n_positions;  // Euclid's algorithm
    while (b != 0) {
      const int rest = a % b;
      a = b;
      b = rest;
    }
    if (a == 1) return hop;
  }
}

// Retina unit of pixel k of the square patch at a position, for a retina `retina_width` units wide.
PSAC_HD static inline int psac_wiring_unit(int position, int k, int patch_size, int retina_width) {
  const int columns = retina_width - patch_size + 1;
  const int y = position / columns + k / patch_size, x = position % columns + k % patch_size;
  return y * retina_width + x;
}

// Patch position of a minicolumn. Minicolumns cover the n_positions positions evenly, with neighbors far apart (`hop`
// is coprime to n_positions).
PSAC_HD static inline int psac_wiring_position(int64_t minicolumn, int n_positions, int hop) {
  return (int)(minicolumn % n_positions * hop % n_positions);
}

// The n weights of one receptive field, `stride` elements apart: zero-sum, L2 norm `norm`, 16-bit fixed point; weight /
// scale is a current. A field of one pixel cannot be zero-sum; it is +norm or -norm.
PSAC_HD static inline void psac_wiring_receptive_field(psac_rng_key key, int64_t gid, int n, float norm, float scale,
                                                       int16_t *weight, size_t stride) {
  float mean = 0.0f, sum_of_squares = 0.0f;
  for (int k = 0; k < n; k++) mean += psac_wiring_normal(key, (uint32_t)k, 0, gid);
  mean = n > 1 ? mean / (float)n : 0.0f;
  for (int k = 0; k < n; k++) {
    const float w = psac_wiring_normal(key, (uint32_t)k, 0, gid) - mean;
    sum_of_squares += w * w;
  }
  const float factor = norm * scale / sqrtf(sum_of_squares);
  for (int k = 0; k < n; k++) {
    weight[(size_t)k * stride] = (int16_t)rintf((psac_wiring_normal(key, (uint32_t)k, 0, gid) - mean) * factor);
  }
}

// Global id of the source of synapse k onto neuron gid: uniform over the other n_neurons - 1 neurons, with replacement.
PSAC_HD static inline int64_t psac_wiring_source(psac_rng_key key, int64_t gid, uint32_t k, int64_t n_neurons) {
  const psac_rng_block r = psac_rng_draw(key, k / 2, 0, (uint32_t)gid, (uint32_t)((uint64_t)gid >> 32));
  const uint32_t *word = r.word + (k % 2 ? 2 : 0);
  const int64_t source = (int64_t)psac_rng_below(word[0], word[1], (uint64_t)n_neurons - 1);
  return source + (source >= gid);
}

// Initial weight from a middle neuron to a readout neuron: with probability `density` from Normal(mean, sd), clamped to
// [-1, 1.5], else 0.
PSAC_HD static inline float psac_wiring_initial_weight(psac_rng_key key, int64_t gid, uint32_t output, float density,
                                                       float mean, float sd) {
  const psac_rng_block r = psac_rng_draw(key, 0xffffffffu, output, (uint32_t)gid, (uint32_t)((uint64_t)gid >> 32));
  if ((float)(r.word[0] >> 8) * 0x1p-24f >= density) return 0.0f;
  const float w = sd > 0.0f ? fmaf(sd, psac_wiring_normal(key, 0, output, gid), mean) : mean;
  return fminf(fmaxf(w, -1.0f), 1.5f);
}

#endif
