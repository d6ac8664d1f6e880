#include "src/model/sizes.h"

#include <math.h>

#include "partition/layout.h"
#include "src/model/fan_out.h"
#include "src/model/retina.h"

enum { STORED_BYTES = 1 << 30 };

// Whether every rank receives the spikes of all ranks in every time step.
static int gathers(const psac_config *config, int64_t n_ranks) {
  return n_ranks > 1 && config->recurrence.in_degree > 0 && config->network.model == PSAC_MODEL_PSAC;
}

// Number of concurrent trials. Automatic: up to 128 on a GPU and 64 on several ranks, because a launch or a message
// costs the same for one trial or many; otherwise up to 16, to stay in the cache. In a large network, spikes, received
// ones included, take at most STORED_BYTES, on a GPU 8 times as much.
static int choose_concurrent(const psac_config *config, int64_t n_words, int64_t n_ranks, int on_device) {
  const double received = gathers(config, n_ranks) ? (double)config->recurrence.delay * (double)n_ranks : 0.0;
  const double steps = (double)psac_config_n_steps(config) + received;
  const double trial_bytes = steps * (double)n_words * (double)sizeof(uint64_t);
  const double fit = (on_device ? 8.0 : 1.0) * STORED_BYTES / fmax(trial_bytes, 1.0);
  const double wanted = on_device ? 128.0 : n_ranks > 1 ? 64.0 : 16.0;  // a large GPU has about 128 multiprocessors
  const int64_t batch = config->training.batch_size;
  int64_t concurrent = config->simulation.trials_together;
  if (concurrent == 0) concurrent = (int64_t)fmax(1.0, fmin(fit, wanted));
  if (concurrent < batch && config->simulation.trials_together == 0) {
    const int64_t chunks = (batch + concurrent - 1) / concurrent;
    concurrent = (batch + chunks - 1) / chunks;  // chunks of equal size
  }
  return (int)(concurrent < batch || config->network.model == PSAC_MODEL_NOTEBOOK ? concurrent : batch);
}

psac_columns psac_sizes_columns(const psac_config *config) {
  const int is_psac = config->network.model == PSAC_MODEL_PSAC;
  const int n_critic = is_psac ? (int)config->actor_critic.num_critic_neurons : 0;
  return psac_columns_make((int)config->output_layer.num_neurons, n_critic);
}

double psac_sizes_target_bytes(double n_targets, double index_bytes, int on_device) {
  const double read_past_end = on_device ? 0.0 : PSAC_FEW_TARGETS;  // cpu_middle.c reads past a short list
  return (n_targets + read_past_end) * index_bytes;
}

// Mean number of targets that a neuron of the whole layer has on this rank.
static double mean_fan_out(const psac_config *config, const psac_sizes *sizes) {
  return (double)config->recurrence.in_degree * (double)sizes->n_local / (double)sizes->n_neurons;
}

// Entries of all target lists of this rank, padding included.
static double expected_targets(const psac_config *config, const psac_sizes *sizes) {
  const double index_bytes = psac_fan_out_index_bytes(sizes->n_words);
  return psac_fan_out_bytes(mean_fan_out(config, sizes), index_bytes) / index_bytes * (double)sizes->n_neurons;
}

static void fill_recurrence(const psac_config *config, const psac_sizes *sizes, psac_extents *x) {
  if (config->network.model != PSAC_MODEL_PSAC || config->recurrence.in_degree == 0) return;
  const double n_ranks = (double)sizes->n_ranks, n_neurons = (double)sizes->n_neurons;
  const double fan_out = mean_fan_out(config, sizes);
  const double index_bytes = psac_fan_out_index_bytes(sizes->n_words);
  x->n_source_words = x->n_words * n_ranks;
  x->n_sources = n_neurons * psac_fan_out_sources(fan_out);
  const double n_targets = expected_targets(config, sizes);
  x->n_target_bytes = psac_sizes_target_bytes(n_targets, index_bytes, x->on_device);
  if (gathers(config, sizes->n_ranks))
    x->n_gathered_words = (double)config->recurrence.delay * x->n_concurrent * x->n_source_words;
}

static psac_extents make_extents(const psac_config *config, const psac_sizes *sizes, int on_device) {
  const int is_psac = config->network.model == PSAC_MODEL_PSAC;
  const double n_ranks = (double)sizes->n_ranks, n_steps = (double)psac_config_n_steps(config);
  const double longest = fmax(config->middle_layer.refractory_exc, config->middle_layer.refractory_inh);
  const double block = (double)config->simulation.steps_per_reduce;
  const psac_columns columns = psac_sizes_columns(config);
  int height, width;
  psac_retina_size(config, &height, &width);
  psac_extents x = {
      .on_device = on_device,
      .is_notebook = !is_psac,
      .n_padded = 64.0 * (double)sizes->n_words,
      .n_words = (double)sizes->n_words,
      .n_refractory = fmax(0.0, (double)psac_config_steps(longest, config->simulation.dt) - 1.0),
      .n_states = psac_neuron_states((psac_neuron_model)config->middle_layer.neuron),
      .n_steps = n_steps,
      .n_block_steps = block > 0.0 ? fmin(block, n_steps) : n_steps,
      .n_concurrent = sizes->n_concurrent,
      .n_shared = ceil(sizes->n_concurrent / n_ranks) * n_ranks,
      .n_units = height * width,
      .n_retina_words = ceil(height * width / 64.0),
      .n_pixels = is_psac ? (double)(config->receptive_field.size * config->receptive_field.size) : 0.0,
      .n_fields = ceil((double)sizes->n_local / PSAC_MINICOLUMN),
      .n_columns = columns.n,
      .n_eligibility = columns.n_eligibility,
  };
  fill_recurrence(config, sizes, &x);
  return x;
}

psac_sizes psac_sizes_make(const psac_config *config, int64_t n_ranks, int64_t rank, int on_device) {
  const psac_layout layout = psac_layout_make(config->middle_layer.num_neurons, n_ranks, rank);
  psac_sizes sizes = {.n_neurons = layout.n_neurons,
                      .n_ranks = n_ranks,
                      .n_local = layout.n_local,
                      .n_words = layout.n_words,
                      .n_concurrent = choose_concurrent(config, layout.n_words, n_ranks, on_device)};
  sizes.extents = make_extents(config, &sizes, on_device);
  return sizes;
}

psac_status psac_sizes_check(const psac_config *config, const psac_sizes *sizes) {
  const long long n_neurons = (long long)sizes->n_neurons, n_ranks = (long long)sizes->n_ranks;
  if (sizes->n_words > (INT32_MAX - PSAC_TARGET_GROUP) / 64) {
    return psac_fail(PSAC_ERR_INPUT,
                     "middle_layer.num_neurons = %lld on %lld ranks puts %lld neurons on one rank; "
                     "allowed: below 2^31; use more ranks",
                     n_neurons, n_ranks, (long long)sizes->n_local);
  }
  if (sizes->n_words > INT32_MAX / sizes->n_ranks) {
    return psac_fail(PSAC_ERR_INPUT,
                     "middle_layer.num_neurons = %lld on %lld ranks makes spike vectors of more than "
                     "2^31 words of 64 neurons",
                     n_neurons, n_ranks);
  }
  if (config->network.model != PSAC_MODEL_PSAC || config->recurrence.in_degree == 0) return PSAC_OK;
  const double entries = expected_targets(config, sizes);
  if (entries < (double)UINT32_MAX) return PSAC_OK;
  return psac_fail(PSAC_ERR_INPUT,
                   "%lld neurons with %lld recurrent synapses each take %.3g places on one rank; "
                   "allowed: below 2^32; use more ranks",
                   n_neurons, (long long)config->recurrence.in_degree, entries);
}
