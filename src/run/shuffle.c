#include "src/run/shuffle.h"

#include "base/rng.h"

void psac_shuffle(int64_t *order, int64_t n, uint64_t seed, int64_t epoch) {
  const psac_rng_key key = psac_rng_stream_key(seed, PSAC_STREAM_SHUFFLE);
  for (int64_t i = 0; i < n; i++) order[i] = i;
  for (int64_t i = n - 1; i > 0; i--) {
    const psac_rng_block r = psac_rng_draw(key, (uint32_t)i, (uint32_t)((uint64_t)i >> 32), (uint32_t)epoch, 0);
    const int64_t j = (int64_t)psac_rng_below(r.word[0], r.word[1], (uint64_t)i + 1);
    const int64_t kept = order[i];
    order[i] = order[j];
    order[j] = kept;
  }
}
