#include "src/model/network_parts.h"

#include <stdlib.h>
#include <string.h>

psac_array_owners psac_network_arrays(psac_network *network) {
  return (psac_array_owners){&network->shard, &network->readout, &network->messages};
}

int psac_network_is_asynchronous(const psac_network *network) {
  return psac_backend_can(network->backend, PSAC_CAP_DEVICE);
}

psac_status psac_network_settle(const psac_network *network) {
  const psac_transport *transport = &network->transport;
  if (psac_network_is_asynchronous(network)) {
    PSAC_TRY(transport->settle(transport, network->native_stream));
    PSAC_TRY(network->replica_transport.settle(&network->replica_transport, network->native_stream));
  }
  return network->backend->device->synchronize(network->stream);
}

psac_status psac_network_fetch(const psac_network *network, void *host, const void *device, size_t n_bytes) {
  PSAC_TRY(psac_network_settle(network));
  PSAC_TRY(network->backend->device->download(network->stream, host, device, n_bytes));
  return network->backend->device->synchronize(network->stream);
}

psac_status psac_network_mark(psac_network *network, psac_stage stage) {
  if (psac_network_is_asynchronous(network)) PSAC_TRY(psac_network_settle(network));
  psac_stages_mark(&network->stages, stage);
  return PSAC_OK;
}

void psac_network_mark_step(psac_network *network, psac_stage stage) {
  if (!psac_network_is_asynchronous(network)) psac_stages_mark(&network->stages, stage);
}

int psac_network_share(const psac_network *network, int n) {
  return (n + network->replica_transport.n_ranks - 1) / network->replica_transport.n_ranks;
}

void psac_network_own_trials(const psac_network *network, int n, int *first, int *n_own) {
  const int share = psac_network_share(network, n), start = network->replica_transport.rank * share;
  *first = start < n ? start : n;
  *n_own = n - *first < share ? n - *first : share;
}

int psac_network_is_root(const psac_network *network) {
  return network->transport.rank == 0 && network->replica_transport.rank == 0;
}

int64_t psac_network_stored_rows(const psac_network *network) {
  return network->replica_transport.rank == 0 ? network->shard.n_local : 0;
}

psac_status psac_network_share_outcomes(const psac_network *network, int n, psac_outcome *outcomes) {
  if (!network->replica_ranks || network->transport.rank != 0) return PSAC_OK;
  const int share = psac_network_share(network, n);
  const size_t n_bytes = sizeof *outcomes * (size_t)share;
  int first, n_own;
  psac_network_own_trials(network, n, &first, &n_own);
  psac_outcome *own = calloc((size_t)share, sizeof *own),
               *all = malloc(n_bytes * (size_t)network->replica_transport.n_ranks);
  psac_status status =
      own && all ? PSAC_OK : psac_fail(PSAC_ERR_MEMORY, "out of memory for the outcomes of %d trials", n);
  if (status == PSAC_OK) {
    memcpy(own, outcomes + first, sizeof *own * (size_t)n_own);
    status = psac_ranks_gather(network->replica_ranks, own, all, (int)n_bytes);
  }
  if (status == PSAC_OK) memcpy(outcomes, all, sizeof *outcomes * (size_t)n);
  free(own);
  free(all);
  return status;
}

void psac_network_set_progress(psac_network *network, int64_t done, int64_t n_images, int64_t first_epoch) {
  const psac_config *config = &network->config;
  double rate = config->learning.learning_rate;
  if (config->learning.rate_scaling == PSAC_RATE_PER_NEURON) rate /= (double)config->middle_layer.num_neurons;
  if (config->learning.rate_schedule == PSAC_SCHEDULE_LINEAR) {
    rate *= 1.0 - (double)(done - first_epoch * n_images) /
                      ((double)(config->training.num_epochs - first_epoch) * (double)n_images);
  } else {
    for (int64_t epoch = 0; epoch < done / n_images; epoch++) rate *= config->learning.rate_decay;
  }
  network->learning_rate = rate;
}
