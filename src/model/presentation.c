// Simulation of concurrent trials, shared by both models.
#include "src/model/presentation.h"

#include <stdlib.h>
#include <string.h>

#include "base/heartbeat.h"
#include "src/model/retina.h"

// Uploads recorded retina spikes.
static psac_status copy_retina(psac_network *network, const psac_trial *trials, int n) {
  const psac_shard *shard = &network->shard;
  const size_t trial_words = (size_t)shard->n_steps * (size_t)shard->n_retina_words;
  for (int b = 0; b < n; b++) {
    PSAC_TRY(network->backend->device->upload(network->stream, shard->retina_spikes + (size_t)b * trial_words,
                                              trials[b].retina_spikes, sizeof(uint64_t) * trial_words));
  }
  return PSAC_OK;
}

// Draws the retina spikes of trials [n] from their images, as trials [first, first + n) of the presentation.
static psac_status draw_retina(psac_network *network, const psac_trial *trials, int first, int n) {
  const size_t n_units = (size_t)network->shard.n_units;
  psac_retina_trial *draws = malloc(sizeof *draws * (size_t)n + 1);
  uint64_t *threshold = malloc(sizeof *threshold * (size_t)n * n_units + 1);
  psac_status status = draws && threshold ? PSAC_OK : psac_fail(PSAC_ERR_MEMORY, "out of memory for the retina");
  for (int b = 0; status == PSAC_OK && b < n; b++) {
    psac_retina_thresholds(&network->config, trials[b].image, threshold + (size_t)b * n_units);
    draws[b] = (psac_retina_trial){trials[b].number, threshold + (size_t)b * n_units};
  }
  if (status == PSAC_OK && n > 0) {
    const psac_rng_key key = psac_rng_stream_key((uint64_t)network->config.simulation.seed, trials[0].stream);
    status = network->backend->stage->encode_retina(network->stream, &network->shard, key, first, n, draws);
  }
  free(threshold);
  free(draws);
  return status;
}

// Every rank draws the retina spikes of its share of the trials, followed by an all-gather: this divides the cost of
// the retina, too, among the ranks.
static psac_status fill_retina(psac_network *network, const psac_trial *trials, int n) {
  if (trials[0].retina_spikes) return copy_retina(network, trials, n);
  const psac_shard *shard = &network->shard;
  const psac_transport *transport = &network->transport;
  const int share = (n + transport->n_ranks - 1) / transport->n_ranks, first = transport->rank * share;
  const int mine = n - first < share ? (n > first ? n - first : 0) : share;
  PSAC_TRY(draw_retina(network, trials + (mine > 0 ? first : 0), first, mine));
  PSAC_TRY(psac_network_mark(network, PSAC_STAGE_RETINA));
  const size_t trial_words = (size_t)shard->n_steps * (size_t)shard->n_retina_words;
  PSAC_TRY(transport->all_gather(transport, network->native_stream, shard->retina_spikes + (size_t)first * trial_words,
                                 shard->retina_spikes, sizeof(uint64_t) * trial_words * (size_t)share));
  PSAC_TRY(transport->all_gather_wait(transport, network->native_stream));
  return psac_network_mark(network, PSAC_STAGE_EXCHANGE);
}

// One time step. The work that needs no spikes of other ranks comes first, to overlap the all-gather in flight.
static psac_status step_middle(psac_network *network, int n, int t) {
  const psac_shard *shard = &network->shard;
  const psac_backend *backend = network->backend;
  const psac_exchange *exchange = &network->exchange;
  const size_t n_bytes = sizeof(uint64_t) * (size_t)shard->n_words * (size_t)n;
  psac_arrival arrival = {0};
  PSAC_TRY(backend->stage->prepare_middle(network->stream, shard, n, t));
  if (shard->in_degree > 0 && t >= exchange->delay) {
    PSAC_TRY(psac_exchange_arrive(exchange, network->native_stream, t, n_bytes, &arrival));
  }
  PSAC_TRY(backend->stage->step_middle(network->stream, shard, n, t, arrival.spikes,
                                       arrival.rank_stride / sizeof(uint64_t)));
  if (shard->in_degree == 0) return PSAC_OK;
  psac_network_mark_step(network, PSAC_STAGE_MIDDLE);
  PSAC_TRY(psac_exchange_post(exchange, network->native_stream, t, n_bytes));
  psac_network_mark_step(network, PSAC_STAGE_EXCHANGE);
  return PSAC_OK;
}

static psac_status enqueue_steps(psac_network *network, int n) {
  const psac_shard *shard = &network->shard;
  PSAC_TRY(network->backend->stage->reset_potentials(network->stream, shard, n));
  for (int t = 0; t < shard->n_steps; t++) {
    psac_heartbeat_step(network->trial, t);
    PSAC_TRY(step_middle(network, n, t));
  }
  return psac_exchange_end(&network->exchange, network->native_stream);
}

static psac_status enqueue_middle(psac_network *network, int n) {
  const psac_backend *backend = network->backend;
  PSAC_TRY(network->launches_presentations
               ? backend->stage->present_middle(network->stream, &network->shard, n, network->exchange.delay)
               : enqueue_steps(network, n));
  return backend->stage->count_spikes(network->stream, &network->shard, n, network->messages.spike_counts);
}

static int records(const psac_network *network) {
  return psac_backend_can(network->backend, PSAC_CAP_RECORD) && network->config.simulation.cuda_graph &&
         network->transport.can_record;
}

// The steps depend on the trials only through the contents of arrays, so they can be recorded once and replayed.
static psac_status record_middle(psac_network *network, int n) {
  const psac_backend *backend = network->backend;
  psac_recorded *recorded = &network->recorded[n];
  PSAC_TRY(backend->device->record_begin(network->stream));
  psac_transport_record_begin(&network->transport);
  const psac_status status = enqueue_middle(network, n);
  recorded->traffic = psac_transport_record_end(&network->transport);
  const psac_status ended = backend->device->record_end(network->stream, &recorded->recording);
  return status != PSAC_OK ? status : ended;
}

// Records when a number of trials occurs for the second time: the first time connects NCCL, and the size of an
// evaluation's last chunk occurs only once.
static psac_status run_middle(psac_network *network, int n) {
  psac_recorded *recorded = &network->recorded[n];
  if (!records(network) || !recorded->is_warm) {
    recorded->is_warm = 1;
    return enqueue_middle(network, n);
  }
  if (!recorded->recording) PSAC_TRY(record_middle(network, n));
  psac_transport_replay(&network->transport, recorded->traffic);
  return network->backend->device->replay(network->stream, recorded->recording);
}

psac_status psac_network_warm_up(psac_network *network) {
  const psac_transport *transport = &network->transport, *replicas = &network->replica_transport;
  const psac_shard *shard = &network->shard;
  const int n = network->n_concurrent;
  const size_t n_sums = (size_t)shard->n_padded * (size_t)shard->columns.n_eligibility,
               n_words = (size_t)shard->n_steps * (size_t)n;
  const int is_alone = transport->n_ranks * replicas->n_ranks == 1;
  if (!psac_network_is_asynchronous(network) || !transport->can_record || (is_alone && !records(network)))
    return PSAC_OK;
  network->recorded[n].is_warm = 1;
  PSAC_TRY(enqueue_middle(network, n));
  PSAC_TRY(psac_network_settle(network));
  PSAC_TRY(psac_network_simulate_readout(network, n));
  const psac_span spans[] = {{network->messages.third, sizeof *network->messages.third * (size_t)n},
                             {network->readout.spikes, sizeof(uint64_t) * n_words}};
  PSAC_TRY(transport->broadcast(transport, network->native_stream, spans, 2));
  PSAC_TRY(replicas->all_reduce_i32(replicas, network->native_stream, shard->eligibility, n_sums));
  PSAC_TRY(network->backend->device->clear(network->stream, network->messages.spike_counts,
                                           2 * sizeof *network->messages.spike_counts));
  network->stages = (psac_stages){0};
  return psac_network_settle(network);
}

psac_status psac_network_record(psac_network *network) {
  return records(network) ? record_middle(network, network->n_concurrent) : PSAC_OK;
}

psac_status psac_network_simulate_middle(psac_network *network, const psac_trial *trials, int n) {
  psac_stages_start(&network->stages);
  network->trial = (int64_t)trials[0].number;
  psac_heartbeat_step(network->trial, 0);
  PSAC_TRY(fill_retina(network, trials, n));
  PSAC_TRY(run_middle(network, n));
  return psac_network_mark(network, PSAC_STAGE_MIDDLE);
}

psac_status psac_network_simulate_readout(psac_network *network, int n) {
  const psac_shard *shard = &network->shard;
  const psac_backend *backend = network->backend;
  const psac_transport *transport = &network->transport;
  const psac_readout *readout = &network->readout;
  const int is_root = transport->rank == 0;
  psac_stages_start(&network->stages);
  if (is_root) PSAC_TRY(backend->stage->reset_readout(network->stream, readout, n));
  for (int t = 0; t < shard->n_steps; t += network->steps_per_reduce) {
    const int n_steps = shard->n_steps - t < network->steps_per_reduce ? shard->n_steps - t : network->steps_per_reduce;
    const size_t n_drives = (size_t)n_steps * (size_t)n * (size_t)shard->columns.n;
    PSAC_TRY(backend->stage->partial_drives(network->stream, shard, n, 0, n, t, n_steps, readout->drives));
    psac_network_mark_step(network, PSAC_STAGE_READOUT);
    psac_heartbeat_step(network->trial, t);
    PSAC_TRY(transport->reduce_i64(transport, network->native_stream, readout->drives, readout->drives, n_drives));
    psac_network_mark_step(network, PSAC_STAGE_EXCHANGE);
    if (is_root) PSAC_TRY(backend->stage->step_readout(network->stream, shard, readout, n, t, n_steps));
    psac_network_mark_step(network, PSAC_STAGE_READOUT);
  }
  return psac_network_mark(network, PSAC_STAGE_READOUT);
}
