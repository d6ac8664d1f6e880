#include "src/plan/memory_plan.h"

#include <math.h>
#include <string.h>

static void add(psac_plan *plan, const char *group, double bytes) {
  int k = 0;
  while (k < plan->n_items && plan->item[k].name != group && strcmp(plan->item[k].name, group) != 0) k++;
  if (bytes == 0.0 && k == plan->n_items) return;
  if (k == plan->n_items) plan->item[plan->n_items++].name = group;
  plan->item[k].bytes += bytes;
  plan->bytes += bytes;
}

static void add_arrays(psac_plan *plan, const psac_array *array, int n) {
  for (; n > 0; n--, array++) {
    add(plan, array->group, (double)array->element_bytes * array->n_elements(&plan->sizes.extents));
  }
}

static void add_to_host(psac_plan *plan, const char *name, double bytes) {
  plan->host_item[plan->n_host_items++] = (psac_plan_item){name, bytes};
  plan->host_bytes += bytes;
}

// Host memory of a rank besides the network. Images and their order are resident; the rest passes through in pieces.
static void add_host(psac_plan *plan, const psac_config *config, double steps) {
  const int64_t most[2] = {config->training.max_images, config->evaluation.max_images};
  const double train = most[0] > 0 ? (double)most[0] : 60000.0,
               test = most[1] > 0 ? (double)most[1] : 10000.0;  // MNIST
  const double pixels = (double)(config->retina.input_size[0] * config->retina.input_size[1]);
  add_to_host(plan, "digits", (train + test) * (pixels + 1.0) + 8.0 * train);
  const double bytes_of_step = 8.0 * (double)plan->sizes.n_words,
               trials = (double)(config->record.trials.n * config->training.num_epochs + config->record.test_trials.n);
  const double read = fmin(trials * steps * bytes_of_step, fmax(PSAC_PIECE_BYTES, trials * steps)) + PSAC_PIECE_BYTES;
  const double written = 2.0 * fmin(steps * bytes_of_step, fmax(PSAC_PIECE_BYTES, 8.0 * steps));
  add_to_host(plan, "recorded spikes", trials > 0.0 ? fmax(read, written) : 0.0);
  const psac_columns columns = psac_sizes_columns(config);
  const double weights =
      4.0 * (double)(config->output_layer.num_neurons + config->actor_critic.num_critic_neurons + columns.n);
  add_to_host(plan, "rows for files", fmin(PSAC_PLAN_PIECE_ROWS, (double)plan->sizes.n_local) * fmax(weights, 112.0));
}

psac_config psac_plan_share(const psac_config *config, int64_t n_replicas) {
  psac_config share = *config;
  share.training.batch_size = (config->training.batch_size + n_replicas - 1) / n_replicas;
  return share;
}

psac_plan psac_plan_make(const psac_config *config, int64_t n_ranks, int on_device) {
  psac_plan plan = {.sizes = psac_sizes_make(config, n_ranks, 0, on_device)};
  add_arrays(&plan, psac_shard_arrays, PSAC_N_SHARD_ARRAYS);
  add_arrays(&plan, psac_readout_arrays, PSAC_N_READOUT_ARRAYS);
  add_arrays(&plan, psac_message_arrays, PSAC_N_MESSAGE_ARRAYS);
  add_host(&plan, config, plan.sizes.extents.n_steps);
  return plan;
}

double psac_plan_needed(const psac_plan *plan, int on_device) {
  return plan->bytes + (on_device ? 0.0 : plan->host_bytes);
}

int64_t psac_plan_largest(const psac_config *config, int64_t n_ranks, int on_device, double bytes) {
  psac_config tried = *config;
  int64_t fits = 0, beyond = INT64_C(1) << 40;
  while (beyond - fits > 1) {
    tried.middle_layer.num_neurons = fits + (beyond - fits) / 2;
    const psac_plan plan = psac_plan_make(&tried, n_ranks, on_device);
    if (psac_plan_needed(&plan, on_device) <= bytes && psac_sizes_check(&tried, &plan.sizes) == PSAC_OK)
      fits = tried.middle_layer.num_neurons;
    else beyond = tried.middle_layer.num_neurons;
  }
  return fits >= 1000 ? fits / 1000 * 1000 : fits;
}
