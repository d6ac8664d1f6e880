// From the middle layer's spikes to the output and critic neurons.
#include <assert.h>
#include <math.h>
#include <string.h>

#include "kernels/cpu/cpu_kernels.h"
#include "kernels/cpu/spike_list.h"
#include "kernels/readout_core.h"

typedef int32_t four_weights __attribute__((vector_size(16)));
typedef int64_t four_drives __attribute__((vector_size(32), aligned(8)));

// drive [n] = sum of the rows of the spiking neurons; n is a multiple of 4. Where n is a small compile-time constant,
// the sums stay in registers.
PSAC_INLINE void sum_rows(const uint64_t *spikes, int n_words, const int32_t *row, int n, int64_t *drive) {
  four_drives sum[(2 * PSAC_MAX_PLASTIC + 4) / 4];
  for (int k = 0; k < n / 4; k++) sum[k] = (four_drives){0};
  psac_spike_reader reader;
  psac_spike_reader_start(&reader, spikes, n_words, 1, 0);
  for (int n_spikes; (n_spikes = psac_spike_reader_next(&reader, NULL)) > 0;) {
    for (int s = 0; s < n_spikes; s++) {
      psac_prefetch(row + reader.index[s + PSAC_SPIKE_AHEAD] * (size_t)n, n * (int)sizeof *row);
      const four_weights *weights = (const four_weights *)(row + reader.index[s] * (size_t)n);
      for (int k = 0; k < n / 4; k++) sum[k] += __builtin_convertvector(weights[k], four_drives);
    }
  }
  for (int k = 0; k < n / 4; k++) ((four_drives *)drive)[k] = sum[k];
}

PSAC_CLONES static void step_drives(const psac_shard *shard, const uint64_t *spikes, int64_t *drive) {
  if (shard->rule == PSAC_RULE_NOTEBOOK) {
    psac_cpu_notebook_drives(shard, spikes, drive);
    return;
  }
  switch (shard->columns.n) {
    case 32: sum_rows(spikes, shard->n_words, shard->rows, 32, drive); break;
    default: sum_rows(spikes, shard->n_words, shard->rows, shard->columns.n, drive); break;
  }
}

// |w| < 2, so a spike adds at most 2^31 to a column, or 2^37 under the notebook's rule. A larger sum is an overflow.
PSAC_ASSERTED int drives_fit(const psac_shard *shard, const int64_t *drive) {
  const double n = (double)drive[shard->columns.one], most = shard->rule == PSAC_RULE_NOTEBOOK ? 0x1p37 : 0x1p31;
  for (int k = 0; k < shard->columns.n; k++) {
    if (fabs((double)drive[k]) > n * most) return 0;
  }
  return n >= 0.0 && n <= shard->n_local;
}

psac_status psac_cpu_partial_drives(psac_stream *stream, const psac_shard *shard, int n_trials, int first, int n, int t,
                                    int n_steps, int64_t *drives) {
  (void)stream;
  for (int k = 0; k < n_steps; k++) {
    for (int b = first; b < first + n; b++, drives += shard->columns.n) {
      step_drives(shard, shard->spikes + ((size_t)(t + k) * (size_t)n_trials + (size_t)b) * (size_t)shard->n_words,
                  drives);
      assert(drives_fit(shard, drives));
    }
  }
  return PSAC_OK;
}

psac_status psac_cpu_reset_readout(psac_stream *stream, const psac_readout *readout, int n_trials) {
  (void)stream;
  const size_t n = (size_t)n_trials * 2 * PSAC_MAX_PLASTIC;
  for (size_t i = 0; i < n; i++) readout->v[i] = readout->layer[0].neuron.v_rest;
  memset(readout->free_at, 0, sizeof *readout->free_at * n);
  memset(readout->counts, 0, sizeof *readout->counts * n);
  memset(readout->totals, 0, sizeof *readout->totals * (size_t)n_trials * 2);
  return PSAC_OK;
}

// One step of one layer of one trial; returns its spikes, one bit per neuron.
PSAC_INLINE uint64_t step_layer(const psac_readout_layer *layer, const int64_t *drive, int64_t n_spikes, int t,
                                int counted, float *restrict v, int32_t *restrict free_at, int32_t *restrict counts) {
  uint64_t spikes = 0;
  for (int o = 0; o < layer->n; o++) {
    const int64_t own = layer->first_column >= 0 ? drive[layer->first_column + o] : 0;
    const float current = psac_readout_current(layer, own, n_spikes);
    const int spike = psac_readout_step(layer, current, t, &v[o], &free_at[o]);
    counts[o] += spike && counted;
    spikes |= (uint64_t)spike << o;
  }
  return spikes;
}

PSAC_CLONES static void step_trials(const psac_shard *shard, const psac_readout *readout, int n_trials, int t,
                                    const int64_t *drives) {
  const psac_columns columns = shard->columns;
  const int counted = t >= shard->first_counted_step;
  for (int b = 0; b < n_trials; b++) {
    const int64_t *drive = drives + (size_t)b * (size_t)columns.n;
    for (int l = 0; l < 2; l++) {
      const psac_readout_layer *layer = &readout->layer[l];
      const size_t state = ((size_t)b * 2 + (size_t)l) * PSAC_MAX_PLASTIC;
      readout->spikes[((size_t)l * (size_t)shard->n_steps + (size_t)t) * (size_t)n_trials + (size_t)b] =
          step_layer(layer, drive, drive[columns.one], t, counted, readout->v + state, readout->free_at + state,
                     readout->counts + state);
    }
    if (counted) {
      readout->totals[2 * (size_t)b] += drive[columns.mean_count];
      readout->totals[2 * (size_t)b + 1] += drive[columns.one];
    }
  }
}

psac_status psac_cpu_step_readout(psac_stream *stream, const psac_shard *shard, const psac_readout *readout,
                                  int n_trials, int t, int n_steps) {
  (void)stream;
  const size_t stride = (size_t)n_trials * (size_t)shard->columns.n;
  for (int k = 0; k < n_steps; k++) {
    step_trials(shard, readout, n_trials, t + k, readout->drives + (size_t)k * stride);
  }
  return PSAC_OK;
}
