#include "jobs/scaling/scaling_dry_run.h"

#include <math.h>
#include <stdlib.h>

#include "partition/transport/transport_counted.h"
#include "src/plan/cost.h"

enum { PILOT_NEURONS = 2000, PILOT_TRIALS = 16 };

// The link among n_ranks ranks of a job of n_all, as in the cost model: latency grows with ranks and nodes.
static psac_link link_of(const psac_hardware *hardware, double n_ranks, double n_all) {
  if (n_ranks <= 1.0) return (psac_link){.bandwidth = INFINITY};  // no messages
  const int nccl = hardware->on_device;
  const double nodes = fmin(n_ranks, ceil(n_all / hardware->ranks_per_node));
  const double within = nccl ? hardware->nccl_bandwidth : hardware->mpi_bandwidth;
  const double between = nccl ? hardware->nccl_bandwidth_nodes : hardware->mpi_bandwidth_nodes;
  const double latency = nccl ? hardware->nccl_base + n_ranks * hardware->nccl_per_rank
                              : hardware->mpi_base + n_ranks * hardware->mpi_per_rank +
                                    (nodes > 1.0 ? nodes * hardware->mpi_per_node : 0.0);
  return (psac_link){.latency = latency, .bandwidth = nodes > 1.0 ? fmin(within, between) : within};
}

static psac_status fetch(const psac_network *network, const void *device, size_t n_bytes, void **bytes, size_t *kept) {
  *bytes = malloc(n_bytes);
  if (!*bytes) return psac_fail(PSAC_ERR_MEMORY, "out of memory for a sample of %zu bytes", n_bytes);
  *kept = n_bytes;
  return psac_network_fetch(network, *bytes, device, n_bytes);
}

// Runs two batches, as the first has no running means yet and therefore changes no weight.
static psac_status run_pilot(psac_dry_run *dry_run, psac_network *network, const psac_ranks *ranks,
                             const psac_trial *trials, int n, psac_outcome *outcomes) {
  const psac_shard *shard = &network->shard;
  int64_t spikes[2];
  for (int batch = 0; batch < 2; batch++) PSAC_TRY(psac_network_present(network, trials, n, 1, NULL, outcomes));
  PSAC_TRY(psac_network_take_spikes(network, ranks, spikes));
  const double n_exc = (double)shard->n_exc, n_inh = (double)network->config.middle_layer.num_neurons - n_exc;
  dry_run->rate[0] = (double)spikes[0] / (2.0 * n * shard->n_steps * fmax(n_exc, 1.0));
  dry_run->rate[1] = (double)spikes[1] / (2.0 * n * shard->n_steps * fmax(n_inh, 1.0));
  const size_t together = (size_t)(n < network->n_concurrent ? n : network->n_concurrent),
               steps = (size_t)shard->n_steps;
  PSAC_TRY(fetch(network, shard->retina_spikes, sizeof(uint64_t) * together * steps * (size_t)shard->n_retina_words,
                 &dry_run->retina.bytes, &dry_run->retina.n_bytes));
  PSAC_TRY(fetch(network, network->messages.third, sizeof(psac_third_factor) * together, &dry_run->third.bytes,
                 &dry_run->third.n_bytes));
  PSAC_TRY(fetch(network, network->readout.spikes, sizeof(uint64_t) * steps * together, &dry_run->output.bytes,
                 &dry_run->output.n_bytes));
  return fetch(network, network->messages.batch, sizeof(psac_batch_factor), &dry_run->factor.bytes,
               &dry_run->factor.n_bytes);
}

static psac_status learn_from_pilot(psac_dry_run *dry_run, const psac_session *session, const psac_trial *trials,
                                    int n) {
  psac_config config = session->config;
  if (config.middle_layer.num_neurons > PILOT_NEURONS) config.middle_layer.num_neurons = PILOT_NEURONS;
  if (config.training.batch_size > PILOT_TRIALS) config.training.batch_size = PILOT_TRIALS;
  if (n > config.training.batch_size) n = (int)config.training.batch_size;
  psac_transport self = psac_transport_self;
  const psac_transport_request request = {.name = "self", .staging = session->backend->device->staging()};
  PSAC_TRY(self.open(&self, session->ranks, &request));
  psac_network *network = NULL;
  psac_outcome *outcomes = calloc((size_t)n, sizeof *outcomes);
  psac_status status = outcomes ? psac_network_create(&config, session->backend, &self, &network)
                                : psac_fail(PSAC_ERR_MEMORY, "out of memory for a batch of %d trials", n);
  if (status == PSAC_OK) status = run_pilot(dry_run, network, session->ranks, trials, n, outcomes);
  psac_network_destroy(&network);
  free(outcomes);
  self.close(&self);
  return status;
}

static psac_status open_shards(psac_dry_run *dry_run, psac_session *session, int n_shards) {
  const int rank = dry_run->rank % n_shards;
  const psac_dry_run_setup setup = {
      .rank = rank,
      .n_ranks = n_shards,
      .map = psac_layout_make(session->config.middle_layer.num_neurons, n_shards, rank).map,
      .n_first = psac_config_n_exc(&session->config),
      .rate = {dry_run->rate[0], dry_run->rate[1]},
      .seed = (uint64_t)session->config.simulation.seed,
      .link = link_of(&dry_run->hardware, n_shards, n_shards),
      .staging = session->backend->device->staging(),
  };
  PSAC_TRY(psac_transport_dry_run_open(&setup, &dry_run->transport));
  session->transport = dry_run->transport;
  return psac_transport_count(&session->transport);
}

// Replicas exchange only sums, which need no samples.
static psac_status open_replicas(psac_dry_run *dry_run, psac_session *session, int n_shards) {
  if (session->n_replicas == 1) return PSAC_OK;
  const psac_dry_run_setup setup = {
      .rank = dry_run->rank / n_shards,
      .n_ranks = session->n_replicas,
      .link = link_of(&dry_run->hardware, session->n_replicas, dry_run->n_ranks),
      .staging = session->backend->device->staging(),
  };
  PSAC_TRY(psac_transport_dry_run_open(&setup, &dry_run->replicas));
  session->replica_transport = dry_run->replicas;
  return psac_transport_count(&session->replica_transport);
}

psac_status psac_dry_run_begin(psac_dry_run *dry_run, psac_session *session, const psac_trial *trials, int n) {
  PSAC_TRY(learn_from_pilot(dry_run, session, trials, n));
  if (session->n_replicas == 0) {
    session->n_replicas = (int)psac_cost_best_replicas(&session->config, dry_run->n_ranks, &dry_run->hardware, NULL);
  }
  const int n_shards = dry_run->n_ranks / session->n_replicas;
  psac_session_close_transports(session);
  PSAC_TRY(open_shards(dry_run, session, n_shards));
  return open_replicas(dry_run, session, n_shards);
}

psac_status psac_dry_run_attach(psac_dry_run *dry_run, const psac_session *session) {
  const psac_network *network = session->network;
  const psac_transport *transport = &dry_run->transport;
  PSAC_TRY(psac_transport_dry_run_sample(transport, network->shard.retina_spikes, dry_run->retina.bytes,
                                         dry_run->retina.n_bytes));
  PSAC_TRY(
      psac_transport_dry_run_sample(transport, network->messages.third, dry_run->third.bytes, dry_run->third.n_bytes));
  PSAC_TRY(psac_transport_dry_run_sample(transport, network->readout.spikes, dry_run->output.bytes,
                                         dry_run->output.n_bytes));
  return psac_transport_dry_run_sample(transport, network->messages.batch, dry_run->factor.bytes,
                                       dry_run->factor.n_bytes);
}

void psac_dry_run_reset(const psac_dry_run *dry_run) {
  psac_transport_dry_run_reset(&dry_run->transport);
  if (dry_run->replicas.state) psac_transport_dry_run_reset(&dry_run->replicas);
}

psac_dry_run_time psac_dry_run_read(const psac_dry_run *dry_run) {
  psac_dry_run_time time = psac_transport_dry_run_read(&dry_run->transport);
  if (!dry_run->replicas.state) return time;
  const psac_dry_run_time sums = psac_transport_dry_run_read(&dry_run->replicas);
  time.spent += sums.spent;
  time.modelled += sums.modelled;
  return time;
}

void psac_dry_run_end(psac_dry_run *dry_run, psac_session *session) {
  psac_session_close_transports(session);
  free(dry_run->retina.bytes);
  free(dry_run->third.bytes);
  free(dry_run->output.bytes);
  free(dry_run->factor.bytes);
  *dry_run = (psac_dry_run){.rank = dry_run->rank, .n_ranks = dry_run->n_ranks, .hardware = dry_run->hardware};
}
