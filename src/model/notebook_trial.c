// Model notebook: two passes over one trial. Weights change in every step in which middle and output neurons spike
// together. The middle layer is simulated once for both passes, because it depends on neither weights nor reward.
#include "src/model/notebook_trial.h"

#include <string.h>

#include "base/heartbeat.h"
#include "src/model/presentation.h"

// 1 if the critic's only input, a constant current, is below threshold: its value is then always 0.
static int critic_is_silent(const psac_network *network) {
  const psac_readout_layer *critic = &network->readout.layer[1];
  return critic->bias_current < critic->neuron.v_thresh;
}

// One pass in which no weight can change: drives are reduced to rank 0 in blocks of steps.
static psac_status run_frozen_pass(psac_network *network, int n_trials, int trial) {
  const psac_shard *shard = &network->shard;
  const psac_backend *backend = network->backend;
  const psac_transport *transport = &network->transport;
  const psac_readout *readout = &network->readout;
  for (int t = 0; t < shard->n_steps; t += network->steps_per_reduce) {
    const int n_steps = shard->n_steps - t < network->steps_per_reduce ? shard->n_steps - t : network->steps_per_reduce;
    PSAC_TRY(backend->stage->partial_drives(network->stream, shard, n_trials, trial, 1, t, n_steps, readout->drives));
    PSAC_TRY(transport->reduce_i64(transport, network->native_stream, readout->drives, readout->drives,
                                   (size_t)n_steps * (size_t)shard->columns.n));
    if (transport->rank == 0) PSAC_TRY(backend->stage->step_readout(network->stream, shard, readout, 1, t, n_steps));
  }
  return psac_network_mark(network, PSAC_STAGE_READOUT);
}

// Rank 0: the readout in steps [t, t + n), whose drives have been reduced, up to the first step that changes weights.
static psac_status judge_block(psac_network *network, int t, int n, const psac_reward *terms) {
  const int is_asynchronous = psac_network_is_asynchronous(network);
  const psac_backend *backend = network->backend;
  psac_readout readout = network->readout;
  for (int k = 0; k < n; k++, readout.drives += network->shard.columns.n) {
    PSAC_TRY(backend->stage->step_readout(network->stream, &network->shard, &readout, 1, t + k, 1));
    PSAC_TRY(backend->notebook->judge_step(network->stream, &network->shard, &readout, t + k, terms,
                                           network->messages.event));
    if (!is_asynchronous && network->messages.event->outputs) break;
  }
  return PSAC_OK;
}

// One pass with learning: each step's drives use the weights that the step before left. On the CPU, drives are summed
// for a block of steps as if no weight changed in it; the steps after a change are summed again. Blocks double while
// nothing changes, so that ranks seldom synchronize. On a device a block is one step: the host would have to wait for
// the device to learn of a change.
static psac_status run_learning_pass(psac_network *network, int n_trials, int trial, double reward) {
  const psac_shard *shard = &network->shard;
  const psac_backend *backend = network->backend;
  const psac_transport *transport = &network->transport;
  const psac_readout *readout = &network->readout;
  const psac_span span = {network->messages.event, sizeof *network->messages.event};
  const psac_reward terms = {reward, network->config.actor_critic.gamma, network->learning_rate};
  const int is_asynchronous = psac_network_is_asynchronous(network);
  const int longest = is_asynchronous ? 1 : network->steps_per_reduce;
  PSAC_TRY(backend->device->clear(network->stream, network->messages.event, sizeof *network->messages.event));
  for (int t = 0, n, block = 1; t < shard->n_steps; t += n) {
    n = shard->n_steps - t < block ? shard->n_steps - t : block;
    psac_heartbeat_step(network->trial + trial, t);
    PSAC_TRY(backend->stage->partial_drives(network->stream, shard, n_trials, trial, 1, t, n, readout->drives));
    PSAC_TRY(transport->reduce_i64(transport, network->native_stream, readout->drives, readout->drives,
                                   (size_t)n * (size_t)shard->columns.n));
    if (transport->rank == 0) PSAC_TRY(judge_block(network, t, n, &terms));
    psac_network_mark_step(network, PSAC_STAGE_READOUT);
    PSAC_TRY(transport->broadcast(transport, network->native_stream, &span, 1));
    psac_network_mark_step(network, PSAC_STAGE_EXCHANGE);
    block = 2 * n < longest ? 2 * n : longest;
    if (!is_asynchronous && network->messages.event->outputs) n = network->messages.event->step + 1 - t, block = 1;
    PSAC_TRY(
        backend->notebook->hebbian_step(network->stream, shard, n_trials, trial, t + n - 1, network->messages.event));
    psac_network_mark_step(network, PSAC_STAGE_LEARNING);
  }
  psac_event event;
  PSAC_TRY(psac_network_fetch(network, &event, network->messages.event, sizeof event));
  if (event.n_events > 0) network->weights_in_range = 1;
  if (is_asynchronous) psac_stages_mark(&network->stages, PSAC_STAGE_LEARNING);
  return PSAC_OK;
}

static psac_status run_pass(psac_network *network, int n_trials, int trial, int rewarded, double reward,
                            psac_outcome *outcome) {
  const psac_backend *backend = network->backend;
  const psac_readout *readout = &network->readout;
  const int is_root = network->transport.rank == 0;
  psac_stages_start(&network->stages);
  if (is_root) PSAC_TRY(backend->stage->reset_readout(network->stream, readout, 1));
  if (!rewarded && network->weights_in_range && critic_is_silent(network)) {
    PSAC_TRY(run_frozen_pass(network, n_trials, trial));
  } else {
    PSAC_TRY(run_learning_pass(network, n_trials, trial, reward));
  }
  if (!is_root) return PSAC_OK;
  int32_t counts[2 * PSAC_MAX_PLASTIC];
  PSAC_TRY(psac_network_fetch(network, counts, readout->counts, sizeof counts));
  *outcome = (psac_outcome){0};
  outcome->judgement.action = psac_decide(counts, readout->layer[0].n);
  outcome->judgement.reward = outcome->judgement.td_error = reward;
  memcpy(outcome->output_counts, counts, sizeof outcome->output_counts);
  memcpy(outcome->critic_counts, counts + PSAC_MAX_PLASTIC, sizeof outcome->critic_counts);
  return PSAC_OK;
}

// The first pass, with reward 0, gives a prediction. With `learn`, a second pass has reward +1 or -1 for that
// prediction. The prediction of the last pass counts.
static psac_status present_trial(psac_network *network, const psac_trial *trial, int first, int n_trials, int b,
                                 int learn, const psac_observer *observer, psac_outcome *outcome) {
  psac_outcome unused = {0};
  psac_outcome *result = network->transport.rank == 0 ? outcome : &unused;
  double reward = 0.0;  // used on rank 0 only
  for (int pass = 0; pass < (learn ? 2 : 1); pass++) {
    PSAC_TRY(run_pass(network, n_trials, b, pass > 0, reward, result));
    const psac_view view = {network, pass, first + b, 1, b, n_trials};
    if (observer) PSAC_TRY(observer->see(observer->self, &view));
    psac_stages_mark(&network->stages, PSAC_STAGE_STATISTICS);
    if (network->transport.rank == 0) reward = result->judgement.action == trial->label ? 1.0 : -1.0;
  }
  return PSAC_OK;
}

static psac_status present_own(psac_network *network, const psac_trial *trials, int first, int end, int learn,
                               const psac_observer *observer, psac_outcome *outcomes) {
  for (; first < end; first += network->n_concurrent) {
    const int m = end - first < network->n_concurrent ? end - first : network->n_concurrent;
    PSAC_TRY(psac_network_simulate_middle(network, trials + first, m));
    for (int b = 0; b < m; b++) {
      PSAC_TRY(present_trial(network, &trials[first + b], first, m, b, learn, observer,
                             outcomes ? &outcomes[first + b] : NULL));
    }
  }
  return PSAC_OK;
}

psac_status psac_present_notebook(psac_network *network, const psac_trial *trials, int n, int learn,
                                  const psac_observer *observer, psac_outcome *outcomes) {
  int first, n_own;
  psac_network_own_trials(network, n, &first, &n_own);
  PSAC_TRY(present_own(network, trials, first, first + n_own, learn, observer, outcomes));
  return psac_network_share_outcomes(network, n, outcomes);
}
