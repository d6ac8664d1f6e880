// The notebook's plasticity rule: weights change in every step in which middle and output neurons both spike.
//
// The middle layer spikes in unison, so the sum of each word's rows is maintained: it is what a word in which all
// neurons spike adds to the drive.
#include <string.h>

#include "kernels/cpu/cpu_kernels.h"
#include "kernels/rules/notebook/notebook_core.h"

PSAC_INLINE void add_row(const psac_columns *columns, const int32_t *row, int64_t *sum) {
  for (int k = 0; k < columns->n; k++) sum[k] += psac_notebook_column(columns, k, row[k]);
}

void psac_cpu_notebook_drives(const psac_shard *shard, const uint64_t *spikes, int64_t *drive) {
  const size_t n = (size_t)shard->columns.n;
  memset(drive, 0, sizeof *drive * n);
  for (size_t w = 0; w < (size_t)shard->n_words; w++) {
    if (spikes[w] == shard->alive[w]) {
      for (size_t k = 0; k < n; k++) drive[k] += shard->word_sum[w * n + k];
      continue;
    }
    for (uint64_t left = spikes[w]; left; left &= left - 1) {
      add_row(&shard->columns, shard->rows + (w * 64 + (size_t)__builtin_ctzll(left)) * n, drive);
    }
  }
}

psac_status psac_cpu_sum_words(psac_stream *stream, const psac_shard *shard) {
  (void)stream;
  const size_t n = (size_t)shard->columns.n;
  if (shard->rule != PSAC_RULE_NOTEBOOK) return PSAC_OK;
  memset(shard->word_sum, 0, sizeof *shard->word_sum * n * (size_t)shard->n_words);
  for (size_t i = 0; i < (size_t)shard->n_padded; i++) {
    add_row(&shard->columns, shard->rows + i * n, shard->word_sum + i / 64 * n);
  }
  return PSAC_OK;
}

psac_status psac_cpu_judge_step(psac_stream *stream, const psac_shard *shard, const psac_readout *readout, int t,
                                const psac_reward *reward, psac_event *event) {
  (void)stream;
  const uint64_t outputs = readout->drives[shard->columns.one] > 0 ? readout->spikes[t] : 0;
  int64_t critic_spikes = 0;  // the notebook counts them from the start, not from t_skip
  for (int s = 0; outputs && s <= t; s++) critic_spikes += __builtin_popcountll(readout->spikes[shard->n_steps + s]);
  psac_notebook_judge(event, reward, outputs, t, (double)critic_spikes / readout->layer[1].n);
  return PSAC_OK;
}

// Changes the weights of a word's spiking neurons, clamps all of its weights and updates their sum. row [64][n]; the
// first n_output columns are weights.
PSAC_CLONES static void change_word(int32_t *restrict row, int n, int n_output, uint64_t spikes,
                                    const float *restrict change, int64_t *restrict sum) {
  for (int o = 0; o < n_output; o++) sum[o] = 0;
  for (int i = 0; i < 64; i++, row += n) {
    const float spike = (float)(int)(spikes >> i & 1);
    for (int o = 0; o < n_output; o++) {
      const float weight = psac_notebook_add(psac_notebook_weight(row[o]), spike * change[o]);
      row[o] = psac_notebook_bits(weight);
      sum[o] += psac_notebook_steps(weight);
    }
  }
}

psac_status psac_cpu_hebbian_step(psac_stream *stream, const psac_shard *shard, int n_trials, int trial, int t,
                                  const psac_event *event) {
  (void)stream;
  if (!event->outputs) return PSAC_OK;
  const psac_columns columns = shard->columns;
  float change[PSAC_MAX_PLASTIC];
  for (int o = 0; o < columns.n_output; o++) change[o] = event->outputs >> o & 1 ? event->change : 0.0f;
  const uint64_t *spikes = shard->spikes + ((size_t)t * (size_t)n_trials + (size_t)trial) * (size_t)shard->n_words;
  for (int w = 0; w < shard->n_words; w++) {
    change_word(shard->rows + (size_t)w * 64 * (size_t)columns.n, columns.n, columns.n_output, spikes[w], change,
                shard->word_sum + (size_t)w * (size_t)columns.n);
  }
  return PSAC_OK;
}
