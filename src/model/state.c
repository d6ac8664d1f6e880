#include "src/model/state.h"

#include <math.h>

#include "kernels/weight_core.h"
#include "src/model/bounds.h"

psac_status psac_network_get_state(const psac_network *network, const psac_ranks *ranks, psac_network_state *state) {
  *state = (psac_network_state){.critic = network->critic, .weights_in_range = network->weights_in_range};
  PSAC_TRY(
      psac_network_fetch(network, state->spike_counts, network->messages.spike_counts, sizeof state->spike_counts));
  return psac_ranks_sum_i64(ranks, state->spike_counts, 2);
}

psac_status psac_network_set_state(psac_network *network, const psac_network_state *state) {
  const int64_t none[2] = {0, 0};
  const psac_critic *critic = &state->critic;
  if (!isfinite(critic->alpha) || !isfinite(critic->beta) || !isfinite(critic->kappa) || !(critic->mean_count >= 0.0) ||
      !isfinite(critic->mean_count) || critic->n_trials < 0) {
    return psac_fail(PSAC_ERR_INPUT, "the critic's state to go on from is not finite");
  }
  network->critic = state->critic;
  network->weights_in_range = state->weights_in_range != 0;
  // only the sum over ranks is ever read
  PSAC_TRY(network->backend->device->upload(network->stream, network->messages.spike_counts,
                                            psac_network_is_root(network) ? state->spike_counts : none, sizeof none));
  return psac_network_settle(network);
}

// Whether a row is within the limits that construction and learning keep. The overflow bounds (bounds.c) rely on them.
static int is_row(const psac_network *network, const int32_t *row) {
  const psac_columns columns = network->shard.columns;
  const double limit = psac_bounds_weight(&network->config);
  for (int k = 0; k < columns.n_output + columns.n_critic; k++) {
    if (!(fabs((double)psac_weight_value(network->shard.rule, row[k])) <= limit)) return 0;
  }
  const int32_t mean = row[columns.mean_count];
  return row[columns.one] == 1 && mean >= 0 && mean >> PSAC_MEAN_BITS <= network->shard.n_steps;
}

static psac_status check_rows(const psac_network *network, int64_t first, int64_t n, const int32_t *rows) {
  for (int64_t i = 0; i < n; i++) {
    if (is_row(network, rows + i * network->shard.columns.n)) continue;
    return psac_fail(PSAC_ERR_INPUT, "the weights to go on from are damaged in row %lld",
                     (long long)(network->shard.first_gid + first + i));
  }
  return PSAC_OK;
}

static psac_status check_means(const psac_network *network, int64_t first, int64_t n, const float *means) {
  for (int64_t i = 0; i < n; i++) {
    if (means[i] >= 0.0f && means[i] <= (float)network->shard.n_steps) continue;
    return psac_fail(PSAC_ERR_INPUT, "the running mean count to go on from is %g for neuron %lld; possible are 0 to %d",
                     (double)means[i], (long long)(network->shard.first_gid + first + i), network->shard.n_steps);
  }
  return PSAC_OK;
}

// Address of the rows of neurons from `first` on; *row_bytes = bytes of one row.
static void *place_of(const psac_network *network, const psac_array *array, int64_t first, size_t *row_bytes) {
  *row_bytes = array->element_bytes * psac_array_width(array, &network->extents);
  return (char *)*psac_array_in((void *)&network->shard, array) + (size_t)first * *row_bytes;
}

psac_status psac_network_get_array(const psac_network *network, const psac_array *array, int64_t first, int64_t n,
                                   void *values) {
  size_t row_bytes;
  const void *place = place_of(network, array, first, &row_bytes);
  return psac_network_fetch(network, values, place, row_bytes * (size_t)n);
}

psac_status psac_network_set_array(psac_network *network, const psac_array *array, int64_t first, int64_t n,
                                   const void *values) {
  if (array == &psac_shard_arrays[PSAC_SHARD_ARRAY_rows]) PSAC_TRY(check_rows(network, first, n, values));
  if (array == &psac_shard_arrays[PSAC_SHARD_ARRAY_mean_count]) PSAC_TRY(check_means(network, first, n, values));
  size_t row_bytes;
  void *place = place_of(network, array, first, &row_bytes);
  return network->backend->device->upload(network->stream, place, values, row_bytes * (size_t)n);
}

psac_status psac_network_rows_are_set(psac_network *network) {
  PSAC_TRY(network->backend->notebook->sum_words(network->stream, &network->shard));
  return psac_network_settle(network);
}
