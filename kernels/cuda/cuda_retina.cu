// Spike trains of the retina, drawn by (trial, unit, step).
#include <stdlib.h>
#include <string.h>

#include "kernels/cuda/cuda_launch.h"
#include "kernels/retina_core.h"

enum { STEPS = 32 };  // per warp

// A warp draws 32 units in 32 steps of a trial: a lane is a unit, a ballot is half a word of a step. numbers: trial
// numbers [n], then thresholds [n][n_units].
__global__ void encode(psac_shard shard, psac_rng_key key, int first, int n, const uint64_t *numbers) {
  const int n_groups = 2 * shard.n_retina_words, n_chunks = (shard.n_steps + STEPS - 1) / STEPS;
  const int64_t warp = psac_warp();
  const int group = (int)(warp % n_groups), chunk = (int)(warp / n_groups % n_chunks);
  const int64_t b = warp / n_groups / n_chunks;
  if (b >= n) return;  // the whole warp
  const int unit = PSAC_WARP * group + psac_lane();
  const uint64_t trial = numbers[b], threshold = unit < shard.n_units ? numbers[n + b * shard.n_units + unit] : 0;
  uint32_t *bits = psac_halves(shard.retina_spikes) + (first + b) * shard.n_steps * n_groups;
  for (int t = STEPS * chunk; t < STEPS * (chunk + 1) && t < shard.n_steps; t += 4) {
    const psac_rng_block draw =
        psac_rng_draw(key, (uint32_t)t / 4, (uint32_t)unit, (uint32_t)trial, (uint32_t)(trial >> 32));
    for (int k = 0; k < 4; k++) {
      const uint32_t spikes = __ballot_sync(PSAC_ALL_LANES, psac_retina_spikes(draw.word[k], threshold));
      if (psac_lane() == 0 && t + k < shard.n_steps) bits[(int64_t)(t + k) * n_groups + group] = spikes;
    }
  }
}

extern "C" psac_status psac_cuda_encode_retina(psac_stream *stream, const psac_shard *shard, psac_rng_key key,
                                               int first, int n, const psac_retina_trial *trials) {
  const size_t n_units = (size_t)shard->n_units, n_numbers = (size_t)n * (1 + n_units);
  uint64_t *numbers = (uint64_t *)malloc(sizeof *numbers * n_numbers + 1);
  if (!numbers) return psac_fail(PSAC_ERR_MEMORY, "out of memory for the retina");
  for (int b = 0; b < n; b++) {
    numbers[b] = trials[b].trial;
    memcpy(numbers + n + (size_t)b * n_units, trials[b].threshold, sizeof *numbers * n_units);
  }
  const psac_status status = psac_cuda_device.upload(stream, shard->thresholds, numbers, sizeof *numbers * n_numbers);
  free(numbers);
  PSAC_TRY(status);
  const int64_t n_warps = (int64_t)n * 2 * shard->n_retina_words * ((shard->n_steps + STEPS - 1) / STEPS);
  PSAC_LAUNCH(encode, psac_warp_blocks(n_warps), PSAC_THREADS, stream, *shard, key, first, n,
              (const uint64_t *)shard->thresholds);
  return PSAC_OK;
}
