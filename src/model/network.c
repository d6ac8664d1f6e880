#include "src/model/network.h"

#include <stdlib.h>

#include "src/model/build.h"
#include "src/model/notebook_trial.h"
#include "src/model/psac_batch.h"
#include "src/model/sizes.h"

psac_status psac_network_create(const psac_config *config, const psac_backend *backend, const psac_transport *transport,
                                psac_network **network) {
  *network = NULL;
  psac_network *made = calloc(1, sizeof *made);
  if (!made) return psac_fail(PSAC_ERR_MEMORY, "out of memory for the network");
  made->config = *config;
  made->backend = backend;
  made->transport = *transport;
  made->replica_transport = psac_transport_self;
  made->layout = psac_layout_make(config->middle_layer.num_neurons, transport->n_ranks, transport->rank);
  const psac_sizes sizes = psac_sizes_make(config, transport->n_ranks, 0, psac_backend_can(backend, PSAC_CAP_DEVICE));
  psac_status status = psac_sizes_check(config, &sizes);
  if (status == PSAC_OK) status = psac_network_build(made);
  if (status == PSAC_OK) {
    *network = made;
  } else {
    psac_network_destroy(&made);
  }
  return status;
}

void psac_network_destroy(psac_network **network) {
  if (!*network) return;
  const psac_backend *backend = (*network)->backend;
  // recordings first: they may have registered the arrays, for example with NCCL
  for (int n = 0; (*network)->recorded && n <= (*network)->n_concurrent; n++) {
    psac_recording *recording = (*network)->recorded[n].recording;
    if (recording) backend->device->recording_destroy(recording);
  }
  free((*network)->recorded);
  psac_arrays_release(backend->device, psac_network_arrays(*network));
  backend->device->stream_destroy((*network)->stream);
  free(*network);
  *network = NULL;
}

void psac_network_replicate(psac_network *network, const psac_transport *replicas, const psac_ranks *replica_ranks) {
  network->replica_transport = *replicas;
  network->replica_ranks = replica_ranks;
}

int psac_network_batch_size(const psac_network *network, int learn) {
  const int batch = (int)network->config.training.batch_size;
  return learn && network->config.network.model == PSAC_MODEL_PSAC
             ? batch
             : network->n_concurrent * network->replica_transport.n_ranks;
}

psac_status psac_network_take_spikes(psac_network *network, const psac_ranks *ranks, int64_t spikes[2]) {
  const psac_backend *backend = network->backend;
  PSAC_TRY(psac_network_fetch(network, spikes, network->messages.spike_counts, 2 * sizeof *spikes));
  PSAC_TRY(backend->device->clear(network->stream, network->messages.spike_counts, 2 * sizeof *spikes));
  return psac_ranks_sum_i64(ranks, spikes, 2);
}

psac_status psac_network_present(psac_network *network, const psac_trial *trials, int n, int learn,
                                 const psac_observer *observer, psac_outcome *outcomes) {
  return network->config.network.model == PSAC_MODEL_NOTEBOOK
             ? psac_present_notebook(network, trials, n, learn, observer, outcomes)
             : psac_present_psac(network, trials, n, learn, observer, outcomes);
}
