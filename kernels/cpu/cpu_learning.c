// Eligibility from stored spikes, and the weight change of the shard.
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/cpu/cpu_kernels.h"
#include "kernels/cpu/spike_list.h"
#include "kernels/rules/power_stdp/power_stdp_core.h"

// table [n_steps][n_eligibility]: what a middle spike in each step of trial b adds to its neuron's eligibility row.
PSAC_CLONES static void fill_reversed_traces(const psac_shard *shard, int n_trials, int b, float decay,
                                             const uint64_t *output_spikes, const psac_third_factor *factor,
                                             int32_t *table) {
  const psac_columns columns = shard->columns;
  const float scale = ldexpf(1.0f, shard->fraction_bits);
  const int32_t critic = psac_power_stdp_critic_addend(factor, shard->critic_fraction_bits);
  float trace[PSAC_MAX_PLASTIC] = {0}, spike[PSAC_MAX_PLASTIC] = {0};
  for (int t = shard->n_steps - 1; t >= 0; t--) {
    const int counted = t >= shard->first_counted_step;
    const uint64_t spikes = counted ? output_spikes[(size_t)t * (size_t)n_trials + (size_t)b] : 0;
    int32_t *restrict row = table + (size_t)t * (size_t)columns.n_eligibility;
    for (int o = 0; o < columns.n_output; o++) spike[o] = (float)(uint32_t)(spikes >> o & 1);
    for (int o = 0; o < columns.n_output; o++) trace[o] = psac_power_stdp_trace(trace[o], decay, spike[o]);
    for (int o = 0; o < columns.n_output; o++) row[o] = psac_power_stdp_addend(factor->output[o], trace[o], scale);
    row[columns.n_output] = counted ? critic : 0;
    row[columns.n_output + 1] = counted;
  }
}

typedef int32_t four_lanes __attribute__((vector_size(16)));

// Adds `addend` to the rows of the spiking neurons; n is a multiple of 4.
PSAC_INLINE void add_rows(const uint64_t *spikes, int n_words, const int32_t *addend, int32_t *eligibility, int n) {
  psac_spike_reader reader;
  psac_spike_reader_start(&reader, spikes, n_words, 1, 0);
  for (int n_spikes; (n_spikes = psac_spike_reader_next(&reader, NULL)) > 0;) {
    for (int s = 0; s < n_spikes; s++) {
      psac_prefetch(eligibility + reader.index[s + PSAC_SPIKE_AHEAD] * (size_t)n, n * (int)sizeof *eligibility);
      four_lanes *row = (four_lanes *)(eligibility + reader.index[s] * (size_t)n);
      for (int k = 0; k < n / 4; k++) row[k] += ((const four_lanes *)addend)[k];
    }
  }
}

PSAC_CLONES static void accumulate_trial(const psac_shard *shard, int n_trials, int b, const int32_t *table) {
  const int n = shard->columns.n_eligibility;
  for (int t = 0; t < shard->n_steps; t++) {
    const uint64_t *spikes = shard->spikes + ((size_t)t * (size_t)n_trials + (size_t)b) * (size_t)shard->n_words;
    const int32_t *addend = table + (size_t)t * (size_t)n;
    if (n == 12) {
      add_rows(spikes, shard->n_words, addend, shard->eligibility, 12);
    } else {
      add_rows(spikes, shard->n_words, addend, shard->eligibility, n);
    }
  }
}

psac_status psac_cpu_accumulate_eligibility(psac_stream *stream, const psac_shard *shard, int n_trials,
                                            float trace_decay, const uint64_t *output_spikes,
                                            const psac_third_factor *factors) {
  (void)stream;
  for (int b = 0; b < n_trials; b++) {
    fill_reversed_traces(shard, n_trials, b, trace_decay, output_spikes, &factors[b], shard->traces);
    accumulate_trial(shard, n_trials, b, shard->traces);
  }
  return PSAC_OK;
}

PSAC_ASSERTED int eligibilities_fit(const int32_t *eligibility, int n) {
  for (int k = 0; k < n; k++) {
    if (eligibility[k] < -PSAC_POWER_STDP_MAX_SUM || eligibility[k] > PSAC_POWER_STDP_MAX_SUM) return 0;
  }
  return 1;
}

PSAC_CLONES psac_status psac_cpu_apply_learning(psac_stream *stream, const psac_shard *shard,
                                                const psac_batch_factor *batch) {
  (void)stream;
  const psac_columns columns = shard->columns;
  const float step = ldexpf(1.0f, -shard->fraction_bits), critic_step = ldexpf(1.0f, -shard->critic_fraction_bits);
  for (int32_t i = 0; i < shard->n_local; i++) {
    int32_t *row = shard->rows + (size_t)i * (size_t)columns.n;
    const int32_t *eligibility = shard->eligibility + (size_t)i * (size_t)columns.n_eligibility;
    const float mean = shard->mean_count[i];
    assert(eligibilities_fit(eligibility, columns.n_eligibility));
    for (int o = 0; o < columns.n_output; o++) {
      const float gate = psac_power_stdp_gate(eligibility[o], step, mean, batch->target[o]);
      row[o] = psac_power_stdp(row[o], gate, batch->learning_rate, batch->power_mu);
    }
    const float critic_gate =
        psac_power_stdp_gate(eligibility[columns.n_output], critic_step, mean, batch->critic_target);
    for (int c = columns.n_output; c < columns.n_output + columns.n_critic; c++) {
      row[c] = psac_power_stdp(row[c], critic_gate, batch->critic_rate, batch->power_mu);
    }
    shard->mean_count[i] = psac_power_stdp_mean(mean, eligibility[columns.n_output + 1], batch);
    row[columns.mean_count] = psac_mean_steps(shard->mean_count[i]);
  }
  memset(shard->eligibility, 0, sizeof *shard->eligibility * (size_t)shard->n_padded * (size_t)columns.n_eligibility);
  return PSAC_OK;
}

psac_status psac_cpu_sum_mean_squares(psac_stream *stream, const psac_shard *shard, int64_t *sum) {
  (void)stream;
  *sum = 0;
  for (int32_t i = 0; i < shard->n_local; i++) *sum += psac_mean_square(shard->mean_count[i]);
  return PSAC_OK;
}
