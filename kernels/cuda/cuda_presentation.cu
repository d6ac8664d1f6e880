// A whole presentation of the middle layer in one launch: the persistent counterpart of cuda_middle.cu, for a layer
// that is on one rank and whose state fits into a block's shared memory (about 22,000 neurons on an H100).
//
// A block simulates one trial. Potentials, currents and the list of arriving spikes stay in shared memory. Retina
// spikes, receptive fields and target lists are read from global memory through the caches; spikes are written to
// global memory. A step has two phases, each followed by a barrier:
//   1. Each arriving spike is added to the currents of its targets by a group of lanes. Data that neurons share is
//      computed once: the retina's patches, the refractory neurons.
//   2. Neurons: current of their patch, integration, spikes, and the list of those that arrive in the next step.
#include "kernels/cuda/cuda_middle.h"

enum { BLOCK = 1024 };  // maximum number of threads

// The block's shared memory. What a step reads most comes first, at fixed offsets.
typedef struct block_state {
  uint64_t *row;         // [PSAC_RETINA_SIDE_MAX] rows of the retina, see psac_retina_row
  uint32_t *n_arriving;  // [2] length of `arriving` in this step, and in the next
  float *v;              // [n_padded] membrane potential
  float *own;            // [states][n_padded] other state variables of the neuron model
  int32_t *current;      // [n_padded] recurrent input of this step
  uint32_t *refractory;  // [n_halves] neurons that do not integrate in this step
  uint32_t *spikes;      // [n_halves] spikes of the last step
  uint16_t *arriving;    // [n_padded] neurons whose spikes arrive in this step
  uint32_t *patch;       // [n_parts][n_corners] spiking pixels of the patch with its upper left corner at a unit
  uint32_t *n_spikes;    // [1] spikes of the retina in this step
} block_state;

// Constants of a presentation.
typedef struct block_plan {
  int n_trials;
  int delay;       // steps until a spike arrives; 0 = no recurrence
  int patch_rows;  // rows of a patch per word
  int n_parts;     // words per patch
  int n_corners;   // entries per part in `patch` (psac_shape_corners)
  int lane_bits;   // log2 of the lanes that read a target list together
  int few;         // target lists are short and not padded
} block_plan;

// Layout of the block's shared memory; psac_shape_block_bytes gives its size.
__device__ static block_state lay_out(const psac_shard *shard, const block_plan *plan, int n_states, char *memory) {
  const size_t n = (size_t)shard->n_padded, n_halves = 2 * (size_t)shard->n_words;
  block_state state;
  state.row = (uint64_t *)memory;
  state.n_arriving = (uint32_t *)(state.row + PSAC_RETINA_SIDE_MAX);
  state.v = (float *)(state.n_arriving + 2);
  state.own = state.v + n;
  state.current = (int32_t *)(state.own + (size_t)n_states * n);
  state.refractory = (uint32_t *)(state.current + n);
  state.spikes = state.refractory + n_halves;
  state.arriving = (uint16_t *)(state.spikes + n_halves);
  state.patch = (uint32_t *)(state.arriving + n);
  state.n_spikes = state.patch + (size_t)plan->n_parts * (size_t)plan->n_corners;
  return state;
}

static size_t state_bytes(const psac_shard *shard) {
  return psac_shape_block_bytes(shard->n_padded, shard->retina_height, shard->retina_width, shard->patch_size,
                                psac_neuron_states(shard->model));
}

// Reads the rows of the retina in step t of trial b. The last threads do it because they have the fewest neurons.
__device__ static void read_retina(const psac_shard *shard, int64_t b, int t, uint64_t *row) {
  const uint64_t *words = shard->retina_spikes + (b * shard->n_steps + t) * shard->n_retina_words;
  for (int y = (int)(blockDim.x - 1 - threadIdx.x); y < shard->retina_height; y += (int)blockDim.x) {
    row[y] = psac_retina_row(words, (uint32_t)y, (uint32_t)shard->retina_width);
  }
}

// Extracts each patch once for all neurons that see it: a warp handles the patches whose upper left corners are in one
// row.
__device__ static void find_patches(const psac_shard *shard, const block_plan *plan, const block_state *state) {
  const int size = shard->patch_size, height = shard->retina_height, width = shard->retina_width;
  for (int top = (int)threadIdx.x / PSAC_WARP; size > 0 && top + size <= height; top += (int)blockDim.x / PSAC_WARP) {
    for (int left = psac_lane(); left + size <= width; left += PSAC_WARP) {
      uint32_t *word = state->patch + top * width + left;
      for (int y = 0; y < size; y += plan->patch_rows) {
        for (int x = 0; x < size; x += 32, word += plan->n_corners) {
          const int n_columns = size - x < 32 ? size - x : 32;
          const int n_rows = size - y < plan->patch_rows ? size - y : plan->patch_rows;
          *word = psac_patch_bits(state->row, (uint32_t)(left + x), (uint32_t)(top + y), (uint32_t)n_columns,
                                  (uint32_t)n_rows);
        }
      }
    }
  }
  if (shard->uniform_current == 0 || threadIdx.x != 0) return;
  uint32_t n_spikes = 0;
  for (int y = 0; y < height; y++) n_spikes += (uint32_t)__popcll(state->row[y]);
  *state->n_spikes = n_spikes;
}

// Adds the spikes that arrive in this step to the currents of their targets: 2^lane_bits lanes per spike, starting with
// the last threads, because the first warps extract patches.
__device__ static void add_arriving(const psac_shard *shard, const block_plan *plan, const block_state *state,
                                    uint32_t n) {
  const uint32_t lanes = 1u << plan->lane_bits, n_groups = blockDim.x >> plan->lane_bits;
  const uint32_t thread = blockDim.x - 1 - threadIdx.x;
  for (uint32_t k = thread >> plan->lane_bits; k < n; k += n_groups) {
    const uint32_t i = state->arriving[k];
    if (!(shard->source_mask[i / 64] >> (i % 64) & 1)) continue;
    const uint32_t source = psac_source_in_slot(shard->source_first, shard->source_mask, i);
    const int32_t amount = psac_synaptic_current(shard, source);
    if (plan->few) psac_add_few<uint16_t>(shard, state->current, amount, source);
    else psac_add_groups<uint16_t>(shard, state->current, amount, source, thread & (lanes - 1), lanes);
  }
}

// Between steps t - 1 and t of trial b: stores the spikes of step t - 1 and finds the neurons that are refractory in
// step t.
__device__ static void turn_over(const psac_shard *shard, const block_plan *plan, const block_state *state, int64_t b,
                                 int t) {
  const int64_t n_halves = 2 * (int64_t)shard->n_words, step = plan->n_trials * n_halves;
  uint32_t *spikes = psac_halves(shard->spikes) + t * step + b * n_halves;
  for (int64_t half = threadIdx.x; half < n_halves; half += blockDim.x) {
    if (t > 0) spikes[half - step] = state->spikes[half];
    state->refractory[half] = psac_refractory_half(shard, plan->n_trials, t, half, spikes + half);
  }
}

// Sum of the weights of the spiking pixels in one word of a patch: [pixels][n_padded] from `first` on. Few pixels
// spike. The next load is issued before the current weight is added.
__device__ static inline int32_t sum_weights(const psac_shard *shard, uint32_t bits, uint32_t first) {
  int32_t sum = 0, pending = 0;
  for (; bits; bits &= bits - 1) {
    const int32_t next = shard->field_weight[first + ((uint32_t)__ffs((int)bits) - 1) * (uint32_t)shard->n_padded];
    sum += pending;
    pending = next;
  }
  return sum + pending;
}

// The same for the words of a large patch after its first one.
__device__ static int32_t sum_other_words(const psac_shard *shard, const block_plan *plan, const uint32_t *word,
                                          uint32_t i) {
  const int per_row = (shard->patch_size + 31) / 32;
  int32_t sum = 0;
  for (int part = 1; part < plan->n_parts; part++) {
    word += plan->n_corners;
    i += (uint32_t)((part % per_row == 0 ? shard->patch_size - 32 * (per_row - 1) : 32) * plan->patch_rows) *
         (uint32_t)shard->n_padded;
    sum += sum_weights(shard, *word, i);
  }
  return sum;
}

// Current of neuron i from the retina.
__device__ static inline int32_t retina_current(const psac_shard *shard, const block_plan *plan,
                                                const block_state *state, uint32_t i) {
  int32_t sum = 0;
  if (plan->n_parts > 0) {
    const uint32_t *word = state->patch + shard->field_minicolumn[i / PSAC_MINICOLUMN];
    sum = sum_weights(shard, *word, i);
    if (plan->n_parts > 1) sum += sum_other_words(shard, plan, word, i);
  }
  return shard->uniform_current != 0 ? sum + (int32_t)*state->n_spikes * shard->uniform_current : sum;
}

// Appends the neurons of half a word whose bits are set to the list of the next step. All lanes of a warp must call it.
__device__ static void append(const block_state *state, uint32_t *n_arriving, uint32_t half, uint32_t spikes,
                              uint32_t lane) {
  if (spikes == 0) return;
  uint32_t place = 0;
  if (lane == 0) place = atomicAdd(n_arriving, (uint32_t)__popc(spikes));
  place = __shfl_sync(PSAC_ALL_LANES, place, 0) + (uint32_t)__popc(spikes & ((1u << lane) - 1));
  if (spikes >> lane & 1) state->arriving[place] = (uint16_t)(PSAC_WARP * half + lane);
}

// Integrates all neurons over step t of trial b and appends those whose spikes arrive in step t + 1 (none without
// recurrence).
template <psac_neuron_model model>
__device__ static void step_neurons(const psac_shard *shard, const block_plan *plan, const block_state *state,
                                    int64_t b, int t, uint32_t *n_arriving) {
  const uint32_t n_halves = 2 * (uint32_t)shard->n_words, n = (uint32_t)shard->n_padded, lane = threadIdx.x % PSAC_WARP;
  const uint32_t *delayed =
      psac_halves(shard->spikes) + ((int64_t)(t + 1 - plan->delay) * plan->n_trials + b) * n_halves;
  // Whole warps: n_padded is a multiple of 64.
  for (uint32_t i = threadIdx.x; i < n; i += blockDim.x) {
    const uint32_t half = i / PSAC_WARP;
    const float input = (float)(state->current[i] + retina_current(shard, plan, state, i));
    const int refractory = (int)(state->refractory[half] >> lane & 1);
    float own[PSAC_NEURON_STATES_MAX] = {};
    for (int s = 0; s < psac_neuron_states(model); s++) own[s] = state->own[(uint32_t)s * n + i];
    const int spike = psac_neuron_step(model, &shard->neuron, shard->leak[i], input, refractory, &state->v[i], own);
    for (int s = 0; s < psac_neuron_states(model); s++) state->own[(uint32_t)s * n + i] = own[s];
    state->current[i] = 0;
    const uint32_t all = __ballot_sync(PSAC_ALL_LANES, spike && i < (uint32_t)shard->n_local);
    if (lane == 0) state->spikes[half] = all;
    if (plan->delay == 1) append(state, n_arriving, half, all, lane);
    else if (plan->delay > 0 && t + 1 >= plan->delay) append(state, n_arriving, half, delayed[half], lane);
  }
}

// Block per trial.
template <psac_neuron_model model>
__device__ static void present(const psac_shard &shard, const block_plan &plan, char *memory) {
  const int n_states = psac_neuron_states(model);
  const block_state state = lay_out(&shard, &plan, n_states, memory);
  const int64_t b = blockIdx.x, n = shard.n_padded;
  for (uint32_t i = threadIdx.x; i < (uint32_t)n; i += blockDim.x) {
    state.v[i] = shard.neuron.v_rest;
    for (int s = 0; s < n_states; s++) state.own[s * n + i] = 0.0f;
    state.current[i] = 0;
  }
  if (threadIdx.x < 2) state.n_arriving[threadIdx.x] = 0;
  read_retina(&shard, b, 0, state.row);
  __syncthreads();
  for (int t = 0; t < shard.n_steps; t++) {
    uint32_t *n_arriving = state.n_arriving + t % 2, *n_next = state.n_arriving + (t + 1) % 2;
    find_patches(&shard, &plan, &state);
    turn_over(&shard, &plan, &state, b, t);
    if (plan.delay > 0) add_arriving(&shard, &plan, &state, *n_arriving);
    __syncthreads();
    if (threadIdx.x == 0) *n_arriving = 0;
    if (t + 1 < shard.n_steps) read_retina(&shard, b, t + 1, state.row);
    step_neurons<model>(&shard, &plan, &state, b, t, n_next);
    __syncthreads();
  }
  turn_over(&shard, &plan, &state, b, shard.n_steps);
  for (uint32_t i = threadIdx.x; i < (uint32_t)n; i += blockDim.x) {
    shard.v[b * n + i] = state.v[i];
    for (int s = 0; s < n_states; s++) shard.state[(s * plan.n_trials + b) * n + i] = state.own[s * n + i];
  }
}

#define X(NAME, name)                                                                             \
  __global__ void __launch_bounds__(BLOCK, 1) present_##name(psac_shard shard, block_plan plan) { \
    PSAC_DYNAMIC_SHARED(memory);                                                                  \
    present<PSAC_NEURON_##NAME>(shard, plan, memory);                                             \
  }
PSAC_NEURON_MODELS(X)
#undef X

extern "C" int psac_cuda_can_present(const psac_shard *shard) {
  int device = 0, most = 0;
  if (cudaGetDevice(&device) != cudaSuccess) return 0;
  if (cudaDeviceGetAttribute(&most, cudaDevAttrMaxSharedMemoryPerBlockOptin, device) != cudaSuccess) return 0;
  return shard->n_source_words == shard->n_words && shard->n_padded <= UINT16_MAX && state_bytes(shard) <= (size_t)most;
}

extern "C" psac_status psac_cuda_present_middle(psac_stream *stream, const psac_shard *shard, int n_trials, int delay) {
  const size_t n_shared = state_bytes(shard);
  const int few = psac_has_few_targets(shard);
  const block_plan plan = {
      n_trials,
      shard->n_sources > 0 ? delay : 0,
      psac_shape_patch_rows(shard->patch_size),
      psac_shape_patch_words(shard->patch_size),
      psac_shape_corners(shard->retina_height, shard->retina_width, shard->patch_size),
      few ? 0 : psac_shape_list_lanes(psac_mean_list_bytes(shard)),
      few,
  };
  const unsigned block = shard->n_padded < BLOCK ? (unsigned)shard->n_padded : (unsigned)BLOCK;
  switch (shard->model) {
#define X(NAME, name)                                                                                         \
  case PSAC_NEURON_##NAME:                                                                                    \
    PSAC_CUDA(cudaFuncSetAttribute((const void *)present_##name, cudaFuncAttributeMaxDynamicSharedMemorySize, \
                                   (int)n_shared));                                                           \
    PSAC_LAUNCH_SHARED(present_##name, (unsigned)n_trials, block, n_shared, stream, *shard, plan);            \
    break;
    PSAC_NEURON_MODELS(X)
#undef X
  }
  return PSAC_OK;
}
