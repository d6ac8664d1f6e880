#include "model/network.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/bounds.h"
#include "model/build.h"
#include "model/sizes.h"
#include "weight_core.h"

psac_status psac_network_create(const psac_config *config, const psac_kernels *kernels, const psac_transport *transport,
                                psac_network **network) {
  *network = NULL;
  psac_network *made = calloc(1, sizeof *made);
  if (!made) return psac_fail(PSAC_ERR_MEMORY, "out of memory for the network");
  made->config = *config;
  made->kernels = kernels;
  made->transport = *transport;
  made->replicas = psac_transport_self;
  made->layout = psac_layout_make(config->middle_layer.num_neurons, transport->n_ranks, transport->rank);
  const psac_sizes sizes = psac_sizes_make(config, transport->n_ranks, kernels->staging() != NULL);
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
  const psac_kernels *kernels = (*network)->kernels;
  psac_shard *shard = &(*network)->shard;
  psac_readout *readout = &(*network)->readout;
  void *const owned[] = {
      shard->tau_m,        shard->alive,       shard->refractory,    shard->v,
      shard->current,      shard->field_first, shard->field_column,  shard->field_weight,
      shard->source_mask,  shard->source_first, shard->target_first, shard->target,
      shard->spikes,       shard->retina_spikes,
      shard->row,          shard->word_sum,    shard->eligibility, shard->mean_count,    shard->isi,
      shard->last_spike,   shard->count_by_label, readout->drives,   readout->v,
      readout->free_at,    readout->spikes,    readout->counts,      readout->totals,
      (*network)->exchange.gathered, (*network)->mean_squares, (*network)->spike_counts, (*network)->event,
      (*network)->third, (*network)->factor,
  };
  // first what may have registered the arrays, with NCCL for one
  for (int n = 0; (*network)->recorded && n <= (*network)->n_concurrent; n++) {
    kernels->recording_destroy((*network)->recorded[n].recording);
  }
  free((*network)->recorded);
  for (size_t i = 0; i < sizeof owned / sizeof *owned; i++) kernels->release(owned[i]);
  kernels->stream_destroy((*network)->stream);
  free(*network);
  *network = NULL;
}

psac_status psac_network_settle(const psac_network *network) {
  const psac_transport *transport = &network->transport;
  if (network->channel) {
    PSAC_TRY(transport->settle(transport, network->channel));
    PSAC_TRY(network->replicas.settle(&network->replicas, network->channel));
  }
  return network->kernels->synchronize(network->stream);
}

psac_status psac_network_fetch(const psac_network *network, void *host, const void *device, size_t n_bytes) {
  PSAC_TRY(psac_network_settle(network));
  PSAC_TRY(network->kernels->download(network->stream, host, device, n_bytes));
  return network->kernels->synchronize(network->stream);
}

psac_status psac_network_mark(psac_network *network, psac_stage stage) {
  if (network->channel) PSAC_TRY(psac_network_settle(network));
  psac_stages_mark(&network->stages, stage);
  return PSAC_OK;
}

void psac_network_mark_step(psac_network *network, psac_stage stage) {
  if (!network->channel) psac_stages_mark(&network->stages, stage);
}

void psac_network_replicate(psac_network *network, const psac_transport *replicas, const psac_ranks *replica_ranks) {
  network->replicas = *replicas;
  network->replica_ranks = replica_ranks;
}

int psac_network_share(const psac_network *network, int n) { return (n + network->replicas.n_ranks - 1) / network->replicas.n_ranks; }

void psac_network_own_trials(const psac_network *network, int n, int *first, int *n_own) {
  const int share = psac_network_share(network, n), start = network->replicas.rank * share;
  *first = start < n ? start : n;
  *n_own = n - *first < share ? n - *first : share;
}

int psac_network_is_root(const psac_network *network) { return network->transport.rank == 0 && network->replicas.rank == 0; }

int64_t psac_network_stored_rows(const psac_network *network) { return network->replicas.rank == 0 ? network->shard.n_local : 0; }

psac_status psac_network_share_outcomes(const psac_network *network, int n, psac_outcome *outcomes) {
  if (!network->replica_ranks || network->transport.rank != 0) return PSAC_OK;
  const int share = psac_network_share(network, n);
  const size_t n_bytes = sizeof *outcomes * (size_t)share;
  int first, n_own;
  psac_network_own_trials(network, n, &first, &n_own);
  psac_outcome *own = calloc((size_t)share, sizeof *own), *all = malloc(n_bytes * (size_t)network->replicas.n_ranks);
  psac_status status = own && all ? PSAC_OK : psac_fail(PSAC_ERR_MEMORY, "out of memory for the outcomes of %d trials", n);
  if (status == PSAC_OK) {
    memcpy(own, outcomes + first, sizeof *own * (size_t)n_own);
    status = psac_ranks_gather(network->replica_ranks, own, all, (int)n_bytes);
  }
  if (status == PSAC_OK) memcpy(outcomes, all, sizeof *outcomes * (size_t)n);
  free(own);
  free(all);
  return status;
}

int psac_network_batch_size(const psac_network *network, int learn) {
  const int batch = (int)network->config.training.batch_size;
  return learn && network->config.network.model == PSAC_MODEL_PSAC ? batch : network->n_concurrent * network->replicas.n_ranks;
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

psac_status psac_network_take_spikes(psac_network *network, const psac_ranks *ranks, int64_t spikes[2]) {
  const psac_kernels *kernels = network->kernels;
  PSAC_TRY(psac_network_fetch(network, spikes, network->spike_counts, 2 * sizeof *spikes));
  PSAC_TRY(kernels->clear(network->stream, network->spike_counts, 2 * sizeof *spikes));
  return psac_ranks_sum_i64(ranks, spikes, 2);
}

// Copies n readout rows to the host for `use`, which may change them; then back if it asks so.
static psac_status with_rows(const psac_network *network, int64_t first, int64_t n, int write_back,
                             void (*use)(int32_t *row, int64_t i, void *context), void *context) {
  const size_t width = (size_t)network->shard.lanes.n, n_bytes = sizeof(int32_t) * (size_t)n * width;
  int32_t *own = network->shard.row + (size_t)first * width, *rows = malloc(n_bytes + 1);
  if (!rows) return psac_fail(PSAC_ERR_MEMORY, "out of memory: %zu bytes for a copy of the weights", n_bytes);
  psac_status status = psac_network_fetch(network, rows, own, n_bytes);
  for (int64_t i = 0; status == PSAC_OK && i < n; i++) use(rows + (size_t)i * width, i, context);
  if (status == PSAC_OK && write_back) status = network->kernels->upload(network->stream, own, rows, n_bytes);
  if (status == PSAC_OK) status = psac_network_settle(network);
  free(rows);
  return status;
}

typedef struct weight_copy {
  float *to_output, *to_critic;
  int n_output, n_critic, n_plastic_critic;
  psac_rule rule;
  int set;
} weight_copy;

static void copy_row(int32_t *row, int64_t i, void *context) {
  const weight_copy *copy = context;
  float *output = copy->to_output + i * copy->n_output;
  float *critic = copy->to_critic ? copy->to_critic + i * copy->n_critic : NULL;
  for (int o = 0; o < copy->n_output; o++) {
    if (copy->set) row[o] = psac_weight_store(copy->rule, output[o]);
    else output[o] = psac_weight_value(copy->rule, row[o]);
  }
  for (int c = 0; critic && c < copy->n_critic; c++) {
    if (!copy->set) {
      critic[c] = c < copy->n_plastic_critic ? psac_weight_value(copy->rule, row[copy->n_output + c]) : 0.0f;
    }
    else if (c < copy->n_plastic_critic) row[copy->n_output + c] = psac_weight_store(copy->rule, critic[c]);
  }
}

static weight_copy make_copy(const psac_network *network, const float *to_output, const float *to_critic, int set) {
  return (weight_copy){(float *)to_output, (float *)to_critic, network->shard.lanes.n_output,
                       (int)network->config.actor_critic.num_critic_neurons, network->shard.lanes.n_critic,
                       network->shard.rule, set};
}

psac_status psac_network_get_weights(const psac_network *network, int64_t first, int64_t n, float *to_output,
                                     float *to_critic) {
  weight_copy copy = make_copy(network, to_output, to_critic, 0);
  return with_rows(network, first, n, 0, copy_row, &copy);
}

psac_status psac_network_set_weights(psac_network *network, int64_t first, int64_t n, const float *to_output,
                                     const float *to_critic) {
  weight_copy copy = make_copy(network, to_output, to_critic, 1);
  const float *const array[2] = {to_output, to_critic};
  const int width[2] = {copy.n_output, copy.n_critic};
  const double limit = psac_bounds_weight(&network->config);
  for (int a = 0; a < 2; a++) {
    for (int64_t k = 0; array[a] && k < n * width[a]; k++) {
      if (!((double)array[a][k] >= -limit && (double)array[a][k] < limit)) {
        return psac_fail(PSAC_ERR_INPUT, "weight [%lld][%lld] = %g is not in [-%g, %g)",
                         (long long)(network->shard.first_gid + first + k / width[a]), (long long)(k % width[a]),
                         (double)array[a][k], limit, limit);
      }
    }
  }
  network->weights_in_range = 0;
  return with_rows(network, first, n, 1, copy_row, &copy);
}

psac_status psac_network_present(psac_network *network, const psac_trial *trials, int n, int learn,
                                 const psac_observer *observer, psac_outcome *outcomes) {
  return network->config.network.model == PSAC_MODEL_SEED
             ? psac_present_seed(network, trials, n, learn, observer, outcomes)
             : psac_present_psac(network, trials, n, learn, observer, outcomes);
}
