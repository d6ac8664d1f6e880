#include "model/plan.h"

#include <math.h>

#include "layout.h"
#include "model/retina.h"
#include "source_core.h"

enum { STORED_BYTES = 1 << 30 };

// Whether ranks tell each other their spikes in every step.
static int is_gathered(const psac_config *config, int64_t n_ranks) {
  return n_ranks > 1 && config->recurrence.in_degree > 0 && config->network.model == PSAC_MODEL_PSAC;
}

// Trials side by side: a whole batch where ranks exchange spikes or a GPU computes, as a message or a launch costs the same for one
// trial or many; fewer where neither is so, for the cache's sake; and in a large network no more than STORED_BYTES of spikes, those
// that other ranks send included.
static int choose_together(const psac_config *config, int64_t n_words, int64_t n_ranks, int on_device) {
  const double gathered = is_gathered(config, n_ranks) ? (double)config->recurrence.delay * (double)n_ranks : 0.0;
  const double trial_bytes = ((double)psac_config_n_steps(config) + gathered) * (double)n_words * (double)sizeof(uint64_t);
  const double fit = (on_device ? 8.0 : 1.0) * STORED_BYTES / fmax(trial_bytes, 1.0);
  const double wanted = on_device ? 128.0 : n_ranks > 1 ? 64.0 : 16.0;  // a large GPU has about as many multiprocessors
  const int64_t batch = config->training.batch_size;
  int64_t together = config->simulation.trials_together;
  if (together == 0) together = (int64_t)fmax(1.0, fmin(fit, wanted));
  if (together < batch && config->simulation.trials_together == 0) {
    const int64_t turns = (batch + together - 1) / together;
    together = (batch + turns - 1) / turns;  // in as many turns, all alike
  }
  return (int)(together < batch || config->network.model == PSAC_MODEL_SEED ? together : batch);
}

double psac_plan_places(double mean, double group) {
  const int last = (int)(mean + 12.0 * sqrt(mean) + 30.0);
  double probability = exp(-mean), places = 0.0;
  if (probability < 1e-300) return mean + (group - 1.0) / 2.0;
  for (int k = 1; k <= last; k++) {
    probability *= mean / k;
    places += probability * ceil(k / group) * group;
  }
  return places;
}

double psac_plan_sources(double mean) { return -expm1(-mean); }

double psac_plan_index_bytes(const psac_plan *plan) { return psac_target_bytes(64 * plan->n_words); }

double psac_plan_list_bytes(double mean, double index_bytes) {
  return psac_plan_places(mean, psac_target_group(mean, (int)index_bytes)) * index_bytes;
}

static void add(psac_plan *plan, const char *name, double bytes) {
  plan->item[plan->n_items++] = (psac_plan_item){name, bytes};
  plan->bytes += bytes;
}

static void add_synapses(psac_plan *plan, const psac_config *config, int on_device) {
  const double local = (double)plan->n_local, padded = 64.0 * (double)plan->n_words;
  if (config->network.model != PSAC_MODEL_PSAC) return;
  const double patch = (double)(config->receptive_field.size * config->receptive_field.size);
  add(plan, "receptive fields", on_device ? 2.0 * patch * padded : ceil(local / PSAC_COLUMN) * patch * (4.0 + 2.0 * PSAC_COLUMN));
  if (config->recurrence.in_degree == 0) return;
  const double index_bytes = psac_plan_index_bytes(plan);
  const double mean = (double)config->recurrence.in_degree * local / (double)plan->n_neurons;
  const double words = (double)plan->n_words * (double)plan->n_ranks, sources = (double)plan->n_neurons * psac_plan_sources(mean);
  add(plan, "recurrent synapses", (double)plan->n_neurons * psac_plan_list_bytes(mean, index_bytes));
  add(plan, "index of recurrent synapses", 12.0 * words + 4.0 * (sources + 1.0));
}

static void add_readout(psac_plan *plan, const psac_config *config, double steps, double trials, int on_device) {
  const int is_psac = config->network.model == PSAC_MODEL_PSAC;
  const psac_lanes lanes = psac_plan_lanes(config);
  const double padded = 64.0 * (double)plan->n_words;
  const double block = config->simulation.steps_per_reduce > 0 ? fmin((double)config->simulation.steps_per_reduce, steps) : steps;
  add(plan, "plastic weights", 4.0 * padded * lanes.n + (is_psac ? 0.0 : 8.0 * (double)plan->n_words * lanes.n));
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
  const double columns = 8.0 * (double)plan->n_words,
               trials = (double)(config->record.trials.n * config->training.num_epochs + config->record.test_trials.n);
  const double read = fmin(trials * steps * columns, fmax(PSAC_PIECE_BYTES, trials * steps)) + PSAC_PIECE_BYTES;
  const double written = 2.0 * fmin(steps * columns, fmax(PSAC_PIECE_BYTES, 8.0 * steps));
  add_to_host(plan, "recorded spikes", trials > 0.0 ? fmax(read, written) : 0.0);
  const psac_lanes lanes = psac_plan_lanes(config);
  const double weights =
      4.0 * (double)(config->output_layer.num_neurons + config->actor_critic.num_critic_neurons + lanes.n);
  add_to_host(plan, "rows for files", fmin(PSAC_PLAN_PIECE_ROWS, (double)plan->n_local) * fmax(weights, 112.0));
}

psac_lanes psac_plan_lanes(const psac_config *config) {
  const int is_psac = config->network.model == PSAC_MODEL_PSAC;
  return psac_lanes_make((int)config->output_layer.num_neurons, is_psac ? (int)config->actor_critic.num_critic_neurons : 0);
}

psac_config psac_plan_share(const psac_config *config, int64_t n_replicas) {
  psac_config share = *config;
  share.training.batch_size = (config->training.batch_size + n_replicas - 1) / n_replicas;
  return share;
}

psac_plan psac_plan_make(const psac_config *config, int64_t n_ranks, int on_device) {
  const psac_layout layout = psac_layout_make(config->middle_layer.num_neurons, n_ranks, 0);
  psac_plan plan = {.n_neurons = layout.n_neurons, .n_ranks = n_ranks, .n_local = layout.n_local, .n_words = layout.n_words};
  plan.n_together = choose_together(config, plan.n_words, n_ranks, on_device);
  int height, width;
  psac_retina_size(config, &height, &width);
  const double words = (double)plan.n_words, padded = 64.0 * words, trials = plan.n_together;
  const double steps = (double)psac_config_n_steps(config), retina_words = ceil(height * width / 64.0);
  const double longest = fmax(config->middle_layer.refractory_exc, config->middle_layer.refractory_inh);
  const double refractory = (double)psac_config_steps(longest, config->simulation.dt);
  const double currents = on_device ? trials : 1.0;
  add(&plan, "neurons", 4.0 * padded * (1.0 + trials + currents) + 8.0 * words * (1.0 + refractory));
  add_synapses(&plan, config, on_device);
  add(&plan, "spikes", 8.0 * steps * trials * words);
  add(&plan, "retina spikes", 8.0 * steps * ceil(trials / (double)n_ranks) * (double)n_ranks * retina_words);
  const double delay = (double)config->recurrence.delay;
  if (is_gathered(config, n_ranks)) add(&plan, "gathered spikes", 8.0 * delay * trials * words * (double)n_ranks);
  add_readout(&plan, config, steps, trials, on_device);
  add(&plan, "running means and statistics", padded * (4.0 + 16.0 + 8.0 + 40.0));
  add_host(&plan, config, steps);
  return plan;
}

psac_status psac_plan_check(const psac_config *config, const psac_plan *plan) {
  const long long n_neurons = (long long)plan->n_neurons, n_ranks = (long long)plan->n_ranks, n_local = (long long)plan->n_local;
  if (plan->n_words > (INT32_MAX - PSAC_TARGET_GROUP) / 64) {
    return psac_fail(PSAC_ERR_INPUT, "middle_layer.num_neurons = %lld on %lld ranks puts %lld neurons on one rank; allowed: below "
                     "2^31; use more ranks", n_neurons, n_ranks, n_local);
  }
  if (plan->n_words > INT32_MAX / plan->n_ranks) {
    return psac_fail(PSAC_ERR_INPUT, "middle_layer.num_neurons = %lld on %lld ranks makes spike vectors of more than 2^31 words of "
                     "64 neurons", n_neurons, n_ranks);
  }
  if (config->network.model != PSAC_MODEL_PSAC || config->recurrence.in_degree == 0) return PSAC_OK;
  const double fan_out = (double)config->recurrence.in_degree * (double)plan->n_local / (double)n_neurons;
  const double index_bytes = psac_plan_index_bytes(plan);
  const double places = psac_plan_list_bytes(fan_out, index_bytes) / index_bytes * (double)n_neurons;
  if (places < (double)UINT32_MAX) return PSAC_OK;
  return psac_fail(PSAC_ERR_INPUT, "%lld neurons with %lld recurrent synapses each take %.3g places on one rank; allowed: below "
                   "2^32; use more ranks", n_neurons, (long long)config->recurrence.in_degree, places);
}

int64_t psac_plan_largest(const psac_config *config, int64_t n_ranks, int on_device, double bytes) {
  psac_config tried = *config;
  int64_t fits = 0, beyond = INT64_C(1) << 40;
  while (beyond - fits > 1) {
    tried.middle_layer.num_neurons = fits + (beyond - fits) / 2;
    const psac_plan plan = psac_plan_make(&tried, n_ranks, on_device);
    const double needed = plan.bytes + (on_device ? 0.0 : plan.host_bytes);
    if (needed <= bytes && psac_plan_check(&tried, &plan) == PSAC_OK) fits = tried.middle_layer.num_neurons;
    else beyond = tried.middle_layer.num_neurons;
  }
  return fits >= 1000 ? fits / 1000 * 1000 : fits;
}
