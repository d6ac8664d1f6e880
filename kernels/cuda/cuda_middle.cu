// One timestep of the middle layer: retina and recurrent currents, integration, spikes.
//
// Per neuron and trial a step moves 8 bytes of potential, 8 of current and an eighth of spikes; a weight of its receptive field is
// read where the pixel spikes, a target list once for each spike. So the step is bound by memory, not by arithmetic.
#include "cuda/cuda_launch.h"
#include "lif_core.h"
#include "source_core.h"

enum {
  TRIALS = 8,            // that a thread handles together
  RETINA_SIDE_MAX = 64,  // retina.input_size is at most 64 x 64
  SECTOR_BITS = 2,       // words in a sector, as a power of two
  SECTOR_WORDS = 1 << SECTOR_BITS,
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
    if (first + b < n_trials) shard.current[(int64_t)(first + b) * shard.n_padded + i] = sum[b];
  }
}

extern "C" psac_status psac_cuda_prepare_middle(psac_stream *stream, const psac_shard *shard, int n_trials, int t) {
  const dim3 grid(psac_blocks(shard->n_padded), (unsigned)(n_trials + TRIALS - 1) / TRIALS);
  PSAC_LAUNCH(retina_currents, grid, PSAC_THREADS, stream, *shard, n_trials, t);
  return PSAC_OK;
}

// What a thread reads of a target list at once.
template <typename index_type>
struct alignas(16) target_group {
  index_type local[16 / sizeof(index_type)];
};

// Adds the spike of a source to its targets: every `lanes`-th group of them, from `lane` on.
template <typename index_type>
__device__ static void add_groups(const psac_shard *shard, int32_t *current, int32_t amount, uint32_t source, uint32_t lane,
                                  uint32_t lanes) {
  const uint32_t group_size = 16 / sizeof(index_type), n_padded = (uint32_t)shard->n_padded;
  const uint32_t end = shard->target_first[source + 1] / group_size;
  for (uint32_t g = shard->target_first[source] / group_size + lane; g < end; g += lanes) {
    const target_group<index_type> group = ((const target_group<index_type> *)shard->target)[g];
    for (uint32_t k = 0; k < group_size; k++) {
      if (group.local[k] < n_padded) atomicAdd(&current[group.local[k]], amount);  // all lists' free places lead to few addresses
    }
  }
}

// The same where targets lie one by one.
template <typename index_type>
__device__ static void add_few(const psac_shard *shard, int32_t *current, int32_t amount, uint32_t source) {
  const uint32_t end = shard->target_first[source + 1];
  for (uint32_t k = shard->target_first[source]; k < end; k++) atomicAdd(&current[((const index_type *)shard->target)[k]], amount);
}

// Most spikes have no targets here where there are many ranks: they cost no more than the look at their word. A thread that is done with
// a word takes the next one while others of its warp are still at theirs. Within a block words of a sector come first, then trials, then
// sectors: spikes are read by whole sectors, and what is read of the index and of lists for one trial is there for the others.
__global__ void recurrent_currents(psac_shard shard, int n_trials, psac_recurrence_shape by, const uint64_t *arriving, size_t rank_stride) {
  const uint32_t lanes = 1u << by.lane_bits, n_groups = 1u << by.group_bits, group = blockIdx.x & (n_groups - 1);
  const uint32_t thread = (blockIdx.x >> by.group_bits) * blockDim.x + threadIdx.x, place = thread >> by.lane_bits;
  const uint32_t w = place >> (SECTOR_BITS + by.trial_bits) << SECTOR_BITS | (place & (SECTOR_WORDS - 1));
  const uint32_t b = blockIdx.y << by.trial_bits | (place >> SECTOR_BITS & ((1u << by.trial_bits) - 1));
  if (w >= (uint32_t)shard.n_words || b >= (uint32_t)n_trials) return;
  const int64_t n_words = shard.n_words;
  int32_t *current = shard.current + (int64_t)b * shard.n_padded;
  const uint64_t *spikes = arriving + group * rank_stride + b * n_words + w;
  int64_t index = group * n_words + w;
  uint64_t mask = 0, word = 0;
  uint32_t first = 0;
  for (int rank = (int)group; word || rank < by.n_ranks;) {
    if (!word) {
      mask = shard.source_mask[index];
      word = *spikes & mask;
      if (word) first = shard.source_first[index];
      spikes += n_groups * rank_stride;
      index += n_groups * n_words;
      rank += (int)n_groups;
    }
    if (word) {
      const uint32_t source = psac_source(first, mask, word), lane = thread & (lanes - 1);
      const int32_t amount = source < shard.n_exc_sources ? shard.current_exc : shard.current_inh;
      if (by.few && shard.target_bytes == 2) add_few<uint16_t>(&shard, current, amount, source);
      else if (by.few) add_few<uint32_t>(&shard, current, amount, source);
      else if (shard.target_bytes == 2) add_groups<uint16_t>(&shard, current, amount, source, lane, lanes);
      else add_groups<uint32_t>(&shard, current, amount, source, lane, lanes);
      word &= word - 1;
    }
  }
}

static psac_status launch_recurrent_currents(psac_stream *stream, const psac_shard *shard, int n_trials, const uint64_t *arriving,
                                             size_t rank_stride) {
  if (shard->n_sources == 0) return PSAC_OK;
  const int n_ranks = shard->n_source_words / shard->n_words, few = psac_target_group(psac_fan_out(shard), shard->target_bytes) == 1;
  const psac_recurrence_shape by = psac_shape_recurrence(shard->n_words, n_ranks, n_trials, few, psac_mean_list_bytes(shard));
  const int64_t sectors = (shard->n_words + SECTOR_WORDS - 1) / SECTOR_WORDS;
  const int64_t n_threads = sectors << (SECTOR_BITS + by.lane_bits + by.trial_bits), warps = (n_threads + PSAC_WARP - 1) / PSAC_WARP;
  const unsigned block = warps < PSAC_WARPS ? (unsigned)warps * PSAC_WARP : (unsigned)PSAC_THREADS;
  const dim3 grid(psac_blocks(n_threads) << by.group_bits, (unsigned)(((n_trials - 1) >> by.trial_bits) + 1));
  PSAC_LAUNCH(recurrent_currents, grid, block, stream, *shard, n_trials, by, arriving, rank_stride);
  return PSAC_OK;
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
  const int32_t current = shard.current[b * shard.n_padded + i];
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
  if (arriving) PSAC_TRY(launch_recurrent_currents(stream, shard, n_trials, arriving, rank_stride));
  const dim3 grid(psac_blocks(shard->n_padded), (unsigned)n_trials);
  PSAC_LAUNCH(integrate, grid, PSAC_THREADS, stream, *shard, n_trials, t);
  return PSAC_OK;
}
