#include "model/plan.h"

#include <math.h>

#include "layout.h"
#include "model/retina.h"

enum { STORED_BYTES = 1 << 30 };

// Trials side by side: a whole batch where ranks exchange spikes or a GPU computes, as a message or a launch costs the same for one
// trial or many; fewer where neither is so, for the cache's sake; and in a large network no more than STORED_BYTES of spikes.
static int choose_together(const psac_config *config, int64_t n_words, int64_t n_ranks, int on_device) {
  const int64_t trial_bytes = psac_config_n_steps(config) * n_words * (int64_t)sizeof(uint64_t);
  const int64_t stored = on_device ? 8 * (int64_t)STORED_BYTES : STORED_BYTES, fit = stored / (trial_bytes > 0 ? trial_bytes : 1);
  const int64_t wanted = n_ranks > 1 || on_device ? 64 : 16;
  int64_t together = config->simulation.trials_together;
  if (together == 0) together = fit < 1 ? 1 : fit < wanted ? fit : wanted;
  const int64_t batch = config->training.batch_size;
  return (int)(together < batch || config->network.model == PSAC_MODEL_SEED ? together : batch);
}

// Expected places for the targets of one source that has `mean` of them on this rank, in whole groups: its number is Poisson.
static double expected_places(double mean, double group) {
  const int last = (int)(mean + 12.0 * sqrt(mean) + 30.0);
  double probability = exp(-mean), places = 0.0;
  if (probability < 1e-300) return mean + (group - 1.0) / 2.0;
  for (int k = 1; k <= last; k++) {
    probability *= mean / k;
    places += probability * ceil(k / group) * group;
  }
  return places;
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
  const double index_bytes = padded + PSAC_TARGET_GROUP <= 65536.0 ? 2.0 : 4.0;
  const double sources = padded * (double)plan->n_ranks;
  const double mean = (double)config->recurrence.in_degree * local / (double)plan->n_neurons;
  add(plan, "recurrent synapses", (double)plan->n_neurons * expected_places(mean, 16.0 / index_bytes) * index_bytes);
  add(plan, "index of recurrent synapses", 2.0 * 4.0 * sources);  // the second one only while it is built
}

static void add_readout(psac_plan *plan, const psac_config *config, double steps, double trials) {
  const int is_psac = config->network.model == PSAC_MODEL_PSAC;
  const psac_lanes lanes =
      psac_lanes_make((int)config->output_layer.num_neurons, is_psac ? (int)config->actor_critic.num_critic_neurons : 0);
  const double padded = 64.0 * (double)plan->n_words;
  const double block = config->simulation.steps_per_reduce > 0 ? fmin((double)config->simulation.steps_per_reduce, steps) : steps;
  add(plan, "plastic weights", 4.0 * padded * lanes.n + (is_psac ? 0.0 : 8.0 * (double)plan->n_words * lanes.n));
  add(plan, "eligibility", 4.0 * padded * lanes.n_eligibility + 4.0 * steps * lanes.n_eligibility);
  add(plan, "readout", trials * (8.0 * block * lanes.n + 16.0 * steps + 2.0 * PSAC_MAX_PLASTIC * 12.0));
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
  add(&plan, "neurons", padded * 4.0 * (1.0 + trials) + padded * 4.0 * (on_device ? trials : 1.0) + 8.0 * words * (1.0 + refractory));
  add_synapses(&plan, config, on_device);
  add(&plan, "spikes", 8.0 * steps * trials * words);
  add(&plan, "retina spikes", 8.0 * steps * ceil(trials / (double)n_ranks) * (double)n_ranks * retina_words);
  if (n_ranks > 1) add(&plan, "gathered spikes", 8.0 * (double)config->recurrence.delay * trials * words * (double)n_ranks);
  add_readout(&plan, config, steps, trials);
  add(&plan, "running means and statistics", padded * (4.0 + 24.0 + 4.0 + 40.0));
  const double critics = (double)config->actor_critic.num_critic_neurons, outputs = (double)config->output_layer.num_neurons;
  plan.host_bytes = padded * 4.0 * (outputs + critics + outputs + critics + 2.0);
  return plan;
}

int64_t psac_plan_largest(const psac_config *config, int64_t n_ranks, int on_device, double bytes) {
  psac_config tried = *config;
  int64_t fits = 0, beyond = INT64_C(1) << 40;
  while (beyond - fits > 1) {
    tried.middle_layer.num_neurons = fits + (beyond - fits) / 2;
    const psac_plan plan = psac_plan_make(&tried, n_ranks, on_device);
    if (plan.bytes + (on_device ? 0.0 : plan.host_bytes) <= bytes) fits = tried.middle_layer.num_neurons;
    else beyond = tried.middle_layer.num_neurons;
  }
  return fits >= 1000 ? fits / 1000 * 1000 : fits;
}
