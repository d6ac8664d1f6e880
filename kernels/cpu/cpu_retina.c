// Spike trains of the retina, drawn by (trial, unit, step).
#include <string.h>

#include "base/simd.h"
#include "kernels/cpu/cpu_kernels.h"
#include "kernels/retina_core.h"

enum { STEPS = 32 };  // steps per draw_32_steps

// Bit s = spike of `unit` in step first_step + s.
PSAC_INLINE uint32_t draw_32_steps(psac_rng_key key, uint32_t first_block, uint32_t unit, uint64_t trial,
                                   uint64_t threshold) {
  uint32_t draw[4][STEPS / 4], spikes = 0;
  for (uint32_t b = 0; b < STEPS / 4; b++) {
    const psac_rng_block r = psac_rng_draw(key, first_block + b, unit, (uint32_t)trial, (uint32_t)(trial >> 32));
    for (int k = 0; k < 4; k++) draw[k][b] = r.word[k];
  }
  for (uint32_t b = 0; b < STEPS / 4; b++) {
    for (uint32_t k = 0; k < 4; k++) spikes |= (uint32_t)psac_retina_spikes(draw[k][b], threshold) << (4 * b + k);
  }
  return spikes;
}

PSAC_CLONES static void encode_trial(const psac_shard *shard, psac_rng_key key, const psac_retina_trial *trial,
                                     uint64_t *bits) {
  const size_t words = (size_t)shard->n_retina_words;
  memset(bits, 0, sizeof *bits * words * (size_t)shard->n_steps);
  for (int u = 0; u < shard->n_units; u++) {
    if (trial->threshold[u] == 0) continue;
    uint64_t *unit_bits = bits + u / 64;
    const uint64_t bit = (uint64_t)1 << (u % 64);
    for (int t = 0; t < shard->n_steps; t += STEPS) {
      uint32_t spikes = draw_32_steps(key, (uint32_t)t / 4, (uint32_t)u, trial->trial, trial->threshold[u]);
      if (shard->n_steps - t < STEPS) spikes &= (1u << (shard->n_steps - t)) - 1;
      for (; spikes; spikes &= spikes - 1) unit_bits[(size_t)(t + __builtin_ctz(spikes)) * words] |= bit;
    }
  }
}

psac_status psac_cpu_encode_retina(psac_stream *stream, const psac_shard *shard, psac_rng_key key, int first, int n,
                                   const psac_retina_trial *trials) {
  (void)stream;
  const size_t trial_words = (size_t)shard->n_steps * (size_t)shard->n_retina_words;
  for (int b = 0; b < n; b++) {
    encode_trial(shard, key, &trials[b], shard->retina_spikes + (size_t)(first + b) * trial_words);
  }
  return PSAC_OK;
}
