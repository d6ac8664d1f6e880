// One timestep of the middle layer: retina and recurrent currents, integration, spikes.
//
// Per neuron and trial a step moves 8 bytes of potential, 8 of current and an eighth of spikes; a weight of its receptive field is
// read where the pixel spikes, a target list once for each spike. So the step is bound by memory, not by arithmetic.
#include "cuda/cuda_launch.h"
#include "lif_core.h"

enum {
  TRIALS = 8,            // that a thread handles together
  RETINA_SIDE_MAX = 64,  // retina.input_size is at most 64 x 64
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

// Row y of a retina's bits, in one word.
__device__ static uint64_t retina_row(const uint64_t *words, int y, int width) {
  const int first = y * width, shift = first % 64;
  const uint64_t *word = words + first / 64;
  const uint64_t behind = shift + width > 64 ? word[1] << (64 - shift) : 0;
  return (word[0] >> shift | behind) & UINT64_MAX >> (64 - width);
}

// Current of neuron i from a patch of the retina, for TRIALS trials whose rows are given. Few pixels spike in a step: as many rows
// of the patch as a word holds are collected, and only the weights of those that spike are read.
__device__ static void add_patch(const psac_shard *shard, int64_t i, const uint64_t (*row)[RETINA_SIDE_MAX], int32_t *sum) {
  const int corner = (int)shard->field_column[i / PSAC_COLUMN], size = shard->patch_size, together = 64 / size;
  const int top = corner / shard->retina_width, left = corner % shard->retina_width;
  const int16_t *weight = shard->field_weight + i;
  for (int first = 0; first < size; first += together, weight += (int64_t)together * size * shard->n_padded) {
    uint64_t patch[TRIALS] = {0};
    for (int y = 0; y < together && first + y < size; y++) {
      for (int b = 0; b < TRIALS; b++) {
        patch[b] |= (row[b][top + first + y] >> left & UINT64_MAX >> (64 - size)) << (y * size);
      }
    }
    for (int b = 0; b < TRIALS; b++) {
      for (; patch[b]; patch[b] &= patch[b] - 1) sum[b] += weight[(__ffsll((long long)patch[b]) - INT64_C(1)) * shard->n_padded];
    }
  }
}

// Stores the current that the retina gives in step t: the step at hand begins with it.
__global__ void retina_currents(psac_shard shard, int n_trials, int t) {
  __shared__ uint64_t row[TRIALS][RETINA_SIDE_MAX];
  const int first = (int)blockIdx.y * TRIALS, height = shard.retina_height;
  for (int k = (int)threadIdx.x; k < TRIALS * height; k += PSAC_THREADS) {
    const int b = k / height, y = k % height;
    const uint64_t *words = shard.retina_spikes + ((int64_t)(first + b) * shard.n_steps + t) * shard.n_retina_words;
    row[b][y] = first + b < n_trials ? retina_row(words, y, shard.retina_width) : 0;
  }
  __syncthreads();
  const int64_t i = psac_thread();
  if (i >= shard.n_padded) return;
  int32_t sum[TRIALS] = {0};
  if (shard.patch_size > 0) add_patch(&shard, i, row, sum);
  for (int b = 0; b < TRIALS; b++) {
    for (int y = 0; shard.uniform_current && y < height; y++) sum[b] += __popcll(row[b][y]) * shard.uniform_current;
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
