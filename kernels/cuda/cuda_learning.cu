// Eligibility from stored spikes, and the weight change of the shard.
#include "kernels/cuda/cuda_spikes.h"
#include "kernels/rules/power_stdp/power_stdp_core.h"

enum { AHEAD = 8 };  // steps whose output spikes are in flight

// Block per trial, thread per column. table [trials][n_steps][n_eligibility]: what a middle spike in each step adds to
// its neuron's eligibility row.
__global__ void reverse_traces(psac_shard shard, int n_trials, float decay, const uint64_t *output_spikes,
                               const psac_third_factor *factors, int32_t *table) {
  const int64_t b = blockIdx.x;
  const int lane = (int)threadIdx.x, n_output = shard.columns.n_output, n_columns = shard.columns.n_eligibility;
  const float scale = ldexpf(1.0f, shard.fraction_bits), k = lane < n_output ? factors[b].output[lane] : 0.0f;
  const int32_t critic = psac_power_stdp_critic_addend(&factors[b], shard.critic_fraction_bits);
  const int32_t constant = lane == n_output ? critic : lane == n_output + 1;
  float trace = 0.0f;
  for (int last = shard.n_steps - 1; last >= 0; last -= AHEAD) {
    uint64_t spikes[AHEAD];
    for (int s = 0; s < AHEAD; s++) spikes[s] = last - s >= 0 ? output_spikes[(int64_t)(last - s) * n_trials + b] : 0;
    for (int s = 0; s < AHEAD && last - s >= 0; s++) {
      const int t = last - s, counted = t >= shard.first_counted_step;
      const float spike = lane < n_output && counted ? (float)(uint32_t)(spikes[s] >> lane & 1) : 0.0f;
      trace = psac_power_stdp_trace(trace, decay, spike);
      const int32_t value = lane < n_output ? psac_power_stdp_addend(k, trace, scale) : counted ? constant : 0;
      table[(b * shard.n_steps + t) * n_columns + lane] = value;
    }
  }
}

// A warp adds the row of one step of one trial to the rows of the neurons that spike in it, within a range of words; a
// group of 2^group_bits lanes processes one row.
__global__ void add_eligibility(psac_shard shard, int n_trials, int64_t n_items, int64_t n_ranges, int group_bits,
                                const int32_t *table) {
  const psac_warp_share own = psac_share_of_warp(&shard, n_items, n_ranges);
  if (own.item < 0) return;  // the whole warp
  const int64_t t = own.item / n_trials, b = own.item % n_trials;
  const uint64_t *spikes = shard.spikes + own.item * shard.n_words;
  const int n_columns = shard.columns.n_eligibility, group = 1 << group_bits;
  for (int chunk = 0; chunk < n_columns; chunk += group) {
    const int lane = chunk + (psac_lane() & (group - 1));
    const int32_t value = lane < n_columns ? table[(b * shard.n_steps + t) * n_columns + lane] : 0;
    int32_t *row = shard.eligibility + lane;
    psac_for_each_spike(spikes, own.begin, own.end, group_bits, [&](uint32_t i) {
      if (value != 0) atomicAdd(&row[(uint64_t)i * (uint32_t)n_columns], value);
    });
  }
}

extern "C" psac_status psac_cuda_accumulate_eligibility(psac_stream *stream, const psac_shard *shard, int n_trials,
                                                        float trace_decay, const uint64_t *output_spikes,
                                                        const psac_third_factor *factors) {
  const int n_columns = shard->columns.n_eligibility;
  const int64_t n_items = (int64_t)shard->n_steps * n_trials, n_ranges = psac_shape_ranges(shard->n_words, n_columns);
  PSAC_LAUNCH(reverse_traces, (unsigned)n_trials, (unsigned)n_columns, stream, *shard, n_trials, trace_decay,
              output_spikes, factors, shard->traces);
  PSAC_LAUNCH(add_eligibility, psac_warp_blocks(n_items * n_ranges), PSAC_THREADS, stream, *shard, n_trials, n_items,
              n_ranges, psac_shape_group(n_columns), (const int32_t *)shard->traces);
  return PSAC_OK;
}

// A warp per neuron, its lanes along the row.
__global__ void learn(psac_shard shard, const psac_batch_factor *batch) {
  const int64_t i = psac_warp();
  if (i >= shard.n_local) return;  // the whole warp
  const psac_columns columns = shard.columns;
  const float step = ldexpf(1.0f, -shard.fraction_bits), critic_step = ldexpf(1.0f, -shard.critic_fraction_bits);
  int32_t *row = shard.rows + i * columns.n;
  const int32_t *eligibility = shard.eligibility + i * columns.n_eligibility;
  const float mean = shard.mean_count[i];
  const float critic_gate =
      psac_power_stdp_gate(eligibility[columns.n_output], critic_step, mean, batch->critic_target);
  for (int o = psac_lane(); o < columns.n_output + columns.n_critic; o += PSAC_WARP) {
    const int is_output = o < columns.n_output;
    const float gate = is_output ? psac_power_stdp_gate(eligibility[o], step, mean, batch->target[o]) : critic_gate;
    row[o] = psac_power_stdp(row[o], gate, is_output ? batch->learning_rate : batch->critic_rate, batch->power_mu);
  }
  __syncwarp(PSAC_ALL_LANES);  // every lane has read the mean
  if (psac_lane() != 0) return;
  const float changed = psac_power_stdp_mean(mean, eligibility[columns.n_output + 1], batch);
  shard.mean_count[i] = changed;
  row[columns.mean_count] = psac_mean_steps(changed);
}

extern "C" psac_status psac_cuda_apply_learning(psac_stream *stream, const psac_shard *shard,
                                                const psac_batch_factor *batch) {
  PSAC_LAUNCH(learn, psac_warp_blocks(shard->n_local), PSAC_THREADS, stream, *shard, batch);
  return psac_cuda_device.clear(
      stream, shard->eligibility,
      sizeof *shard->eligibility * (size_t)shard->n_padded * (size_t)shard->columns.n_eligibility);
}

__global__ void square_means(psac_shard shard, int64_t *sum) {
  const int64_t i = psac_thread();
  const int64_t all = psac_warp_sum(i < shard.n_local ? psac_mean_square(shard.mean_count[i]) : 0);
  if (psac_lane() == 0 && all != 0) psac_add_i64(sum, all);
}

extern "C" psac_status psac_cuda_sum_mean_squares(psac_stream *stream, const psac_shard *shard, int64_t *sum) {
  PSAC_TRY(psac_cuda_device.clear(stream, sum, sizeof *sum));
  PSAC_LAUNCH(square_means, psac_blocks(shard->n_local), PSAC_THREADS, stream, *shard, sum);
  return PSAC_OK;
}
