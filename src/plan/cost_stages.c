#include "src/plan/cost_stages.h"

#include <math.h>

#include "kernels/cuda/cuda_shape.h"
#include "src/model/fan_out.h"
#include "src/model/retina.h"

// Spikes in an average receptive field, relative to retina_spikes x its fraction of all positions. Less than 1, because
// fewer fields cover a pixel at the edge. Measured: MNIST, 14 x 14 pixels, fields of 5 x 5.
static const double FIELD_COVERAGE = 0.86;
// Fully lit pixels of a digit without gain control. Measured: MNIST, 14 x 14 pixels.
static const double LIT_PIXELS = 26.0;

// Sizes and spike counts of one rank. A spike count is a mean per time step of one trial.
typedef struct load {
  double trials, n_concurrent, chunks;  // trials of a replica's share of a batch; concurrent trials; presentations
  double steps, items;                  // of a presentation; steps x trials of a share
  double shards;
  double n, slots;                            // neurons with padding; bits of a gathered spike vector
  double spikes, own_spikes;                  // of the whole layer, of this rank
  double states, refractory;                  // state variables besides the potential; n_refractory of the shard
  double units, retina_words, retina_spikes;  // of the retina
  double field_spikes;                        // in a receptive field
  double retina_trials;                       // encoded by this rank
  double in_degree, delay, fan_out, index_bytes;
  double columns, outputs, critics, eligibility;  // columns of a row
  double blocks;                                  // reductions of drives in a presentation
} load;

static void add(psac_cost *cost, psac_cost_item item) { cost->item[cost->n_items++] = item; }

static double per_step(double rate_hz, const psac_config *config) {
  return fmin(1.0, rate_hz * config->simulation.dt / 1000.0);
}

static void fill_retina(const psac_config *config, load *l) {
  int height, width;
  psac_retina_size(config, &height, &width);
  const double size = (double)config->receptive_field.size, patch = size * size;
  const double lit = config->retina.gain_control > 0.0 ? config->retina.gain_control : LIT_PIXELS;
  const double positions = (height - size + 1.0) * (width - size + 1.0);
  l->units = height * width;
  l->retina_words = ceil(l->units / 64.0);
  l->retina_spikes = fmin(l->units, lit * per_step(config->retina.spike_rate_scaling, config));
  l->field_spikes = fmin(fmin(patch, l->retina_spikes), FIELD_COVERAGE * l->retina_spikes * patch / positions);
}

static void fill_middle(const psac_config *config, const psac_sizes *sizes, const psac_conditions *conditions,
                        load *l) {
  const double n_all = (double)sizes->n_neurons, exc = (double)psac_config_n_exc(config);
  const double longest = fmax(config->middle_layer.refractory_exc, config->middle_layer.refractory_inh);
  const double on_rank = (double)sizes->n_local / n_all;
  l->n = 64.0 * (double)sizes->n_words;
  l->slots = l->n * l->shards;
  l->spikes = exc * per_step(conditions->rate_exc, config) + (n_all - exc) * per_step(conditions->rate_inh, config);
  l->own_spikes = l->spikes * on_rank;
  l->states = sizes->extents.n_states;
  l->refractory = fmax(0.0, (double)psac_config_steps(longest, config->simulation.dt) - 1.0);
  l->in_degree = (double)config->recurrence.in_degree;
  l->delay = (double)config->recurrence.delay;
  l->fan_out = l->in_degree * on_rank;
  l->index_bytes = psac_fan_out_index_bytes(sizes->n_words);
}

static load load_of_rank_0(const psac_config *config, const psac_conditions *conditions, const psac_cost *cost) {
  const psac_columns columns = psac_sizes_columns(config);
  load l = {
      .trials = (double)cost->batch_share,
      .n_concurrent = (double)cost->plan.sizes.n_concurrent,
      .chunks = cost->chunks,
      .steps = (double)psac_config_n_steps(config),
      .shards = (double)cost->n_shards,
      .columns = columns.n,
      .outputs = columns.n_output,
      .critics = columns.n_critic,
      .eligibility = columns.n_eligibility,
  };
  const double per_reduce = (double)config->simulation.steps_per_reduce;
  l.items = l.steps * l.trials;
  l.retina_trials = l.chunks * ceil(l.n_concurrent / l.shards);
  l.blocks = per_reduce > 0.0 ? ceil(l.steps / fmin(per_reduce, l.steps)) : 1.0;
  fill_retina(config, &l);
  fill_middle(config, &cost->plan.sizes, conditions, &l);
  return l;
}

static void count_retina(const load *l, psac_cost *cost) {
  add(cost, (psac_cost_item){.name = "retina spikes",
                             .stage = PSAC_STAGE_RETINA,
                             .calls = l->chunks,
                             .bytes = 8.0 * l->retina_trials * (l->steps * l->retina_words + l->units),
                             .waits = 2.0 * l->chunks,
                             .host_trials = l->retina_trials});
}

// Whether one CUDA kernel runs a whole presentation: a layer on one rank that fits into a block's shared memory
// (kernels/cuda/cuda_presentation.cu). The kernel's time per step is measured, not computed from bytes.
static int is_presented(const psac_config *config, const psac_hardware *hardware, const load *l) {
  const int per_step = config->simulation.launch_per == PSAC_LAUNCH_PER_STEP;
  if (!hardware->on_device || l->shards > 1.0 || per_step || l->n > UINT16_MAX) return 0;
  int height, width;
  psac_retina_size(config, &height, &width);
  const size_t n_bytes =
      psac_shape_block_bytes((int64_t)l->n, height, width, (int)config->receptive_field.size, (int)l->states);
  return (double)n_bytes <= hardware->block_memory;
}

static void count_presentation(const load *l, const psac_hardware *hardware, psac_cost *cost) {
  const double whole = floor(l->trials / l->n_concurrent), left = l->trials - whole * l->n_concurrent;
  const double turns = whole * ceil(l->n_concurrent / hardware->blocks) + ceil(left / hardware->blocks);
  add(cost, (psac_cost_item){.name = "presentation",
                             .stage = PSAC_STAGE_MIDDLE,
                             .calls = l->chunks,
                             .sequential = turns * l->steps * (hardware->block_step + l->n * hardware->block_neuron)});
}

// Per neuron and step, "retina currents" writes the int32 current once and reads a 16-bit weight for each spike in the
// receptive field; "integration" reads the current, and reads and writes the potential and the other state variables.
// "recurrent currents" looks up every word of the gathered spikes; a spike with targets on this rank reads two entries
// of the index and its list.
static void count_steps(const load *l, psac_cost *cost) {
  const double launches = l->chunks * l->steps, neurons = l->items * l->n;
  add(cost, (psac_cost_item){.name = "retina currents",
                             .hides = 1,
                             .stage = PSAC_STAGE_MIDDLE,
                             .calls = launches,
                             .bytes = neurons * (4.0 + 2.0 * l->field_spikes)});
  if (l->in_degree > 0.0) {
    const double items = fmax(0.0, l->steps - l->delay) * l->trials, sources = psac_fan_out_sources(l->fan_out);
    const double list = psac_fan_out_bytes(l->fan_out, l->index_bytes);
    add(cost, (psac_cost_item){.name = "recurrent currents",
                               .stage = PSAC_STAGE_MIDDLE,
                               .calls = l->chunks * fmax(0.0, l->steps - l->delay),
                               .bytes = items * l->spikes * (8.0 * sources + list),
                               .additions = items * l->spikes * l->fan_out,
                               .lookups = items * l->slots / 64.0});
  }
  add(cost, (psac_cost_item){.name = "integration",
                             .stage = PSAC_STAGE_MIDDLE,
                             .calls = launches,
                             .bytes = neurons * (12.0 + 8.0 * l->states + (1.0 + l->refractory) / 8.0),
                             .waits = l->chunks});
}

static void count_readout(const load *l, double dependent_step, psac_cost *cost) {
  add(cost, (psac_cost_item){.name = "drives",
                             .stage = PSAC_STAGE_READOUT,
                             .calls = l->chunks * l->blocks,
                             .bytes = l->items * (l->n / 8.0 + l->own_spikes * 4.0 * l->columns + 8.0 * l->columns)});
  add(cost, (psac_cost_item){.name = "output and critic",
                             .stage = PSAC_STAGE_READOUT,
                             .calls = l->chunks * (l->blocks + 1.0),
                             .bytes = l->items * (8.0 * l->columns + 16.0),
                             .sequential = l->chunks * l->steps * dependent_step,
                             .waits = 3.0 * l->chunks,
                             .host_trials = l->trials});
}

static void count_learning(const load *l, double dependent_step, psac_cost *cost) {
  const double row = 4.0 * l->eligibility;
  add(cost, (psac_cost_item){.name = "eligibility",
                             .stage = PSAC_STAGE_LEARNING,
                             .calls = 2.0 * l->chunks,
                             .bytes = l->items * (l->n / 8.0 + 2.0 * row + l->own_spikes * 2.0 * row),
                             .sequential = l->chunks * l->steps * dependent_step,
                             .waits = 2.0 * l->chunks});
  add(cost, (psac_cost_item){.name = "weights",
                             .stage = PSAC_STAGE_LEARNING,
                             .calls = 4.0,
                             .bytes = l->n * (8.0 * (l->outputs + l->critics) + 2.0 * row + 16.0),
                             .waits = 2.0});
}

static void count_messages(const load *l, double ranks_per_node, psac_cost *cost) {
  const double others = (l->shards - 1.0) / l->shards, replicas = (double)cost->n_replicas;
  const double all_nodes = ceil((double)cost->n_ranks / ranks_per_node), nodes = ceil(l->shards / ranks_per_node);
  const double gathers = l->in_degree > 0.0 ? l->chunks * floor(l->steps / l->delay) : 0.0;
  const psac_cost_item messages[] = {
      {.name = "gather retina spikes",
       .calls = l->chunks,
       .bytes = others * 8.0 * l->retina_words * l->steps * l->retina_trials * l->shards},
      {.name = "gather middle spikes",
       .calls = gathers,
       .bytes = others * gathers * l->delay * l->n_concurrent * l->slots / 8.0,
       .hidden = 1},
      {.name = "reduce drives", .calls = l->chunks * l->blocks, .bytes = 8.0 * l->columns * l->items},
      {.name = "broadcast factors",
       .calls = l->chunks,
       .bytes = l->trials * (8.0 * l->steps + sizeof(psac_third_factor))},
      {.name = "broadcast of a batch", .calls = 2.0, .bytes = sizeof(psac_batch_factor) + 8.0},
      {.name = "sum eligibility",
       .ranks = replicas,
       .nodes = fmin(replicas, all_nodes),
       .calls = 1.0,
       .bytes = 2.0 * (replicas - 1.0) / replicas * 4.0 * l->eligibility * l->n},
  };
  for (size_t k = 0; k < sizeof messages / sizeof *messages; k++) {
    psac_cost_item message = messages[k];
    message.stage = PSAC_STAGE_EXCHANGE;
    message.is_message = 1;
    if (message.ranks == 0.0) message.ranks = l->shards, message.nodes = nodes;
    if (message.ranks > 1.0 && message.calls > 0.0) add(cost, message);
  }
}

void psac_cost_count(const psac_config *config, const psac_hardware *hardware, const psac_conditions *conditions,
                     psac_cost *cost) {
  const load l = load_of_rank_0(config, conditions, cost);
  count_retina(&l, cost);
  if (is_presented(config, hardware, &l)) count_presentation(&l, hardware, cost);
  else count_steps(&l, cost);
  add(cost, (psac_cost_item){
                .name = "spike counts", .stage = PSAC_STAGE_MIDDLE, .calls = l.chunks, .bytes = l.items * l.n / 8.0});
  count_readout(&l, hardware->dependent_step, cost);
  count_learning(&l, hardware->dependent_step, cost);
  count_messages(&l, hardware->ranks_per_node, cost);
}
