#include "src/plan/memory_plan.h"

#include <math.h>

#include "src/model/fan_out.h"
#include "src/model/retina.h"

static void add(psac_plan *plan, const char *name, double bytes) {
  plan->item[plan->n_items++] = (psac_plan_item){name, bytes};
  plan->bytes += bytes;
}

static void add_synapses(psac_plan *plan, const psac_config *config, int on_device) {
  const double local = (double)plan->sizes.n_local, padded = 64.0 * (double)plan->sizes.n_words;
  if (config->network.model != PSAC_MODEL_PSAC) return;
  const double patch = (double)(config->receptive_field.size * config->receptive_field.size);
  add(plan, "receptive fields", on_device ? 2.0 * patch * padded : ceil(local / PSAC_COLUMN) * patch * (4.0 + 2.0 * PSAC_COLUMN));
  if (config->recurrence.in_degree == 0) return;
  const double index_bytes = psac_fan_out_index_bytes(plan->sizes.n_words);
  const double mean = (double)config->recurrence.in_degree * local / (double)plan->sizes.n_neurons;
  const double words = (double)plan->sizes.n_words * (double)plan->sizes.n_ranks, sources = (double)plan->sizes.n_neurons * psac_fan_out_sources(mean);
  add(plan, "recurrent synapses", (double)plan->sizes.n_neurons * psac_fan_out_bytes(mean, index_bytes));
  add(plan, "index of recurrent synapses", 12.0 * words + 4.0 * (sources + 1.0));
}

static void add_readout(psac_plan *plan, const psac_config *config, double steps, double trials, int on_device) {
  const int is_psac = config->network.model == PSAC_MODEL_PSAC;
  const psac_lanes lanes = psac_sizes_lanes(config);
  const double padded = 64.0 * (double)plan->sizes.n_words;
  const double block = config->simulation.steps_per_reduce > 0 ? fmin((double)config->simulation.steps_per_reduce, steps) : steps;
  add(plan, "plastic weights", 4.0 * padded * lanes.n + (is_psac ? 0.0 : 8.0 * (double)plan->sizes.n_words * lanes.n));
  add(plan, "eligibility", 4.0 * (padded + steps * (on_device ? trials : 1.0)) * lanes.n_eligibility);
  add(plan, "readout", trials * (8.0 * block * lanes.n + 16.0 * steps + 2.0 * PSAC_MAX_PLASTIC * 12.0));
}

static void add_to_host(psac_plan *plan, const char *name, double bytes) {
  plan->host_item[plan->n_host_items++] = (psac_plan_item){name, bytes};
  plan->host_bytes += bytes;
}

// What a rank holds beside the network. Images and their order stay; the rest passes through in pieces.
static void add_host(psac_plan *plan, const psac_config *config, double steps) {
  const int64_t most[2] = {config->training.max_images, config->evaluation.max_images};
  const double train = most[0] > 0 ? (double)most[0] : 60000.0,
               test = most[1] > 0 ? (double)most[1] : 10000.0;  // MNIST
  const double pixels = (double)(config->retina.input_size[0] * config->retina.input_size[1]);
  add_to_host(plan, "digits", (train + test) * (pixels + 1.0) + 8.0 * train);
  const double columns = 8.0 * (double)plan->sizes.n_words,
               trials = (double)(config->record.trials.n * config->training.num_epochs + config->record.test_trials.n);
  const double read = fmin(trials * steps * columns, fmax(PSAC_PIECE_BYTES, trials * steps)) + PSAC_PIECE_BYTES;
  const double written = 2.0 * fmin(steps * columns, fmax(PSAC_PIECE_BYTES, 8.0 * steps));
  add_to_host(plan, "recorded spikes", trials > 0.0 ? fmax(read, written) : 0.0);
  const psac_lanes lanes = psac_sizes_lanes(config);
  const double weights =
      4.0 * (double)(config->output_layer.num_neurons + config->actor_critic.num_critic_neurons + lanes.n);
  add_to_host(plan, "rows for files", fmin(PSAC_PLAN_PIECE_ROWS, (double)plan->sizes.n_local) * fmax(weights, 112.0));
}

psac_config psac_plan_share(const psac_config *config, int64_t n_replicas) {
  psac_config share = *config;
  share.training.batch_size = (config->training.batch_size + n_replicas - 1) / n_replicas;
  return share;
}

psac_plan psac_plan_make(const psac_config *config, int64_t n_ranks, int on_device) {
  psac_plan plan = {.sizes = psac_sizes_make(config, n_ranks, on_device)};
  int height, width;
  psac_retina_size(config, &height, &width);
  const double words = (double)plan.sizes.n_words, padded = 64.0 * words, trials = plan.sizes.n_concurrent;
  const double steps = (double)psac_config_n_steps(config), retina_words = ceil(height * width / 64.0);
  const double longest = fmax(config->middle_layer.refractory_exc, config->middle_layer.refractory_inh);
  const double refractory = (double)psac_config_steps(longest, config->simulation.dt);
  const double currents = on_device ? trials : 1.0;
  add(&plan, "neurons", 4.0 * padded * (1.0 + trials + currents) + 8.0 * words * (1.0 + refractory));
  add_synapses(&plan, config, on_device);
  add(&plan, "spikes", 8.0 * steps * trials * words);
  add(&plan, "retina spikes", 8.0 * steps * ceil(trials / (double)n_ranks) * (double)n_ranks * retina_words);
  const double delay = (double)config->recurrence.delay;
  if (psac_sizes_gathers(config, n_ranks)) add(&plan, "gathered spikes", 8.0 * delay * trials * words * (double)n_ranks);
  add_readout(&plan, config, steps, trials, on_device);
  add(&plan, "running means and statistics", padded * (4.0 + 16.0 + 8.0 + 40.0));
  add_host(&plan, config, steps);
  return plan;
}

int64_t psac_plan_largest(const psac_config *config, int64_t n_ranks, int on_device, double bytes) {
  psac_config tried = *config;
  int64_t fits = 0, beyond = INT64_C(1) << 40;
  while (beyond - fits > 1) {
    tried.middle_layer.num_neurons = fits + (beyond - fits) / 2;
    const psac_plan plan = psac_plan_make(&tried, n_ranks, on_device);
    const double needed = plan.bytes + (on_device ? 0.0 : plan.host_bytes);
    if (needed <= bytes && psac_sizes_check(&tried, &plan.sizes) == PSAC_OK) fits = tried.middle_layer.num_neurons;
    else beyond = tried.middle_layer.num_neurons;
  }
  return fits >= 1000 ? fits / 1000 * 1000 : fits;
}
