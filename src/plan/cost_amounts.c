#include "src/plan/cost_amounts.h"

#include <math.h>

#include "kernels/cuda/cuda_shape.h"
#include "src/model/fan_out.h"
#include "src/model/retina.h"

// Where digits are, neurons look more often than at the rim: the spikes in a receptive field relative to those that a
// field would get if every pixel were seen by as many as those in the middle are (MNIST, 14 x 14 pixels, fields of 5 x
// 5).
static const double PATCH_SHARE = 0.86;
// Fully lit pixels of a digit, where gain control does not settle their number (MNIST, 14 x 14).
static const double LIT_PIXELS = 26.0;

void psac_cost_add(psac_cost *cost, psac_cost_item item) { cost->item[cost->n_items++] = item; }

double psac_cost_turns(const psac_amounts *a, double at_once) {
  const double whole = floor(a->trials / a->together), rest = a->trials - whole * a->together;
  return whole * ceil(a->together / at_once) + ceil(rest / at_once);
}

static double per_step(double rate_hz, const psac_config *config) {
  return fmin(1.0, rate_hz * config->simulation.dt / 1000.0);
}

static void fill_retina(const psac_config *config, psac_amounts *a) {
  int height, width;
  psac_retina_size(config, &height, &width);
  const double size = (double)config->receptive_field.size;
  const double lit = config->retina.gain_control > 0.0 ? config->retina.gain_control : LIT_PIXELS;
  a->units = height * width;
  a->retina_words = ceil(a->units / 64.0);
  a->retina_spikes = fmin(a->units, lit * per_step(config->retina.spike_rate_scaling, config));
  a->patch = size * size;
  a->patch_spikes = fmin(fmin(a->patch, a->retina_spikes),
                         PATCH_SHARE * a->retina_spikes * a->patch / ((height - size + 1.0) * (width - size + 1.0)));
}

static void fill_middle(const psac_config *config, const psac_plan *plan, const psac_conditions *conditions,
                        psac_amounts *a) {
  const double n_all = (double)plan->sizes.n_neurons, exc = (double)psac_config_n_exc(config);
  const double longest = fmax(config->middle_layer.refractory_exc, config->middle_layer.refractory_inh);
  a->words = (double)plan->sizes.n_words;
  a->n = 64.0 * a->words;
  a->slots = a->n * a->shards;
  a->spikes = exc * per_step(conditions->rate_exc, config) + (n_all - exc) * per_step(conditions->rate_inh, config);
  a->own_spikes = a->spikes * (double)plan->sizes.n_local / n_all;
  a->states = plan->sizes.extents.n_states;
  a->refractory = fmax(0.0, (double)psac_config_steps(longest, config->simulation.dt) - 1.0);
  a->in_degree = (double)config->recurrence.in_degree;
  a->delay = (double)config->recurrence.delay;
  a->fan_out = a->in_degree * (double)plan->sizes.n_local / n_all;
  a->index_bytes = psac_fan_out_index_bytes(plan->sizes.n_words);
}

// What the middle layer touches in every step; of the synapses, those of the neurons that spike in one of the trials
// side by side.
static double middle_set(const psac_amounts *a, double n_all, int on_device) {
  const double touched = 1.0 - pow(1.0 - fmin(1.0, a->spikes / n_all), a->together);
  const double lists = n_all * psac_fan_out_bytes(a->fan_out, a->index_bytes);
  const double index = 4.0 * n_all * psac_fan_out_sources(a->fan_out), masks = 12.0 * a->slots / 64.0;
  const double synapses = a->in_degree > 0.0 ? touched * (lists + index) + masks : 0.0;
  const double fields = a->n * (on_device ? 2.0 * a->patch + 0.5 : a->patch * (2.0 + 4.0 / PSAC_COLUMN));
  return synapses + fields + a->n * (on_device ? 8.0 * a->together + 4.0 : 4.0 * a->together + 8.0) +
         4.0 * a->n * a->states * a->together;
}

// Where one rank's layer fits into a block, a block runs a whole presentation (kernels/cuda/cuda_presentation.cu).
static void fill_presentations(const psac_config *config, const psac_hardware *hardware, psac_amounts *a) {
  const int per_step = config->simulation.launch_per == PSAC_LAUNCH_PER_STEP;
  if (!hardware->on_device || a->shards > 1.0 || per_step || a->n > UINT16_MAX) return;
  int height, width;
  psac_retina_size(config, &height, &width);
  const size_t n_bytes =
      psac_shape_block_bytes((int64_t)a->n, height, width, (int)config->receptive_field.size, (int)a->states);
  a->presents = (double)n_bytes <= hardware->block_memory;
  const double step = hardware->block_step + a->n * hardware->block_neuron;
  a->present_seconds = psac_cost_turns(a, hardware->blocks) * a->steps * step;
}

psac_amounts psac_cost_amounts(const psac_config *config, const psac_hardware *hardware,
                               const psac_conditions *conditions, const psac_cost *cost) {
  const psac_columns columns = psac_sizes_columns(config);
  psac_amounts a = {
      .trials = (double)cost->batch_share,
      .together = (double)cost->plan.sizes.n_concurrent,
      .chunks = cost->chunks,
      .steps = (double)psac_config_n_steps(config),
      .shards = (double)cost->n_shards,
      .columns = columns.n,
      .outputs = columns.n_output,
      .critics = columns.n_critic,
      .eligibility_columns = columns.n_eligibility,
      .cache = hardware->cache,
  };
  a.items = a.steps * a.trials;
  a.retina_trials = a.chunks * ceil(a.together / a.shards);
  a.block =
      config->simulation.steps_per_reduce > 0 ? fmin((double)config->simulation.steps_per_reduce, a.steps) : a.steps;
  a.blocks = ceil(a.steps / a.block);
  fill_retina(config, &a);
  fill_middle(config, &cost->plan, conditions, &a);
  a.middle_set = middle_set(&a, (double)cost->plan.sizes.n_neurons, hardware->on_device);
  fill_presentations(config, hardware, &a);
  return a;
}
