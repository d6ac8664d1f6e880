// Spike statistics of the middle layer, and the projection of weights onto the retina through the receptive fields.
#include <string.h>

#include "base/simd.h"
#include "kernels/cpu/cpu_kernels.h"
#include "kernels/interval_core.h"

PSAC_CLONES static void count_words(const psac_shard *shard, size_t n_vectors, int64_t *counts) {
  const int64_t n_exc = shard->n_exc - shard->first_gid;  // local index of the first inhibitory neuron, may be outside
  for (size_t k = 0; k < n_vectors; k++) {
    const uint64_t *spikes = shard->spikes + k * (size_t)shard->n_words;
    for (int w = 0; w < shard->n_words; w++) {
      const int64_t left = n_exc - 64 * (int64_t)w;
      const uint64_t exc = left >= 64 ? ~(uint64_t)0 : left > 0 ? ((uint64_t)1 << left) - 1 : 0;
      counts[0] += __builtin_popcountll(spikes[w] & exc);
      counts[1] += __builtin_popcountll(spikes[w] & ~exc);
    }
  }
}

psac_status psac_cpu_count_spikes(psac_stream *stream, const psac_shard *shard, int n_trials, int64_t *counts) {
  (void)stream;
  count_words(shard, (size_t)shard->n_steps * (size_t)n_trials, counts);
  return PSAC_OK;
}

psac_status psac_cpu_accumulate_statistics(psac_stream *stream, const psac_shard *shard, int n_trials, int first, int n,
                                           const uint8_t *labels) {
  (void)stream;
  for (int b = first; b < first + n; b++) {
    memset(shard->last_spike, 0xff, sizeof *shard->last_spike * 2 * (size_t)shard->n_padded);
    for (int t = 0; t < shard->n_steps; t++) {
      const uint64_t *spikes = shard->spikes + ((size_t)t * (size_t)n_trials + (size_t)b) * (size_t)shard->n_words;
      for (int w = 0; w < shard->n_words; w++) {
        for (uint64_t word = spikes[w]; word; word &= word - 1) {
          const size_t i = (size_t)(64 * w + __builtin_ctzll(word));
          int32_t *last = shard->last_spike + 2 * i;
          const int interval = last[0] >= 0 ? t - last[0] : -1;
          if (last[1] >= 0) {
            shard->isi[2 * i] += 1;
            shard->isi[2 * i + 1] += psac_cv2(last[1], interval);
          }
          last[0] = t;
          last[1] = interval;
          shard->count_by_label[10 * i + labels[b - first]]++;
        }
      }
    }
  }
  return PSAC_OK;
}

psac_status psac_cpu_project_weights(psac_stream *stream, const psac_shard *shard, int32_t reference,
                                     int64_t *projection) {
  (void)stream;
  const psac_columns columns = shard->columns;
  for (int u = 0; u < shard->n_units; u++) {
    for (uint32_t e = shard->field_first[u]; e < shard->field_first[u + 1]; e++) {
      for (int lane = 0; lane < PSAC_MINICOLUMN; lane++) {
        const size_t i = (size_t)shard->field_minicolumn[e] * PSAC_MINICOLUMN + (size_t)lane;
        const int64_t field = shard->field_weight[(size_t)e * PSAC_MINICOLUMN + (size_t)lane];
        for (int o = 0; o < columns.n_output; o++) {
          const int64_t weight = shard->rows[i * (size_t)columns.n + (size_t)o] - reference;
          projection[(size_t)o * (size_t)shard->n_units + (size_t)u] += field * (weight >> 14);
        }
      }
    }
  }
  return PSAC_OK;
}
