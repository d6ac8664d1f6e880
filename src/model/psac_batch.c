// Model psac: one batch of trials, from images to changed weights.
#include "src/model/psac_batch.h"

#include <stdlib.h>
#include <string.h>

#include "kernels/elementary_core.h"
#include "src/model/presentation.h"

typedef struct batch_state {
  psac_batch_factor factor;
  psac_third_factor *third;  // [n_concurrent] rank 0
  int32_t *counts;           // [n_concurrent][2][PSAC_MAX_PLASTIC] host
  int64_t *totals;           // [n_concurrent][2] host
  int64_t mean_squares;      // mu . mu over all ranks; rank 0
} batch_state;

// Rank 0: outcomes and, if `learn`, third factors of n simulated trials.
static psac_status judge(psac_network *network, const psac_trial *trials, int n, int learn, batch_state *batch,
                         psac_outcome *outcomes) {
  const psac_readout *readout = &network->readout;
  PSAC_TRY(psac_network_fetch(network, batch->counts, readout->counts,
                              sizeof *batch->counts * (size_t)n * 2 * PSAC_MAX_PLASTIC));
  PSAC_TRY(psac_network_fetch(network, batch->totals, readout->totals, sizeof *batch->totals * (size_t)n * 2));
  for (int b = 0; b < n; b++) {
    const int32_t *output = batch->counts + (size_t)b * 2 * PSAC_MAX_PLASTIC, *critic = output + PSAC_MAX_PLASTIC;
    psac_outcome *outcome = &outcomes[b];
    *outcome = (psac_outcome){0};
    outcome->judgement = psac_critic_judge(&network->critic, &network->config, output, critic, trials[b].label);
    memcpy(outcome->output_counts, output, sizeof *output * (size_t)readout->layer[0].n);
    memcpy(outcome->critic_counts, critic, sizeof *critic * (size_t)readout->layer[1].n);
    if (batch->mean_squares > 0) outcome->activity = (double)batch->totals[2 * (size_t)b] / (double)batch->mean_squares;
    if (learn) batch->third[b] = psac_critic_third_factor(&network->config, &outcome->judgement, output);
  }
  return PSAC_OK;
}

// Rank 0 of every replica learns from the trials of all replicas, in order, so that all obtain the same sums.
static void sum_up(psac_network *network, int n, const psac_outcome *outcomes, psac_batch_factor *factor) {
  for (int b = 0; b < n; b++) {
    const psac_outcome *outcome = &outcomes[b];
    psac_critic_learn(&network->critic, &network->config, &outcome->judgement, outcome->output_counts,
                      outcome->critic_counts, outcome->activity, factor);
  }
}

// Broadcasts the output spikes and third factors; every rank then accumulates the eligibility of its neurons.
static psac_status spread_factors(psac_network *network, int n, batch_state *batch) {
  const psac_backend *backend = network->backend;
  const psac_transport *transport = &network->transport;
  const psac_shard *shard = &network->shard;
  const float decay =
      psac_exp2f(-(float)(network->config.simulation.dt / network->config.learning.tau_plus * 1.4426950408889634));
  const size_t n_bytes = sizeof *batch->third * (size_t)n;
  if (transport->rank == 0)
    PSAC_TRY(backend->device->upload(network->stream, network->messages.third, batch->third, n_bytes));
  const psac_span spans[] = {{network->messages.third, n_bytes},
                             {network->readout.spikes, sizeof(uint64_t) * (size_t)shard->n_steps * (size_t)n}};
  PSAC_TRY(transport->broadcast(transport, network->native_stream, spans, 2));
  PSAC_TRY(psac_network_mark(network, PSAC_STAGE_EXCHANGE));
  PSAC_TRY(backend->stage->accumulate_eligibility(network->stream, shard, n, decay, network->readout.spikes,
                                                  network->messages.third));
  return psac_network_mark(network, PSAC_STAGE_LEARNING);
}

// mu . mu of the whole layer, on rank 0.
static psac_status reduce_mean_squares(psac_network *network, int64_t *total) {
  const psac_backend *backend = network->backend;
  const psac_transport *transport = &network->transport;
  psac_stages_start(&network->stages);
  PSAC_TRY(backend->stage->sum_mean_squares(network->stream, &network->shard, network->messages.mean_squares));
  PSAC_TRY(transport->reduce_i64(transport, network->native_stream, network->messages.mean_squares,
                                 network->messages.mean_squares, 1));
  PSAC_TRY(psac_network_fetch(network, total, network->messages.mean_squares, sizeof *total));
  psac_stages_mark(&network->stages, PSAC_STAGE_LEARNING);
  return PSAC_OK;
}

// End of the batch: every rank changes its weights. The learning rate is 0 until running means exist, because there is
// no presynaptic target before.
static psac_status learn_batch(psac_network *network, int n, batch_state *batch) {
  const psac_config *config = &network->config;
  const psac_transport *transport = &network->transport;
  psac_batch_factor *factor = &batch->factor;
  if (transport->rank == 0) {
    const double rate = batch->mean_squares > 0 ? network->learning_rate : 0.0;
    factor->learning_rate = (float)rate;
    factor->critic_rate = (float)(rate * config->actor_critic.learning_ratio);
    factor->power_mu = (float)config->learning.power_mu;
    factor->mean_rate = (float)psac_running_mean_weight(config->learning.mean_rate, network->critic.n_trials, n);
    psac_critic_end_batch(&network->critic, config, n);
  }
  psac_stages_start(&network->stages);
  if (transport->rank == 0)
    PSAC_TRY(network->backend->device->upload(network->stream, network->messages.batch, factor, sizeof *factor));
  const psac_span span = {network->messages.batch, sizeof *factor};
  PSAC_TRY(transport->broadcast(transport, network->native_stream, &span, 1));
  const size_t n_sums = (size_t)network->shard.n_padded * (size_t)network->shard.columns.n_eligibility;
  PSAC_TRY(network->replica_transport.all_reduce_i32(&network->replica_transport, network->native_stream,
                                                     network->shard.eligibility, n_sums));
  PSAC_TRY(psac_network_mark(network, PSAC_STAGE_EXCHANGE));
  PSAC_TRY(network->backend->stage->apply_learning(network->stream, &network->shard, network->messages.batch));
  return psac_network_mark(network, PSAC_STAGE_LEARNING);
}

// The trials of this replica, [first, end) of the batch, n_concurrent at a time.
static psac_status present_own(psac_network *network, const psac_trial *trials, int first, int end, int learn,
                               const psac_observer *observer, psac_outcome *outcomes, batch_state *batch) {
  for (; first < end; first += network->n_concurrent) {
    const int m = end - first < network->n_concurrent ? end - first : network->n_concurrent;
    PSAC_TRY(psac_network_simulate_middle(network, trials + first, m));
    PSAC_TRY(psac_network_simulate_readout(network, m));
    if (network->transport.rank == 0) PSAC_TRY(judge(network, trials + first, m, learn, batch, outcomes + first));
    PSAC_TRY(psac_network_mark(network, PSAC_STAGE_READOUT));
    if (learn) PSAC_TRY(spread_factors(network, m, batch));
    const psac_view view = {network, 0, first, m, 0, m};
    if (observer) PSAC_TRY(observer->see(observer->self, &view));
    psac_stages_mark(&network->stages, PSAC_STAGE_STATISTICS);
  }
  return PSAC_OK;
}

static psac_status present(psac_network *network, const psac_trial *trials, int n, int learn,
                           const psac_observer *observer, psac_outcome *outcomes, batch_state *batch) {
  int first, n_own;
  batch->factor.n_trials = n;
  if (learn) PSAC_TRY(reduce_mean_squares(network, &batch->mean_squares));
  psac_network_own_trials(network, n, &first, &n_own);
  PSAC_TRY(present_own(network, trials, first, first + n_own, learn, observer, outcomes, batch));
  psac_stages_start(&network->stages);
  PSAC_TRY(psac_network_share_outcomes(network, n, outcomes));
  PSAC_TRY(psac_network_mark(network, PSAC_STAGE_EXCHANGE));
  if (!learn) return PSAC_OK;
  if (network->transport.rank == 0) sum_up(network, n, outcomes, &batch->factor);
  return learn_batch(network, n, batch);
}

psac_status psac_present_psac(psac_network *network, const psac_trial *trials, int n, int learn,
                              const psac_observer *observer, psac_outcome *outcomes) {
  const size_t m = (size_t)network->n_concurrent;
  batch_state batch = {
      .third = calloc(m, sizeof *batch.third),
      .counts = malloc(m * 2 * PSAC_MAX_PLASTIC * sizeof *batch.counts),
      .totals = malloc(m * 2 * sizeof *batch.totals),
  };
  const psac_status status = batch.third && batch.counts && batch.totals
                                 ? present(network, trials, n, learn, observer, outcomes, &batch)
                                 : psac_fail(PSAC_ERR_MEMORY, "out of memory for a batch of %d trials", n);
  free(batch.third);
  free(batch.counts);
  free(batch.totals);
  return status;
}
