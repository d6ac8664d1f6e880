// One timestep of the middle layer: retina and recurrent currents, integration, spikes.
//
// Per neuron and trial a step moves 8 bytes of potential, 8 of current and an eighth of spikes; weights of receptive fields are read
// once for several trials, target lists once for each spike. So the step is bound by memory, not by arithmetic.
#include "cuda/cuda_launch.h"
#include "lif_core.h"

enum {
  TRIALS = 8,             // that a thread handles with one read of its weights
  RETINA_WORDS_MAX = 64,  // a retina has at most 64 x 64 units
};

__global__ void rest(float *v, int64_t n, float v_rest) {
  const int64_t k = psac_thread();
  if (k < n) v[k] = v_rest;
}

extern "C" psac_status psac_cuda_reset_middle(psac_stream *stream, const psac_shard *shard, int n_trials) {
  const int64_t n = (int64_t)n_trials * shard->n_padded;
  PSAC_LAUNCH(rest, psac_blocks(n), PSAC_THREADS, stream, shard->v, n, shard->v_rest);
  return PSAC_OK;
}

// Current of neuron i from a patch of the retina, for TRIALS trials whose bits are given.
__device__ static void add_patch(const psac_shard *shard, int64_t i, const uint64_t (*bits)[RETINA_WORDS_MAX], int32_t *sum) {
  const int corner = (int)shard->field_column[i / PSAC_COLUMN];
  const int16_t *weight = shard->field_weight + i;
  for (int y = 0; y < shard->patch_size; y++) {
    for (int x = 0; x < shard->patch_size; x++, weight += shard->n_padded) {
      const int unit = corner + y * shard->retina_width + x;
      const int32_t w = *weight;
      for (int b = 0; b < TRIALS; b++) sum[b] += bits[b][unit / 64] >> (unit % 64) & 1 ? w : 0;
    }
  }
}

// Stores the current that the retina gives in step t: the step at hand begins with it.
__global__ void retina_currents(psac_shard shard, int n_trials, int t) {
  __shared__ uint64_t bits[TRIALS][RETINA_WORDS_MAX];
  const int first = (int)blockIdx.y * TRIALS, n_words = shard.n_retina_words;
  for (int k = (int)threadIdx.x; k < TRIALS * n_words; k += PSAC_THREADS) {
    const int b = k / n_words, w = k % n_words;
    bits[b][w] = first + b < n_trials ? shard.retina_spikes[((int64_t)(first + b) * shard.n_steps + t) * n_words + w] : 0;
  }
  __syncthreads();
  const int64_t i = psac_thread();
  if (i >= shard.n_padded) return;
  int32_t sum[TRIALS] = {0};
  if (shard.patch_size > 0) add_patch(&shard, i, bits, sum);
  for (int b = 0; b < TRIALS; b++) {
    for (int w = 0; shard.uniform_current && w < n_words; w++) sum[b] += __popcll(bits[b][w]) * shard.uniform_current;
    if (first + b < n_trials) shard.current[(int64_t)(first + b) * (shard.n_padded + PSAC_TARGET_GROUP) + i] = sum[b];
  }
}

extern "C" psac_status psac_cuda_prepare_middle(psac_stream *stream, const psac_shard *shard, int n_trials, int t) {
  const dim3 grid(psac_blocks(shard->n_padded), (unsigned)(n_trials + TRIALS - 1) / TRIALS);
  PSAC_LAUNCH(retina_currents, grid, PSAC_THREADS, stream, *shard, n_trials, t);
  return PSAC_OK;
}

// Eight lanes share a word of the spikes that arrive, and read the target list of each of its spikes together.
template <typename index_type>
__device__ static void add_targets(const psac_shard *shard, int32_t *current, int64_t word_index, uint64_t word) {
  const index_type *target = (const index_type *)shard->target;
  for (; word; word &= word - 1) {
    const int64_t slot = 64 * word_index + (__ffsll((long long)word) - 1);
    const int32_t amount = slot < shard->n_exc_slots ? shard->current_exc : shard->current_inh;
    const uint32_t end = shard->target_first[slot + 1];
    for (uint32_t e = shard->target_first[slot] + threadIdx.x % PSAC_TARGET_GROUP; e < end; e += PSAC_TARGET_GROUP) {
      atomicAdd(&current[target[e]], amount);
    }
  }
}

__global__ void recurrent_currents(psac_shard shard, const uint64_t *arriving, size_t rank_stride) {
  const int64_t word_index = psac_thread() / PSAC_TARGET_GROUP;
  if (word_index >= shard.n_source_words) return;
  const int64_t rank = word_index / shard.n_words, w = word_index % shard.n_words, b = blockIdx.y;
  const uint64_t word = arriving[rank * (int64_t)rank_stride + b * shard.n_words + w];
  int32_t *current = shard.current + b * (shard.n_padded + PSAC_TARGET_GROUP);
  if (shard.target_bytes == 2) add_targets<uint16_t>(&shard, current, word_index, word);
  else add_targets<uint32_t>(&shard, current, word_index, word);
}

// Neurons of this warp that are still refractory in step t.
__device__ static uint32_t refractory_half(const psac_shard *shard, int n_trials, int t, int64_t b, int64_t half) {
  const int64_t n_halves = 2 * (int64_t)shard->n_words;
  uint32_t refractory = 0;
  for (int j = 0; j < shard->n_refractory && j < t; j++) {
    const uint32_t spiked = psac_halves(shard->spikes)[((int64_t)(t - 1 - j) * n_trials + b) * n_halves + half];
    refractory |= spiked & psac_halves(shard->refractory)[j * n_halves + half];
  }
  return refractory;
}

// Thread per neuron and trial, a warp per half word of spikes.
__global__ void integrate(psac_shard shard, int n_trials, int t) {
  const int64_t i = psac_thread(), b = blockIdx.y, half = i / PSAC_WARP;
  if (i >= shard.n_padded) return;  // the whole warp: n_padded is a multiple of 64
  float *v = shard.v + b * shard.n_padded + i;
  const int32_t current = shard.current[b * (shard.n_padded + PSAC_TARGET_GROUP) + i];
  const uint32_t refractory = refractory_half(&shard, n_trials, t, b, half);
  const float before = *v;
  const float next =
      refractory >> psac_lane() & 1 ? before : psac_lif_integrate(before, (float)current, shard.dt, shard.tau_m[i]);
  const int spikes = next >= shard.v_thresh;
  *v = spikes ? shard.v_reset : next;
  const uint32_t all = __ballot_sync(PSAC_ALL_LANES, spikes) & psac_halves(shard.alive)[half];
  if (psac_lane() == 0) psac_halves(shard.spikes)[((int64_t)t * n_trials + b) * 2 * shard.n_words + half] = all;
}

extern "C" psac_status psac_cuda_step_middle(psac_stream *stream, const psac_shard *shard, int n_trials, int t,
                                             const uint64_t *arriving, size_t rank_stride) {
  if (arriving) {
    const dim3 grid(psac_blocks((int64_t)shard->n_source_words * PSAC_TARGET_GROUP), (unsigned)n_trials);
    PSAC_LAUNCH(recurrent_currents, grid, PSAC_THREADS, stream, *shard, arriving, rank_stride);
  }
  const dim3 grid(psac_blocks(shard->n_padded), (unsigned)n_trials);
  PSAC_LAUNCH(integrate, grid, PSAC_THREADS, stream, *shard, n_trials, t);
  return PSAC_OK;
}
