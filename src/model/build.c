#include "src/model/build.h"

#include <math.h>
#include <stdlib.h>

#include "kernels/rules/power_stdp/power_stdp_core.h"
#include "kernels/source_core.h"
#include "src/model/bounds.h"
#include "src/model/retina.h"
#include "src/model/sizes.h"

enum { WORD_BITS = 64 };

// Currents are integers in steps of 1 / scale. The scale is the largest power of two, up to PSAC_SCALE_MAX, at which
// every receptive-field weight fits 16 bits and the largest possible sum of a step fits 32 bits. Rounding adds at most
// 1/2 for each of the at most 4096 pixels, 4096 units and 10^5 synapses of a sum: 2e9 + 6e4 < 2^31.
static psac_status choose_current_scale(psac_network *network) {
  const psac_config *config = &network->config;
  const double norm = config->receptive_field.norm,
               patch = (double)(config->receptive_field.size * config->receptive_field.size);
  const double synapse = fmax(fabs(config->recurrence.current_exc), fabs(config->recurrence.current_inh));
  const double largest = patch * norm + (double)config->recurrence.in_degree * synapse +
                         network->shard.n_units * config->network.uniform_current;
  float scale = PSAC_SCALE_MAX;
  while (scale > 1.0f && (norm * (double)scale > 32767.0 || largest * (double)scale > 2e9)) scale *= 0.5f;
  if (largest * (double)scale > 2e9) {
    return psac_fail(PSAC_ERR_INPUT,
                     "recurrence.in_degree = %lld synapses of up to %g can add up to a current of %g; allowed: "
                     "below 2e9",
                     (long long)config->recurrence.in_degree, synapse, largest);
  }
  network->shard.current_scale = scale;
  return PSAC_OK;
}

static psac_status allocate(psac_network *network) {
  return psac_arrays_allocate(network->backend->device, &network->extents, psac_network_arrays(network));
}

static void set_sizes(psac_network *network) {
  const psac_config *config = &network->config;
  psac_shard *shard = &network->shard;
  shard->rule = config->network.model == PSAC_MODEL_NOTEBOOK ? PSAC_RULE_NOTEBOOK : PSAC_RULE_POWER_STDP;
  shard->map = network->layout.map;
  shard->first_gid = network->layout.first_gid;
  shard->n_local = (int32_t)network->layout.n_local;
  shard->n_words = (int32_t)network->layout.n_words;
  shard->n_padded = shard->n_words * WORD_BITS;
  shard->n_source_words = shard->n_words * network->transport.n_ranks;
  shard->n_exc = psac_config_n_exc(config);
  shard->n_steps = (int32_t)psac_config_n_steps(config);
  shard->first_counted_step = (int32_t)psac_config_first_counted_step(config);
  int height, width;
  psac_retina_size(config, &height, &width);
  shard->retina_height = height;
  shard->retina_width = width;
  shard->n_units = height * width;
  shard->n_retina_words = (shard->n_units + WORD_BITS - 1) / WORD_BITS;
  shard->columns = psac_sizes_columns(config);
}

// Time constants and refractory masks of this rank's neurons, computed on the host and uploaded.
static psac_status fill_neurons(psac_network *network, float *leak, uint64_t *alive, uint64_t *refractory) {
  const psac_config *config = &network->config;
  psac_shard *shard = &network->shard;
  const int64_t steps_exc = psac_config_steps(config->middle_layer.refractory_exc, config->simulation.dt);
  const int64_t steps_inh = psac_config_steps(config->middle_layer.refractory_inh, config->simulation.dt);
  for (int32_t i = 0; i < shard->n_padded; i++) {
    const int excitatory = shard->first_gid + i < shard->n_exc;
    const double tau_m = excitatory ? config->middle_layer.tau_m_exc : config->middle_layer.tau_m_inh;
    leak[i] = (float)(shard->model == PSAC_NEURON_NOTEBOOK ? tau_m : config->simulation.dt / tau_m);
    const uint64_t bit = (uint64_t)(i < shard->n_local) << (i % WORD_BITS);
    alive[i / WORD_BITS] |= bit;
    for (int j = 0; j < shard->n_refractory && j + 1 < (excitatory ? steps_exc : steps_inh); j++) {
      refractory[(size_t)j * (size_t)shard->n_words + (size_t)(i / WORD_BITS)] |= bit;
    }
  }
  const psac_backend *backend = network->backend;
  PSAC_TRY(backend->device->upload(network->stream, shard->leak, leak, sizeof *leak * (size_t)shard->n_padded));
  PSAC_TRY(backend->device->upload(network->stream, shard->alive, alive, sizeof *alive * (size_t)shard->n_words));
  PSAC_TRY(backend->device->upload(network->stream, shard->refractory, refractory,
                                   sizeof *refractory * (size_t)shard->n_words * (size_t)shard->n_refractory));
  return backend->device->synchronize(network->stream);
}

// Parameters with potentials in units of 1 / scale.
static psac_neuron make_neuron(const psac_config *config, float scale) {
  return (psac_neuron){
      .dt = (float)config->simulation.dt,
      .v_rest = (float)config->neuron.v_rest * scale,
      .v_thresh = (float)config->neuron.v_thresh * scale,
      .v_reset = (float)config->neuron.v_reset * scale,
  };
}

static psac_status build_neurons(psac_network *network) {
  const psac_config *config = &network->config;
  psac_shard *shard = &network->shard;
  PSAC_TRY(choose_current_scale(network));
  const float scale = shard->current_scale;
  shard->neuron = make_neuron(config, scale);
  shard->model =
      shard->rule == PSAC_RULE_NOTEBOOK ? PSAC_NEURON_NOTEBOOK : (psac_neuron_model)config->middle_layer.neuron;
  if (shard->model == PSAC_NEURON_ALIF) {
    shard->neuron.parameter[PSAC_ALIF_DECAY] = (float)exp(-config->simulation.dt / config->middle_layer.tau_adapt);
    shard->neuron.parameter[PSAC_ALIF_INCREMENT] = (float)config->middle_layer.adapt_increment * scale;
  }
  shard->n_refractory = (int32_t)network->extents.n_refractory;

  float *leak = calloc((size_t)shard->n_padded + 1, sizeof *leak);
  uint64_t *alive = calloc((size_t)shard->n_words + 1, sizeof *alive);
  uint64_t *refractory = calloc((size_t)shard->n_words * (size_t)shard->n_refractory + 1, sizeof *refractory);
  const psac_status status = leak && alive && refractory
                                 ? fill_neurons(network, leak, alive, refractory)
                                 : psac_fail(PSAC_ERR_MEMORY, "out of memory building the middle layer");
  free(leak);
  free(alive);
  free(refractory);
  return status;
}

// Allocates in between, because the sizes of the target lists are known only as the construction proceeds.
static psac_status build_recurrence(psac_network *network, psac_rng_key key) {
  const psac_stage_ops *stage = network->backend->stage;
  psac_shard *shard = &network->shard;
  psac_extents *extents = &network->extents;
  shard->target_bytes = psac_target_bytes(shard->n_padded);
  PSAC_TRY(stage->find_sources(network->stream, shard, key));
  extents->n_sources = shard->n_sources;
  PSAC_TRY(allocate(network));
  PSAC_TRY(stage->count_targets(network->stream, shard, key));
  if (shard->n_targets > UINT32_MAX) {
    return psac_fail(PSAC_ERR_INPUT,
                     "%d neurons with %d recurrent synapses each are too many for one rank (limit 2^32 "
                     "synapses); use more ranks",
                     shard->n_local, shard->in_degree);
  }
  extents->n_target_bytes = psac_sizes_target_bytes((double)shard->n_targets, shard->target_bytes, extents->on_device);
  PSAC_TRY(allocate(network));
  return stage->place_targets(network->stream, shard, key);
}

static psac_status build_inputs(psac_network *network) {
  const psac_config *config = &network->config;
  const psac_backend *backend = network->backend;
  psac_shard *shard = &network->shard;
  const uint64_t seed = (uint64_t)config->simulation.seed;
  const double scale = (double)shard->current_scale;
  shard->uniform_current = (int32_t)lrint(config->network.uniform_current * scale);
  shard->current_exc = (int32_t)lrint(config->recurrence.current_exc * scale);
  shard->current_inh = (int32_t)lrint(config->recurrence.current_inh * scale);
  if (config->network.model == PSAC_MODEL_PSAC) {
    shard->patch_size = (int32_t)config->receptive_field.size;
    PSAC_TRY(backend->stage->build_receptive_fields(network->stream, shard,
                                                    psac_rng_stream_key(seed, PSAC_STREAM_RECEPTIVE_FIELD),
                                                    (float)config->receptive_field.norm));
    shard->in_degree = (int32_t)config->recurrence.in_degree;
  }
  if (shard->in_degree > 0) {
    PSAC_TRY(build_recurrence(network, psac_rng_stream_key(seed, PSAC_STREAM_RECURRENCE)));
  }
  return PSAC_OK;
}

static void connect_exchange(psac_network *network) {
  network->exchange = (psac_exchange){.transport = &network->transport,
                                      .own = network->shard.spikes,
                                      .gathered = network->messages.gathered,
                                      .delay = (int)network->config.recurrence.delay};
}

// On the CPU there are no launches, and simulation.launch_per is ignored.
static psac_status choose_launches(psac_network *network) {
  const psac_backend *backend = network->backend;
  const int wanted = network->config.simulation.launch_per;
  const int can = psac_backend_presents(backend, &network->shard);
  if (wanted == PSAC_LAUNCH_PER_PRESENTATION && backend->stage->can_present && !can) {
    return psac_fail(PSAC_ERR_INPUT,
                     "simulation.launch_per = presentation, but middle_layer.num_neurons = %lld on %d "
                     "rank%s per replica do not fit into the shared memory of one block of this GPU; use auto",
                     (long long)network->config.middle_layer.num_neurons, network->transport.n_ranks,
                     network->transport.n_ranks == 1 ? "" : "s");
  }
  network->launches_presentations = can && wanted != PSAC_LAUNCH_PER_STEP;
  return PSAC_OK;
}

static psac_readout_layer make_layer(const psac_config *config, double tau_m, double refractory, double bias,
                                     double gain, double reference, double v_floor, int first_column, int64_t n) {
  return (psac_readout_layer){
      .neuron = make_neuron(config, 1.0f),
      .v_floor = (float)v_floor,
      .bias_current = (float)bias,
      .gain = (float)gain,
      .weight_reference = (float)reference,
      .is_notebook = config->network.model == PSAC_MODEL_NOTEBOOK,
      .tau_m = (float)tau_m,
      .leak = (float)(config->simulation.dt / tau_m),
      .drive_step = ldexp(1.0, -psac_bounds_drive_bits(config)),
      .refractory_steps = (int32_t)psac_config_steps(refractory, config->simulation.dt),
      .first_column = first_column,
      .n = (int32_t)n,
  };
}

static psac_status build_readout(psac_network *network) {
  const psac_config *config = &network->config;
  psac_shard *shard = &network->shard;
  psac_readout *readout = &network->readout;
  const int n_output = (int)config->output_layer.num_neurons, n_critic = (int)config->actor_critic.num_critic_neurons;
  readout->layer[0] = make_layer(config, config->output_layer.tau_m, config->output_layer.refractory,
                                 config->output_layer.bias_current, config->output_layer.gain,
                                 config->output_layer.weight_reference, config->output_layer.v_floor, 0, n_output);
  readout->layer[1] =
      make_layer(config, config->actor_critic.tau_m, config->actor_critic.refractory, config->actor_critic.bias_current,
                 config->actor_critic.gain, config->actor_critic.weight_reference, config->actor_critic.v_floor,
                 shard->columns.n_critic > 0 ? n_output : -1, n_critic);
  const float density = config->network.model == PSAC_MODEL_NOTEBOOK ? (float)config->network.connection_prob : 1.0f;
  PSAC_TRY(network->backend->stage->initialise_weights(
      network->stream, shard, psac_rng_stream_key((uint64_t)config->simulation.seed, PSAC_STREAM_INITIAL_WEIGHT),
      density, (float)config->network.weight_mean, (float)config->network.weight_sd));
  return network->backend->notebook->sum_words(network->stream, shard);
}

static psac_status choose_fraction_bits(psac_network *network) {
  const psac_config *config = &network->config;
  psac_shard *shard = &network->shard;
  const double decay = exp(-config->simulation.dt / config->learning.tau_plus);
  const double batch = (double)config->training.batch_size;
  if (batch * shard->n_steps > PSAC_POWER_STDP_MAX_STEPS) {
    return psac_fail(PSAC_ERR_INPUT,
                     "training.batch_size = %lld trials of %d time steps are too many for one weight change; "
                     "allowed: 2^30 time steps",
                     (long long)config->training.batch_size, shard->n_steps);
  }
  shard->fraction_bits = psac_power_stdp_output_bits(batch, shard->n_steps, decay);
  shard->critic_fraction_bits = psac_power_stdp_critic_bits(batch, shard->n_steps);
  return PSAC_OK;
}

psac_status psac_network_build(psac_network *network) {
  const psac_config *config = &network->config;
  PSAC_TRY(psac_bounds_check(config));
  set_sizes(network);
  PSAC_TRY(choose_fraction_bits(network));
  const int on_device = psac_backend_can(network->backend, PSAC_CAP_DEVICE);
  const psac_sizes sizes = psac_sizes_make(config, network->transport.n_ranks, network->transport.rank, on_device);
  network->n_concurrent = sizes.n_concurrent;
  network->extents = sizes.extents;
  network->extents.n_sources = network->extents.n_target_bytes = NAN;
  network->recorded = calloc((size_t)network->n_concurrent + 1, sizeof *network->recorded);
  if (!network->recorded) return psac_fail(PSAC_ERR_MEMORY, "out of memory for the network");
  network->steps_per_reduce = (int)network->extents.n_block_steps;
  PSAC_TRY(network->backend->device->stream_create(&network->stream));
  network->native_stream = network->backend->device->native_stream(network->stream);
  PSAC_TRY(allocate(network));
  PSAC_TRY(build_neurons(network));
  PSAC_TRY(build_inputs(network));
  connect_exchange(network);
  PSAC_TRY(choose_launches(network));
  PSAC_TRY(build_readout(network));
  psac_critic_init(&network->critic, config);
  psac_network_set_progress(network, 0, 1, 0);
  return psac_network_settle(network);
}
