// Connectivity of a shard, made on the device: every rank draws the inputs of its own neurons.
#include "cuda/cuda_launch.h"
#include "wiring_core.h"

enum { SCAN_THREADS = 1024 };

extern "C" psac_status psac_cuda_build_state(psac_stream *stream, psac_shard *shard, int n_trials) {
  (void)stream;
  const size_t n = (size_t)n_trials;
  PSAC_TRY(psac_cuda_alloc((void **)&shard->v, sizeof *shard->v * n * (size_t)shard->n_padded, "membrane potentials"));
  return psac_cuda_alloc((void **)&shard->current, sizeof *shard->current * n * (size_t)(shard->n_padded + PSAC_TARGET_GROUP),
                         "input currents");
}

// Thread per neuron; weights [patch pixels][n_padded], and per column the retina unit at its patch's upper left corner.
__global__ void build_fields(psac_shard shard, psac_rng_key key, float norm, int n_positions, int hop) {
  const int64_t i = psac_thread();
  if (i >= shard.n_local) return;
  const int patch = shard.patch_size * shard.patch_size;
  psac_wiring_receptive_field(key, shard.first_gid + i, patch, norm, shard.current_scale, shard.field_weight + i,
                              (size_t)shard.n_padded);
  const int position = psac_wiring_position((shard.first_gid + i) / PSAC_COLUMN, n_positions, hop);
  shard.field_column[i / PSAC_COLUMN] = (uint32_t)psac_wiring_unit(position, 0, shard.patch_size, shard.retina_width);
}

extern "C" psac_status psac_cuda_build_receptive_fields(psac_stream *stream, psac_shard *shard, psac_rng_key key, float norm) {
  const size_t patch = (size_t)(shard->patch_size * shard->patch_size);
  const int n_positions =
      (shard->retina_height - shard->patch_size + 1) * (shard->retina_width - shard->patch_size + 1);
  PSAC_TRY(psac_cuda_alloc((void **)&shard->field_column, sizeof(uint32_t) * (size_t)(shard->n_padded / PSAC_COLUMN),
                           "receptive fields"));
  PSAC_TRY(psac_cuda_alloc((void **)&shard->field_weight, sizeof(int16_t) * patch * (size_t)shard->n_padded, "receptive fields"));
  PSAC_LAUNCH(build_fields, psac_blocks(shard->n_local), PSAC_THREADS, stream, *shard, key, norm, n_positions,
              psac_wiring_hop(n_positions));
  return PSAC_OK;
}

// Slot of the source of synapse number n of the shard; *i = the neuron it leads to.
__device__ static int64_t source_slot(const psac_shard *shard, psac_rng_key key, int64_t n, int64_t *i) {
  *i = n / shard->in_degree;
  const int64_t gid = psac_wiring_source(key, shard->first_gid + *i, (uint32_t)(n % shard->in_degree), shard->map.n_neurons);
  return psac_block_map_slot(shard->map, gid);
}

__global__ void count_targets(psac_shard shard, psac_rng_key key) {
  const int64_t n = psac_thread();
  if (n >= (int64_t)shard.n_local * shard.in_degree) return;
  int64_t i;
  const int64_t slot = source_slot(&shard, key, n, &i);
  atomicAdd(&shard.target_first[slot + 1], 1u);
}

// Turns the counts in first [n + 1] into starts of whole groups, tile by tile in one block; *total = the number of places.
__global__ void make_starts(uint32_t *first, int64_t n, uint32_t group, uint64_t *total) {
  __shared__ uint64_t sum[SCAN_THREADS];
  uint64_t before = 0;
  for (int64_t tile = 0; tile < n; tile += SCAN_THREADS) {
    const int64_t s = tile + threadIdx.x;
    sum[threadIdx.x] = s < n ? ((uint64_t)first[s + 1] + group - 1) / group * group : 0;
    __syncthreads();
    for (unsigned distance = 1; distance < SCAN_THREADS; distance *= 2) {
      const uint64_t left = threadIdx.x >= distance ? sum[threadIdx.x - distance] : 0;
      __syncthreads();
      sum[threadIdx.x] += left;
      __syncthreads();
    }
    if (s < n) first[s + 1] = (uint32_t)(before + sum[threadIdx.x]);
    before += sum[SCAN_THREADS - 1];
    __syncthreads();
  }
  if (threadIdx.x == 0) *total = before;
}

__device__ static void store_target(const psac_shard *shard, uint32_t place, uint32_t local) {
  if (shard->target_bytes == 2) ((uint16_t *)shard->target)[place] = (uint16_t)local;
  else ((uint32_t *)shard->target)[place] = local;
}

// Places that stay free lead just behind n_padded, where nobody looks.
__global__ void fill_targets(psac_shard shard, int64_t n_places, uint32_t group) {
  const int64_t e = psac_thread();
  if (e < n_places) store_target(&shard, (uint32_t)e, (uint32_t)shard.n_padded + (uint32_t)e % group);
}

__global__ void place_targets(psac_shard shard, psac_rng_key key, uint32_t *next) {
  const int64_t n = psac_thread();
  if (n >= (int64_t)shard.n_local * shard.in_degree) return;
  int64_t i;
  const int64_t slot = source_slot(&shard, key, n, &i);
  store_target(&shard, atomicAdd(&next[slot], 1u), (uint32_t)i);
}

// Counts, starts, places: `next` [n_slots] and `total` are scratch.
static psac_status sort_synapses(psac_stream *stream, psac_shard *shard, psac_rng_key key, uint32_t *next, uint64_t *total) {
  const int64_t n_slots = (int64_t)shard->n_source_words * 64, n_synapses = (int64_t)shard->n_local * shard->in_degree;
  const uint32_t group = 16 / (uint32_t)shard->target_bytes;
  uint64_t n_places;
  PSAC_LAUNCH(count_targets, psac_blocks(n_synapses), PSAC_THREADS, stream, *shard, key);
  PSAC_LAUNCH(make_starts, 1, SCAN_THREADS, stream, shard->target_first, n_slots, group, total);
  PSAC_CUDA(cudaMemcpyAsync(&n_places, total, sizeof n_places, cudaMemcpyDeviceToHost, stream->cuda));
  PSAC_CUDA(cudaStreamSynchronize(stream->cuda));
  if (n_places > UINT32_MAX) {
    return psac_fail(PSAC_ERR_INPUT, "%d neurons with %d recurrent synapses each are too many for one rank (limit 2^32 "
                     "synapses); use more ranks", shard->n_local, shard->in_degree);
  }
  PSAC_TRY(psac_cuda_alloc(&shard->target, (size_t)n_places * (size_t)shard->target_bytes, "recurrent synapses"));
  PSAC_LAUNCH(fill_targets, psac_blocks((int64_t)n_places), PSAC_THREADS, stream, *shard, (int64_t)n_places, group);
  PSAC_CUDA(cudaMemcpyAsync(next, shard->target_first, sizeof *next * (size_t)n_slots, cudaMemcpyDeviceToDevice, stream->cuda));
  PSAC_LAUNCH(place_targets, psac_blocks(n_synapses), PSAC_THREADS, stream, *shard, key, next);
  return psac_kernels_cuda.synchronize(stream);
}

extern "C" psac_status psac_cuda_build_recurrence(psac_stream *stream, psac_shard *shard, psac_rng_key key) {
  const size_t n_slots = (size_t)shard->n_source_words * 64;
  shard->target_bytes = shard->n_padded + PSAC_TARGET_GROUP <= 65536 ? 2 : 4;
  PSAC_TRY(psac_cuda_alloc((void **)&shard->target_first, sizeof(uint32_t) * (n_slots + 1), "recurrent synapses"));
  void *next, *total = NULL;
  PSAC_TRY(psac_cuda_alloc(&next, sizeof(uint32_t) * n_slots, "building recurrent synapses"));
  psac_status status = psac_cuda_alloc(&total, sizeof(uint64_t), "building recurrent synapses");
  if (status == PSAC_OK) status = sort_synapses(stream, shard, key, (uint32_t *)next, (uint64_t *)total);
  psac_cuda_release(next);
  psac_cuda_release(total);
  return status;
}

__global__ void draw_weights(psac_shard shard, psac_rng_key key, float density, float mean, float sd) {
  const int n = shard.lanes.n_output + shard.lanes.n_critic + 1;
  const int64_t k = psac_thread(), i = k / n;
  const int o = (int)(k % n);
  if (i >= shard.n_local) return;
  int32_t *row = shard.row + i * shard.lanes.n;
  if (o == n - 1) row[shard.lanes.one] = 1;
  else row[o] = psac_wiring_initial_weight(key, shard.first_gid + i, (uint32_t)o, density, mean, sd);
}

extern "C" psac_status psac_cuda_initialise_weights(psac_stream *stream, psac_shard *shard, psac_rng_key key, float density,
                                                    float mean, float sd) {
  const int64_t n = (int64_t)shard->n_local * (shard->lanes.n_output + shard->lanes.n_critic + 1);
  PSAC_LAUNCH(draw_weights, psac_blocks(n), PSAC_THREADS, stream, *shard, key, density, mean, sd);
  return PSAC_OK;
}
