// Connectivity of a shard, built on the device: each rank draws the inputs of its own neurons.
#include "kernels/cuda/cuda_launch.h"
#include "kernels/source_core.h"
#include "kernels/weight_core.h"
#include "kernels/wiring_core.h"

enum { SCAN_THREADS = 1024 };

// Thread per neuron; weights [patch pixels][n_padded], and per minicolumn the retina unit at the upper left corner of
// its patch.
__global__ void build_fields(psac_shard shard, psac_rng_key key, float norm, int n_positions, int hop) {
  const int64_t i = psac_thread();
  if (i >= shard.n_local) return;
  const int patch = shard.patch_size * shard.patch_size;
  psac_wiring_receptive_field(key, shard.first_gid + i, patch, norm, shard.current_scale, shard.field_weight + i,
                              (size_t)shard.n_padded);
  const int position = psac_wiring_position((shard.first_gid + i) / PSAC_MINICOLUMN, n_positions, hop);
  shard.field_minicolumn[i / PSAC_MINICOLUMN] =
      (uint32_t)psac_wiring_unit(position, 0, shard.patch_size, shard.retina_width);
}

extern "C" psac_status psac_cuda_build_receptive_fields(psac_stream *stream, psac_shard *shard, psac_rng_key key,
                                                        float norm) {
  const int n_positions =
      (shard->retina_height - shard->patch_size + 1) * (shard->retina_width - shard->patch_size + 1);
  PSAC_LAUNCH(build_fields, psac_blocks(shard->n_local), PSAC_THREADS, stream, *shard, key, norm, n_positions,
              psac_wiring_hop(n_positions));
  return PSAC_OK;
}

// Slot of the source of the shard's synapse number n.
__device__ static int64_t source_slot(const psac_shard *shard, psac_rng_key key, int64_t n) {
  const int64_t gid = shard->first_gid + n / shard->in_degree;
  return psac_block_map_slot(shard->map,
                             psac_wiring_source(key, gid, (uint32_t)(n % shard->in_degree), shard->map.n_neurons));
}

__global__ void mark_sources(psac_shard shard, psac_rng_key key) {
  const int64_t n = psac_thread();
  if (n >= (int64_t)shard.n_local * shard.in_degree) return;
  const int64_t slot = source_slot(&shard, key, n);
  atomicOr(psac_halves(shard.source_mask) + slot / 32, 1u << (slot % 32));
}

__global__ void count_sources(psac_shard shard) {
  const int64_t w = psac_thread();
  if (w < shard.n_source_words) shard.source_first[w] = (uint32_t)PSAC_POPCOUNT(shard.source_mask[w]);
}

// The entry of target_first for the end of the source's list; counting and filling increment it (cpu_build.c).
__device__ static uint32_t *list_end(const psac_shard *shard, psac_rng_key key, int64_t n) {
  return shard->target_first + 1 +
         psac_source_in_slot(shard->source_first, shard->source_mask, source_slot(shard, key, n));
}

__global__ void count_targets(psac_shard shard, psac_rng_key key) {
  const int64_t n = psac_thread();
  if (n < (int64_t)shard.n_local * shard.in_degree) atomicAdd(list_end(&shard, key, n), 1u);
}

// Exclusive prefix sum of n counts, each rounded up to whole groups, tile by tile in one block. Starts wrap around if
// the total exceeds 32 bits; the caller then rejects *n_targets before the starts are used.
__global__ void make_starts(uint32_t *count, int64_t n, uint32_t group, uint64_t *n_targets) {
  __shared__ uint64_t sum[SCAN_THREADS];
  uint64_t before = 0;
  for (int64_t tile = 0; tile < n; tile += SCAN_THREADS) {
    const int64_t s = tile + threadIdx.x;
    const uint64_t own = s < n ? ((uint64_t)count[s] + group - 1) / group * group : 0;
    sum[threadIdx.x] = own;
    __syncthreads();
    for (unsigned distance = 1; distance < SCAN_THREADS; distance *= 2) {
      const uint64_t left = threadIdx.x >= distance ? sum[threadIdx.x - distance] : 0;
      __syncthreads();
      sum[threadIdx.x] += left;
      __syncthreads();
    }
    if (s < n) count[s] = (uint32_t)(before + sum[threadIdx.x] - own);
    before += sum[SCAN_THREADS - 1];
    __syncthreads();
  }
  if (threadIdx.x == 0) *n_targets = before;
}

__device__ static void store_target(const psac_shard *shard, uint32_t place, uint32_t local) {
  if (shard->target_bytes == 2) ((uint16_t *)shard->target)[place] = (uint16_t)local;
  else ((uint32_t *)shard->target)[place] = local;
}

__global__ void fill_lists(psac_shard shard, psac_rng_key key) {
  const int64_t n = psac_thread();
  if (n >= (int64_t)shard.n_local * shard.in_degree) return;
  store_target(&shard, atomicAdd(list_end(&shard, key, n), 1u), (uint32_t)(n / shard.in_degree));
}

// Pads each list to whole groups with dummy targets >= n_padded.
__global__ void close_lists(psac_shard shard, uint32_t group) {
  const int64_t s = psac_thread();
  if (s >= shard.n_sources) return;
  uint32_t end = shard.target_first[s + 1];
  for (; end % group != 0; end++) store_target(&shard, end, (uint32_t)shard.n_padded + end % group);
  shard.target_first[s + 1] = end;
}

// Enqueues a download and waits for it.
static psac_status fetch(psac_stream *stream, void *host, const void *device, size_t n_bytes) {
  PSAC_TRY(psac_cuda_device.download(stream, host, device, n_bytes));
  return psac_cuda_device.synchronize(stream);
}

static psac_status launch_make_starts(psac_stream *stream, uint32_t *count, int64_t n, uint32_t group,
                                      uint64_t *total) {
  PSAC_LAUNCH(make_starts, 1, SCAN_THREADS, stream, count, n, group, total);
  return PSAC_OK;
}

// make_starts; returns the total number of entries in *n_entries.
static psac_status scan(psac_stream *stream, uint32_t *count, int64_t n, uint32_t group, uint64_t *n_entries) {
  void *total;
  PSAC_TRY(psac_cuda_device.alloc(&total, sizeof *n_entries, "building recurrent synapses"));
  psac_status status = launch_make_starts(stream, count, n, group, (uint64_t *)total);
  if (status == PSAC_OK) status = fetch(stream, n_entries, total, sizeof *n_entries);
  psac_cuda_device.release(total);
  return status;
}

extern "C" psac_status psac_cuda_find_sources(psac_stream *stream, psac_shard *shard, psac_rng_key key) {
  const int64_t n_synapses = (int64_t)shard->n_local * shard->in_degree;
  PSAC_LAUNCH(mark_sources, psac_blocks(n_synapses), PSAC_THREADS, stream, *shard, key);
  PSAC_LAUNCH(count_sources, psac_blocks(shard->n_source_words), PSAC_THREADS, stream, *shard);
  uint64_t n_sources, mask;
  PSAC_TRY(scan(stream, shard->source_first, shard->n_source_words, 1, &n_sources));
  shard->n_sources = shard->n_exc_sources = (uint32_t)n_sources;
  if (shard->n_exc >= shard->map.n_neurons) return PSAC_OK;
  const int64_t slot = psac_block_map_slot(shard->map, shard->n_exc);  // of the first inhibitory neuron
  uint32_t first;
  PSAC_TRY(fetch(stream, &first, shard->source_first + slot / 64, sizeof first));
  PSAC_TRY(fetch(stream, &mask, shard->source_mask + slot / 64, sizeof mask));
  shard->n_exc_sources = psac_source(first, mask, (uint64_t)1 << (slot % 64));
  return PSAC_OK;
}

extern "C" psac_status psac_cuda_count_targets(psac_stream *stream, psac_shard *shard, psac_rng_key key) {
  const int64_t n_synapses = (int64_t)shard->n_local * shard->in_degree;
  PSAC_LAUNCH(count_targets, psac_blocks(n_synapses), PSAC_THREADS, stream, *shard, key);
  return scan(stream, shard->target_first + 1, shard->n_sources, psac_shard_target_group(shard), &shard->n_targets);
}

extern "C" psac_status psac_cuda_place_targets(psac_stream *stream, psac_shard *shard, psac_rng_key key) {
  const int64_t n_synapses = (int64_t)shard->n_local * shard->in_degree;
  PSAC_LAUNCH(fill_lists, psac_blocks(n_synapses), PSAC_THREADS, stream, *shard, key);
  PSAC_LAUNCH(close_lists, psac_blocks(shard->n_sources), PSAC_THREADS, stream, *shard, psac_shard_target_group(shard));
  return psac_cuda_device.synchronize(stream);
}

__global__ void draw_weights(psac_shard shard, psac_rng_key key, float density, float mean, float sd) {
  const int n = shard.columns.n_output + shard.columns.n_critic + 1;
  const int64_t k = psac_thread(), i = k / n;
  const int o = (int)(k % n);
  if (i >= shard.n_local) return;
  int32_t *row = shard.rows + i * shard.columns.n;
  if (o == n - 1) {
    row[shard.columns.one] = 1;
    return;
  }
  row[o] = psac_weight_store(shard.rule,
                             psac_wiring_initial_weight(key, shard.first_gid + i, (uint32_t)o, density, mean, sd));
}

extern "C" psac_status psac_cuda_initialise_weights(psac_stream *stream, psac_shard *shard, psac_rng_key key,
                                                    float density, float mean, float sd) {
  const int64_t n = (int64_t)shard->n_local * (shard->columns.n_output + shard->columns.n_critic + 1);
  PSAC_LAUNCH(draw_weights, psac_blocks(n), PSAC_THREADS, stream, *shard, key, density, mean, sd);
  return PSAC_OK;
}
