// Counter-based random numbers: Philox4x32-10 (Salmon et al. 2011, library Random123), the same on host and device.
//
// A draw is keyed by its meaning: the seed and the stream give the key; neuron, trial and time step give the counter.
// Nothing is stateful, so any rank can produce any draw and no order of calls matters.
#ifndef PSAC_BASE_RNG_H
#define PSAC_BASE_RNG_H

#include <Random123/philox.h>
#include <stdint.h>

#include "base/device.h"

typedef enum psac_rng_stream {
  PSAC_STREAM_RECEPTIVE_FIELD = 1,  // counter (draw, -, gid low, gid high)
  PSAC_STREAM_RECURRENCE = 2,       // counter (synapse / 2, -, gid low, gid high)
  PSAC_STREAM_INITIAL_WEIGHT = 3,   // counter (draw, output neuron, gid low, gid high)
  PSAC_STREAM_RETINA_TRAIN = 4,     // counter (step / 4, retina unit, trial low, trial high)
  PSAC_STREAM_RETINA_TEST = 5,      // the same for evaluation trials
  PSAC_STREAM_SHUFFLE = 6,          // counter (draw, epoch, 0, 0)
  PSAC_STREAM_DRY_RUN = 7,          // counter (draw, kind, rank, 0); spikes of simulated ranks
  PSAC_STREAM_SYNTHETIC = 8,        // counter (draw, image, 0, 0); synthetic images
} psac_rng_stream;

typedef struct psac_rng_key {
  uint32_t word[2];
} psac_rng_key;

typedef struct psac_rng_block {
  uint32_t word[4];
} psac_rng_block;

PSAC_HD static inline psac_rng_block psac_rng_draw(psac_rng_key key, uint32_t c0, uint32_t c1, uint32_t c2,
                                                   uint32_t c3) {
  philox4x32_ctr_t counter = {{c0, c1, c2, c3}};
  philox4x32_key_t philox_key = {{key.word[0], key.word[1]}};
  philox4x32_ctr_t r = philox4x32(counter, philox_key);
  psac_rng_block block = {{r.v[0], r.v[1], r.v[2], r.v[3]}};
  return block;
}

// The key of one stream of one seed.
PSAC_HD static inline psac_rng_key psac_rng_stream_key(uint64_t seed, psac_rng_stream stream) {
  psac_rng_key seed_key = {{(uint32_t)seed, (uint32_t)(seed >> 32)}};
  psac_rng_block block = psac_rng_draw(seed_key, (uint32_t)stream, 0, 0, 0);
  psac_rng_key key = {{block.word[0], block.word[1]}};
  return key;
}

// 64 random bits -> uniform integer in [0, n); the bias is below n / 2^64.
PSAC_HD static inline uint64_t psac_rng_below(uint32_t high, uint32_t low, uint64_t n) {
  const uint64_t r = (uint64_t)high << 32 | low;
  const uint64_t n_high = n >> 32, n_low = n & 0xffffffffu, r_high = r >> 32, r_low = r & 0xffffffffu;
  // upper 64 bits of r * n, without a 128-bit type
  const uint64_t low_low = r_low * n_low, high_low = r_high * n_low, low_high = r_low * n_high;
  const uint64_t middle = (low_low >> 32) + (high_low & 0xffffffffu) + low_high;
  return r_high * n_high + (high_low >> 32) + (middle >> 32);
}

// 32 random bits -> float in (-1, 1), an odd multiple of 2^-24.
PSAC_HD static inline float psac_rng_signed_unit(uint32_t r) {
  return (float)((int32_t)(r >> 8 << 1) + 1 - (1 << 24)) * 0x1p-24f;
}

#endif
