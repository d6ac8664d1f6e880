// From the middle layer's spikes to the output and critic neurons.
#include "kernels/cuda/cuda_spikes.h"
#include "kernels/readout_core.h"
#include "kernels/rules/notebook/notebook_core.h"

enum {
  READOUT_THREADS = 2 * PSAC_MAX_PLASTIC,
  AHEAD = 8,  // steps whose currents are computed ahead: unlike potentials, they are independent
};

// The part of a row that a lane loads at once.
typedef struct alignas(16) row_part {
  int32_t lane[4];
} row_part;

// A warp sums the rows of the neurons that spike in a range of words, in one step of one trial; a group of 2^group_bits
// lanes reads one row. value(column, stored): what an element of a row adds.
template <typename value_of>
__device__ static void sum_rows_of(const psac_shard &shard, int n_trials, int first, int n, int t, int64_t n_items,
                                   int64_t n_ranges, int group_bits, int64_t *drives, value_of value) {
  const psac_warp_share own = psac_share_of_warp(&shard, n_items, n_ranges);
  if (own.item < 0) return;  // the whole warp
  const int64_t step = t + own.item / n, b = first + own.item % n;
  const uint64_t *spikes = shard.spikes + (step * n_trials + b) * shard.n_words;
  const int n_parts = shard.columns.n / 4, group = 1 << group_bits;
  for (int chunk = 0; chunk < n_parts; chunk += group) {
    const int part = chunk + (psac_lane() & (group - 1));
    const row_part *row = (const row_part *)shard.rows + (part < n_parts ? part : 0);
    int64_t sum[4] = {0, 0, 0, 0};
    psac_for_each_spike(spikes, own.begin, own.end, group_bits, [&](uint32_t i) {
      const row_part weights = row[(uint64_t)i * (uint32_t)n_parts];
      for (int k = 0; k < 4; k++) sum[k] += value(4 * part + k, weights.lane[k]);
    });
    for (int k = 0; k < 4; k++) {
      const int64_t all = psac_warp_sum(sum[k], group);
      if (psac_lane() >= group || part >= n_parts) continue;
      int64_t *drive = &drives[(own.item * n_parts + part) * 4 + k];
      if (n_ranges == 1) *drive = all;
      else if (all != 0) psac_add_i64(drive, all);
    }
  }
}

__global__ void sum_rows(psac_shard shard, int n_trials, int first, int n, int t, int64_t n_items, int64_t n_ranges,
                         int group_bits, int64_t *drives) {
  sum_rows_of(shard, n_trials, first, n, t, n_items, n_ranges, group_bits, drives,
              [](int, int32_t stored) { return (int64_t)stored; });
}

__global__ void sum_notebook_rows(psac_shard shard, int n_trials, int first, int n, int t, int64_t n_items,
                                  int64_t n_ranges, int group_bits, int64_t *drives) {
  sum_rows_of(shard, n_trials, first, n, t, n_items, n_ranges, group_bits, drives,
              [&](int k, int32_t stored) { return psac_notebook_column(&shard.columns, k, stored); });
}

extern "C" psac_status psac_cuda_partial_drives(psac_stream *stream, const psac_shard *shard, int n_trials, int first,
                                                int n, int t, int n_steps, int64_t *drives) {
  const int64_t n_items = (int64_t)n_steps * n;
  if (n_items == 0) return PSAC_OK;
  const int64_t n_ranges = psac_shape_ranges_to_fill(shard->n_words, shard->columns.n, n_items);
  if (n_ranges > 1)
    PSAC_TRY(psac_cuda_device.clear(stream, drives, sizeof *drives * (size_t)n_items * (size_t)shard->columns.n));
  const unsigned n_blocks = psac_warp_blocks(n_items * n_ranges);
  const int group_bits = psac_shape_group(shard->columns.n / 4);
  if (shard->rule == PSAC_RULE_NOTEBOOK) {
    PSAC_LAUNCH(sum_notebook_rows, n_blocks, PSAC_THREADS, stream, *shard, n_trials, first, n, t, n_items, n_ranges,
                group_bits, drives);
  } else {
    PSAC_LAUNCH(sum_rows, n_blocks, PSAC_THREADS, stream, *shard, n_trials, first, n, t, n_items, n_ranges, group_bits,
                drives);
  }
  return PSAC_OK;
}

__global__ void reset_readout_state(psac_readout readout, int n_trials) {
  const int64_t k = psac_thread();
  if (k >= (int64_t)n_trials * 2 * PSAC_MAX_PLASTIC) return;
  readout.v[k] = readout.layer[0].neuron.v_rest;
  readout.free_at[k] = 0;
  readout.counts[k] = 0;
  if (k < 2 * n_trials) readout.totals[k] = 0;
}

extern "C" psac_status psac_cuda_reset_readout(psac_stream *stream, const psac_readout *readout, int n_trials) {
  const int64_t n = (int64_t)n_trials * 2 * PSAC_MAX_PLASTIC;
  PSAC_LAUNCH(reset_readout_state, psac_blocks(n), PSAC_THREADS, stream, *readout, n_trials);
  return PSAC_OK;
}

// Block per trial: threads [0, 64) are the output layer, [64, 128) the critic; a warp writes half a spike word.
__global__ void step_layers(psac_shard shard, psac_readout readout, int n_trials, int t, int n_steps) {
  const int64_t b = blockIdx.x;
  const int l = (int)threadIdx.x / PSAC_MAX_PLASTIC, o = (int)threadIdx.x % PSAC_MAX_PLASTIC;
  const psac_columns columns = shard.columns;
  const psac_readout_layer layer = readout.layer[l];
  const int64_t place = (b * 2 + l) * PSAC_MAX_PLASTIC + o;
  const int lane = layer.first_column >= 0 && o < layer.n ? layer.first_column + o : columns.one;
  float v = readout.v[place];
  int32_t free_at = readout.free_at[place], count = readout.counts[place];
  int64_t totals[2] = {0, 0};
  for (int first = 0; first < n_steps; first += AHEAD) {
    float current[AHEAD];
    for (int k = 0; k < AHEAD; k++) {
      const int step = first + k < n_steps ? first + k : first;
      const int counted = first + k < n_steps && t + step >= shard.first_counted_step;
      const int64_t *drive = readout.drives + ((int64_t)step * n_trials + b) * columns.n;
      current[k] = psac_readout_current(&layer, drive[lane], drive[columns.one]);
      totals[0] += counted ? drive[columns.mean_count] : 0;
      totals[1] += counted ? drive[columns.one] : 0;
    }
    for (int k = 0; k < AHEAD && first + k < n_steps; k++) {
      const int now = t + first + k;
      const int spike = o < layer.n && psac_readout_step(&layer, current[k], now, &v, &free_at);
      count += spike && now >= shard.first_counted_step;
      const uint32_t half = __ballot_sync(PSAC_ALL_LANES, spike);
      const int64_t word = ((int64_t)l * shard.n_steps + now) * n_trials + b;
      if (psac_lane() == 0) psac_halves(readout.spikes)[2 * word + o / PSAC_WARP] = half;
    }
  }
  readout.v[place] = v;
  readout.free_at[place] = free_at;
  readout.counts[place] = count;
  if (threadIdx.x == 0) {
    readout.totals[2 * b] += totals[0];
    readout.totals[2 * b + 1] += totals[1];
  }
}

extern "C" psac_status psac_cuda_step_readout(psac_stream *stream, const psac_shard *shard, const psac_readout *readout,
                                              int n_trials, int t, int n_steps) {
  PSAC_LAUNCH(step_layers, (unsigned)n_trials, READOUT_THREADS, stream, *shard, *readout, n_trials, t, n_steps);
  return PSAC_OK;
}
