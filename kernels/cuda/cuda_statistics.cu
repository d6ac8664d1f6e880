// Spike statistics of the middle layer, and the projection of weights onto the retina through the receptive fields.
#include "kernels/cuda/cuda_launch.h"
#include "kernels/interval_core.h"

enum { COUNT_BLOCKS = 1024 };

__global__ void count_words(psac_shard shard, int64_t n_all, int64_t *counts) {
  const int64_t n_exc = shard.n_exc - shard.first_gid;  // local index of the first inhibitory neuron, may be outside
  const int64_t stride = (int64_t)gridDim.x * blockDim.x, n_rounds = (n_all + stride - 1) / stride;
  int64_t sum[2] = {0, 0};
  for (int64_t round = 0; round < n_rounds; round++) {
    const int64_t k = round * stride + psac_thread();
    if (k >= n_all) continue;
    const uint64_t word = shard.spikes[k];
    const int64_t left = n_exc - 64 * (k % shard.n_words);
    const uint64_t exc = left >= 64 ? ~(uint64_t)0 : left > 0 ? ((uint64_t)1 << left) - 1 : 0;
    sum[0] += __popcll(word & exc);
    sum[1] += __popcll(word & ~exc);
  }
  for (int kind = 0; kind < 2; kind++) {
    const int64_t all = psac_warp_sum(sum[kind]);
    if (psac_lane() == 0 && all != 0) psac_add_i64(&counts[kind], all);
  }
}

extern "C" psac_status psac_cuda_count_spikes(psac_stream *stream, const psac_shard *shard, int n_trials,
                                              int64_t *counts) {
  const int64_t n_all = (int64_t)shard->n_steps * n_trials * shard->n_words;
  const unsigned blocks =
      psac_blocks(n_all < (int64_t)COUNT_BLOCKS * PSAC_THREADS ? n_all : (int64_t)COUNT_BLOCKS * PSAC_THREADS);
  PSAC_LAUNCH(count_words, blocks, PSAC_THREADS, stream, *shard, n_all, counts);
  return PSAC_OK;
}

// Thread per neuron and trial: spike count and CV2 sums.
__global__ void add_statistics(psac_shard shard, int n_trials, int first, const uint8_t *labels) {
  const int64_t i = psac_thread(), b = first + (int64_t)blockIdx.y;
  if (i >= shard.n_padded) return;
  int64_t n_pairs = 0, cv2 = 0;
  int last = -1, before = -1, count = 0;  // before: the interval before the last spike
  for (int t = 0; t < shard.n_steps; t++) {
    const uint64_t word = shard.spikes[((int64_t)t * n_trials + b) * shard.n_words + i / 64];
    if (!(word >> (i % 64) & 1)) continue;
    const int interval = last >= 0 ? t - last : -1;
    if (before >= 0) {
      n_pairs++;
      cv2 += psac_cv2(before, interval);
    }
    before = interval;
    last = t;
    count++;
  }
  if (count == 0) return;
  psac_add_i64(&shard.isi[2 * i], n_pairs);
  psac_add_i64(&shard.isi[2 * i + 1], cv2);
  atomicAdd(&shard.count_by_label[10 * i + labels[blockIdx.y]], count);
}

extern "C" psac_status psac_cuda_accumulate_statistics(psac_stream *stream, const psac_shard *shard, int n_trials,
                                                       int first, int n, const uint8_t *labels) {
  PSAC_TRY(psac_cuda_device.upload(stream, shard->labels, labels, (size_t)n));
  const dim3 grid(psac_blocks(shard->n_padded), (unsigned)n);
  PSAC_LAUNCH(add_statistics, grid, PSAC_THREADS, stream, *shard, n_trials, first, (const uint8_t *)shard->labels);
  return PSAC_OK;
}

// Thread per neuron; runs once per run, so atomics are fast enough.
__global__ void project(psac_shard shard, int32_t reference, int64_t *projection) {
  const int64_t i = psac_thread();
  if (i >= shard.n_local) return;
  const int corner = (int)shard.field_minicolumn[i / PSAC_MINICOLUMN], patch = shard.patch_size;
  for (int k = 0; k < patch * patch; k++) {
    const int unit = corner + k / patch * shard.retina_width + k % patch;
    const int64_t field = shard.field_weight[(int64_t)k * shard.n_padded + i];
    for (int o = 0; o < shard.columns.n_output; o++) {
      const int64_t weight = shard.rows[i * shard.columns.n + o] - reference;
      psac_add_i64(&projection[o * shard.n_units + unit], field * (weight >> 14));
    }
  }
}

extern "C" psac_status psac_cuda_project_weights(psac_stream *stream, const psac_shard *shard, int32_t reference,
                                                 int64_t *projection) {
  PSAC_LAUNCH(project, psac_blocks(shard->n_local), PSAC_THREADS, stream, *shard, reference, projection);
  return PSAC_OK;
}
