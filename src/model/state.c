#include "model/state.h"

psac_status psac_network_get_state(const psac_network *network, const psac_ranks *ranks, psac_network_state *state) {
  *state = (psac_network_state){.critic = network->critic, .weights_in_range = network->weights_in_range};
  PSAC_TRY(psac_network_fetch(network, state->spike_counts, network->spike_counts, sizeof state->spike_counts));
  return psac_ranks_sum_i64(ranks, state->spike_counts, 2);
}

psac_status psac_network_set_state(psac_network *network, const psac_network_state *state) {
  const int64_t none[2] = {0, 0};
  network->critic = state->critic;
  network->weights_in_range = state->weights_in_range != 0;
  // only the sum over ranks is ever looked at
  PSAC_TRY(network->kernels->upload(network->stream, network->spike_counts,
                                    network->transport.rank == 0 ? state->spike_counts : none, sizeof none));
  return psac_network_settle(network);
}

psac_status psac_network_get_rows(const psac_network *network, int64_t first, int64_t n, int32_t *rows) {
  const size_t width = (size_t)network->shard.lanes.n;
  return psac_network_fetch(network, rows, network->shard.row + (size_t)first * width, sizeof *rows * (size_t)n * width);
}

psac_status psac_network_set_rows(psac_network *network, int64_t first, int64_t n, const int32_t *rows) {
  const size_t width = (size_t)network->shard.lanes.n;
  return network->kernels->upload(network->stream, network->shard.row + (size_t)first * width, rows, sizeof *rows * (size_t)n * width);
}

psac_status psac_network_get_means(const psac_network *network, int64_t first, int64_t n, float *means) {
  return psac_network_fetch(network, means, network->shard.mean_count + first, sizeof *means * (size_t)n);
}

psac_status psac_network_set_means(psac_network *network, int64_t first, int64_t n, const float *means) {
  return network->kernels->upload(network->stream, network->shard.mean_count + first, means, sizeof *means * (size_t)n);
}

psac_status psac_network_rows_are_set(psac_network *network) {
  PSAC_TRY(network->kernels->sum_words(network->stream, &network->shard));
  return psac_network_settle(network);
}
