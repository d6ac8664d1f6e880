// Presents recorded retina spikes as the notebook does and writes the results.
#include <math.h>
#include <stdlib.h>

#include "jobs/jobs.h"
#include "jobs/options.h"
#include "jobs/replay_case.h"
#include "kernels/rules/notebook/notebook_core.h"
#include "src/model/state.h"
#include "src/model/weights.h"
#include "src/run/session.h"

typedef struct replay_state {
  psac_session *session;
  psac_replay_case replay_case;
  int64_t k;  // current presentation
  psac_outcome outcome;
} replay_state;

// Sums integers, so that the sum does not depend on the number of ranks.
static psac_status sum_weights(const psac_session *session, float *scratch, double *sum) {
  const psac_network *network = session->network;
  const int64_t n = (int64_t)network->shard.n_local * network->shard.columns.n_output;
  PSAC_TRY(psac_network_get_weights(network, 0, network->shard.n_local, scratch, NULL));
  int64_t total = 0;
  for (int64_t i = 0; i < n; i++) total += psac_notebook_steps(scratch[i]);
  PSAC_TRY(psac_ranks_sum_i64(session->ranks, &total, 1));
  *sum = ldexp((double)total, -PSAC_NOTEBOOK_BITS);
  return PSAC_OK;
}

static psac_status see_pass(void *self, const psac_view *view) {
  replay_state *replay = self;
  const psac_network *network = view->network;
  const psac_shard *shard = &network->shard;
  psac_presentation *presentation = &replay->replay_case.presentation[replay->k];
  psac_replay_case_pass *pass = &presentation->pass[view->pass];
  const size_t words = (size_t)shard->n_words, n_steps = (size_t)shard->n_steps;
  uint64_t *spikes = malloc(sizeof *spikes * (words + 1) * n_steps);
  int64_t *count = calloc(n_steps, sizeof *count);
  if (!spikes || !count) {
    free(spikes);
    free(count);
    return psac_fail(PSAC_ERR_MEMORY, "out of memory replaying");
  }
  psac_status status =
      network->backend->device->download(network->stream, spikes, shard->spikes, sizeof *spikes * words * n_steps);
  if (status == PSAC_OK) status = network->backend->device->synchronize(network->stream);
  for (size_t t = 0; t < n_steps; t++) {
    for (size_t w = 0; w < words; w++) count[t] += __builtin_popcountll(spikes[t * words + w]);
  }
  if (status == PSAC_OK) status = psac_ranks_sum_i64(replay->session->ranks, count, n_steps);
  for (size_t t = 0; t < n_steps; t++) pass->middle_spikes[t] = (int32_t)count[t];
  if (status == PSAC_OK && network->transport.rank == 0) {
    status =
        network->backend->device->download(network->stream, spikes, network->readout.spikes, sizeof *spikes * n_steps);
    if (status == PSAC_OK) status = network->backend->device->synchronize(network->stream);
    for (size_t t = 0; t < n_steps; t++) pass->output_spikes[t] = __builtin_popcountll(spikes[t]);
    for (int o = 0; o < shard->columns.n_output; o++) pass->output_counts[o] = (float)replay->outcome.output_counts[o];
    pass->prediction = replay->outcome.judgement.action;
    pass->reward = replay->outcome.judgement.reward;
  }
  free(spikes);
  free(count);
  PSAC_TRY(status);
  return sum_weights(replay->session, presentation->weights_after, &pass->weights_sum);
}

// Packs the retina's spikes [n_units][n_steps] into bits [n_steps][n_retina_words].
static void pack_spikes(const psac_shard *shard, const uint8_t *spikes, uint64_t *bits) {
  for (int u = 0; u < shard->n_units; u++) {
    for (int t = 0; t < shard->n_steps; t++) {
      const uint64_t spike = spikes[(size_t)u * (size_t)shard->n_steps + (size_t)t];
      bits[(size_t)t * (size_t)shard->n_retina_words + (size_t)(u / 64)] |= spike << (u % 64);
    }
  }
}

static psac_status present(replay_state *replay) {
  psac_session *session = replay->session;
  psac_network *network = session->network;
  const psac_shard *shard = &network->shard;
  const psac_presentation *presentation = &replay->replay_case.presentation[replay->k];
  uint64_t *bits = calloc((size_t)shard->n_steps * (size_t)shard->n_retina_words, sizeof *bits);
  if (!bits) return psac_fail(PSAC_ERR_MEMORY, "out of memory replaying");
  pack_spikes(shard, presentation->retina_spikes, bits);
  const psac_trial trial = {.retina_spikes = bits, .label = (uint8_t)presentation->label};
  const psac_observer observer = {see_pass, replay};
  const psac_status status = psac_network_present(network, &trial, 1, 1, &observer, &replay->outcome);
  free(bits);
  return status;
}

// Broadcasts the results of rank 0, because attributes must have the same value on every rank. Collective.
static psac_status spread_results(replay_state *replay) {
  for (int64_t k = 0; k < replay->replay_case.n; k++) {
    for (int p = 0; p < 2; p++) {
      psac_replay_case_pass *pass = &replay->replay_case.presentation[k].pass[p];
      PSAC_TRY(psac_ranks_broadcast(replay->session->ranks, &pass->reward, sizeof pass->reward));
      PSAC_TRY(psac_ranks_broadcast(replay->session->ranks, &pass->prediction, sizeof pass->prediction));
    }
  }
  return PSAC_OK;
}

static psac_status check_options(const psac_options *options) {
  if (!options->replay_case) return psac_fail(PSAC_ERR_INPUT, "replay needs --case CASE.h5, the recorded spikes");
  if (!options->out) return psac_fail(PSAC_ERR_INPUT, "replay needs --out OUT.h5, the file to write");
  return psac_h5_try(options->replay_case);
}

static psac_status set_weights(psac_network *network, const float *weights) {
  PSAC_TRY(psac_network_set_weights(network, 0, network->shard.n_local, weights, NULL));
  return psac_network_rows_are_set(network);
}

static psac_status run(replay_state *replay, const psac_options *options, psac_ranks *ranks) {
  psac_session *session = replay->session;
  psac_replay_case *replay_case = &replay->replay_case;
  psac_status status = ranks->rank == 0 ? check_options(options) : PSAC_OK;
  PSAC_TRY(psac_ranks_agree(ranks, status));
  session->ranks = ranks;
  session->options = &options->run;
  PSAC_TRY(psac_session_claim(session, options->out));
  PSAC_TRY(psac_session_refuse_to_overwrite(session));
  PSAC_TRY(psac_ranks_agree(ranks, psac_replay_case_open(options->replay_case, replay_case)));
  const psac_config_layer layer = {.text = replay_case->attributes, .origin = options->replay_case, .over = 1};
  PSAC_TRY(psac_session_configure(session, &options->run, ranks, &layer));
  if (session->config.network.model != PSAC_MODEL_NOTEBOOK) {
    status = psac_fail(PSAC_ERR_INPUT,
                       "network.model = psac cannot be replayed: a case is the notebook's two passes; use notebook");
  }
  if (status == PSAC_OK && ranks->rank == 0)
    status = psac_replay_case_check(options->replay_case, &session->config, replay_case);
  PSAC_TRY(psac_ranks_agree(ranks, status));
  PSAC_TRY(psac_session_build(session));
  PSAC_TRY(psac_ranks_agree(ranks, psac_replay_case_read(options->replay_case, session->network, replay_case)));
  PSAC_TRY(psac_ranks_agree(ranks, set_weights(session->network, replay_case->weights_initial)));
  psac_session_announce(session);
  for (replay->k = 0; replay->k < replay_case->n; replay->k++) PSAC_TRY(present(replay));
  PSAC_TRY(spread_results(replay));
  const psac_access access = psac_session_access(session);
  PSAC_TRY(psac_session_check_owner(session));
  return psac_replay_case_write(&access, session->out, session->replace, session->network, replay_case);
}

psac_status psac_job_replay(const psac_options *options, psac_ranks *ranks) {
  psac_session session = {0};
  replay_state replay = {.session = &session};
  const psac_status status = run(&replay, options, ranks);
  psac_replay_case_free(&replay.replay_case);
  psac_session_end(&session, status);
  return status;
}
