// One time step of the middle layer: retina and recurrent currents, integration, spikes.
//
// Memory traffic per neuron and trial in a step: 8 bytes of potential, 8 of current and 1/8 of spikes. A weight of the
// receptive field is read only if its pixel spikes, a target list once per spike. With so little traffic, instructions
// cost as much as memory, so threads share common work (docs/performance.md).
#include "kernels/cuda/cuda_middle.h"

enum {
  SECTOR_BITS = 2,  // log2 of the words in a memory sector
  SECTOR_WORDS = 1 << SECTOR_BITS,
};

static_assert((int)PSAC_TRIALS == (int)PSAC_WARPS, "retina_currents deals trials to the warps of a block");

__global__ void reset_potentials(psac_shard shard, int64_t n, int n_states) {
  const int64_t k = psac_thread();
  if (k >= n) return;
  shard.v[k] = shard.neuron.v_rest;
  for (int s = 0; s < n_states; s++) shard.state[s * n + k] = 0.0f;
}

extern "C" psac_status psac_cuda_reset_potentials(psac_stream *stream, const psac_shard *shard, int n_trials) {
  const int64_t n = (int64_t)n_trials * shard->n_padded;
  PSAC_LAUNCH(reset_potentials, psac_blocks(n), PSAC_THREADS, stream, *shard, n, psac_neuron_states(shard->model));
  return PSAC_OK;
}

// Thread per neuron and PSAC_TRIALS trials.
static dim3 trials_grid(const psac_shard *shard, int n_trials) {
  return dim3(psac_blocks(shard->n_padded), (unsigned)(n_trials + PSAC_TRIALS - 1) / PSAC_TRIALS);
}

// Adds the current of neuron i from its patch of the retina to `sum` [PSAC_TRIALS]; row: the retina's rows in each
// trial. The neurons of a minicolumn see the same patch, so each of their lanes collects the bits of one trial,
// patch_rows rows at a time, which fit into 32 bits. Few pixels spike in a step, and only their weights are read. All
// lanes of a warp must call it.
__device__ static void add_patch(const psac_shard *shard, int64_t i, int patch_rows,
                                 const uint64_t (*row)[PSAC_RETINA_SIDE_MAX + 1], int32_t *sum) {
  const uint32_t corner = shard->field_minicolumn[i / PSAC_MINICOLUMN], retina_width = (uint32_t)shard->retina_width;
  const uint32_t top = corner / retina_width, left = corner % retina_width;
  const int size = shard->patch_size, trial = psac_lane() % PSAC_TRIALS, first_lane = psac_lane() - trial;
  const uint32_t n_padded = (uint32_t)shard->n_padded;
  const int16_t *weight = shard->field_weight + i;
  for (int first = 0; first < size; first += patch_rows) {
    for (int x = 0; x < size; x += 32) {
      const uint32_t width = size - x < 32 ? (uint32_t)(size - x) : 32;
      const uint32_t n_rows = size - first < patch_rows ? (uint32_t)(size - first) : (uint32_t)patch_rows;
      const uint32_t bits = psac_patch_bits(row[trial], left + x, top + first, width, n_rows);
      for (int b = 0; b < PSAC_TRIALS; b++) {
        uint32_t patch = __shfl_sync(PSAC_ALL_LANES, bits, first_lane + b);
        for (; patch; patch &= patch - 1) sum[b] += weight[(uint64_t)((uint32_t)__ffs((int)patch) - 1) * n_padded];
      }
      weight += (uint64_t)(n_rows * width) * n_padded;
    }
  }
}

// Sets the currents of step t to those from the retina; recurrent currents are added later. A warp reads the rows of
// one trial for its block.
__global__ void retina_currents(psac_shard shard, int n_trials, int t, int patch_rows) {
  __shared__ uint64_t row[PSAC_TRIALS][PSAC_RETINA_SIDE_MAX + 1];  // + 1 avoids bank conflicts between trials
  const int first = (int)blockIdx.y * PSAC_TRIALS, n = n_trials - first, own = (int)threadIdx.x / PSAC_WARP;
  const uint64_t *words = shard.retina_spikes + ((int64_t)(first + own) * shard.n_steps + t) * shard.n_retina_words;
  for (int y = psac_lane(); y < shard.retina_height; y += PSAC_WARP) {
    row[own][y] = own < n ? psac_retina_row(words, (uint32_t)y, (uint32_t)shard.retina_width) : 0;
  }
  __syncthreads();
  const int64_t i = psac_thread(), n_padded = shard.n_padded;
  if (i >= n_padded) return;  // the whole warp: n_padded is a multiple of 64
  int32_t sum[PSAC_TRIALS] = {0};
  if (shard.patch_size > 0) add_patch(&shard, i, patch_rows, row, sum);
  if (shard.uniform_current != 0) {
    for (int b = 0; b < PSAC_TRIALS; b++) {
      for (int y = 0; y < shard.retina_height; y++) sum[b] += __popcll(row[b][y]) * shard.uniform_current;
    }
  }
  int32_t *current = shard.current + first * n_padded + i;
  for (int b = 0; b < PSAC_TRIALS; b++) {
    if (b < n) current[b * n_padded] = sum[b];
  }
}

extern "C" psac_status psac_cuda_prepare_middle(psac_stream *stream, const psac_shard *shard, int n_trials, int t) {
  PSAC_LAUNCH(retina_currents, trials_grid(shard, n_trials), PSAC_THREADS, stream, *shard, n_trials, t,
              psac_shape_patch_rows(shard->patch_size));
  return PSAC_OK;
}

// With many ranks, most spikes have no targets here; they cost no more than the test of their word. A thread that
// finishes a word takes the next one while other threads of its warp are still busy. Threads of a block are ordered by
// word of a sector, then trial, then sector: spikes are read in whole sectors, and what one trial reads of the index
// and of target lists is in the cache for the others.
__global__ void recurrent_currents(psac_shard shard, int n_trials, psac_recurrence_shape by, int few,
                                   const uint64_t *arriving, size_t rank_stride) {
  const uint32_t lanes = 1u << by.lane_bits, n_groups = 1u << by.group_bits, group = blockIdx.x & (n_groups - 1);
  const uint32_t thread = (blockIdx.x >> by.group_bits) * blockDim.x + threadIdx.x, place = thread >> by.lane_bits;
  const uint32_t w = place >> (SECTOR_BITS + by.trial_bits) << SECTOR_BITS | (place & (SECTOR_WORDS - 1));
  const uint32_t b = blockIdx.y << by.trial_bits | (place >> SECTOR_BITS & ((1u << by.trial_bits) - 1));
  if (w >= (uint32_t)shard.n_words || b >= (uint32_t)n_trials) return;
  const uint32_t n_words = (uint32_t)shard.n_words, words_on = n_words << by.group_bits;
  const size_t spikes_on = rank_stride << by.group_bits;
  int32_t *current = shard.current + (int64_t)b * shard.n_padded;
  const uint64_t *spikes = arriving + group * rank_stride + (size_t)b * n_words + w;
  uint32_t index = group * n_words + w;
  uint64_t mask = 0, word = 0;
  uint32_t first = 0;
  for (int rank = (int)group; word || rank < by.n_ranks;) {
    if (!word) {
      mask = shard.source_mask[index];
      word = *spikes & mask;
      if (word) first = shard.source_first[index];
      spikes += spikes_on;
      index += words_on;
      rank += (int)n_groups;
    }
    if (word) {
      const uint32_t source = psac_source(first, mask, word), lane = thread & (lanes - 1);
      const int32_t amount = psac_synaptic_current(&shard, source);
      if (few && shard.target_bytes == 2) psac_add_few<uint16_t>(&shard, current, amount, source);
      else if (few) psac_add_few<uint32_t>(&shard, current, amount, source);
      else if (shard.target_bytes == 2) psac_add_groups<uint16_t>(&shard, current, amount, source, lane, lanes);
      else psac_add_groups<uint32_t>(&shard, current, amount, source, lane, lanes);
      word &= word - 1;
    }
  }
}

static psac_status launch_recurrent_currents(psac_stream *stream, const psac_shard *shard, int n_trials,
                                             const uint64_t *arriving, size_t rank_stride) {
  if (shard->n_sources == 0) return PSAC_OK;
  const int n_ranks = shard->n_source_words / shard->n_words;
  const psac_recurrence_shape by =
      psac_shape_recurrence(shard->n_words, n_ranks, n_trials, psac_mean_list_bytes(shard));
  const int64_t sectors = (shard->n_words + SECTOR_WORDS - 1) / SECTOR_WORDS;
  const int64_t n_threads = sectors << (SECTOR_BITS + by.lane_bits + by.trial_bits),
                warps = (n_threads + PSAC_WARP - 1) / PSAC_WARP;
  const unsigned block = warps < PSAC_WARPS ? (unsigned)warps * PSAC_WARP : (unsigned)PSAC_THREADS;
  const dim3 grid(psac_blocks(n_threads) << by.group_bits, (unsigned)(((n_trials - 1) >> by.trial_bits) + 1));
  PSAC_LAUNCH(recurrent_currents, grid, block, stream, *shard, n_trials, by, psac_has_few_targets(shard), arriving,
              rank_stride);
  return PSAC_OK;
}

// A thread integrates its neuron in PSAC_TRIALS trials; a warp produces half a word of spikes in each. Lane b reads the
// past spikes of trial b and stores its new ones.
template <psac_neuron_model model>
__device__ static void integrate(const psac_shard &shard, int n_trials, int t) {
  const int64_t i = psac_thread(), half = i / PSAC_WARP, n_padded = shard.n_padded;
  const int first = (int)blockIdx.y * PSAC_TRIALS, n = n_trials - first < PSAC_TRIALS ? n_trials - first : PSAC_TRIALS;
  const int lane = psac_lane(), n_states = psac_neuron_states(model);
  if (i >= n_padded) return;  // the whole warp: n_padded is a multiple of 64
  float *v = shard.v + first * n_padded + i, *state = shard.state + first * n_padded + i;
  const int32_t *current = shard.current + first * n_padded + i;
  uint32_t *spikes = psac_halves(shard.spikes) + ((int64_t)t * n_trials + first + lane) * 2 * shard.n_words + half;
  float potential[PSAC_TRIALS], input[PSAC_TRIALS];
  for (int b = 0; b < PSAC_TRIALS; b++) {
    potential[b] = b < n ? v[b * n_padded] : 0.0f;
    input[b] = b < n ? (float)current[b * n_padded] : 0.0f;
  }
  const float leak = shard.leak[i];
  const uint32_t refractory = lane < n ? psac_refractory_half(&shard, n_trials, t, half, spikes) : 0;
  uint32_t mine = 0;
  for (int b = 0; b < PSAC_TRIALS; b++) {
    const uint32_t still = __shfl_sync(PSAC_ALL_LANES, refractory, b);
    float own[PSAC_NEURON_STATES_MAX] = {};
    for (int s = 0; s < n_states; s++) own[s] = b < n ? state[(s * n_trials + b) * n_padded] : 0.0f;
    const int spike =
        psac_neuron_step(model, &shard.neuron, leak, input[b], (int)(still >> lane & 1), &potential[b], own);
    if (b < n) v[b * n_padded] = potential[b];
    for (int s = 0; s < n_states && b < n; s++) state[(s * n_trials + b) * n_padded] = own[s];
    const uint32_t all = __ballot_sync(PSAC_ALL_LANES, spike);
    if (b == lane) mine = all;
  }
  if (lane < n) *spikes = mine & psac_halves(shard.alive)[half];
}

#define X(NAME, name)                                                       \
  __global__ void integrate_##name(psac_shard shard, int n_trials, int t) { \
    integrate<PSAC_NEURON_##NAME>(shard, n_trials, t);                      \
  }
PSAC_NEURON_MODELS(X)
#undef X

extern "C" psac_status psac_cuda_step_middle(psac_stream *stream, const psac_shard *shard, int n_trials, int t,
                                             const uint64_t *arriving, size_t rank_stride) {
  if (arriving) PSAC_TRY(launch_recurrent_currents(stream, shard, n_trials, arriving, rank_stride));
  switch (shard->model) {
#define X(NAME, name)                                                                                       \
  case PSAC_NEURON_##NAME:                                                                                  \
    PSAC_LAUNCH(integrate_##name, trials_grid(shard, n_trials), PSAC_THREADS, stream, *shard, n_trials, t); \
    break;
    PSAC_NEURON_MODELS(X)
#undef X
  }
  return PSAC_OK;
}
