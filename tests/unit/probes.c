#include "probes.h"

psac_config probe_config(psac_config config) {
  config.neuron.v_thresh = 200.0;
  config.neuron.v_rest = config.neuron.v_reset = 0.0;
  config.network.uniform_current = 0.0;
  config.simulation.dt = 1.0;
  config.simulation.t_total = 2.0;
  config.simulation.t_skip = 0.0;
  config.recurrence.delay = 1;
  config.simulation.trials_together = config.training.batch_size = 32;
  return config;
}

static double tau_m(const shards *cut, int64_t gid) {
  return gid < psac_config_n_exc(&cut->config) ? cut->config.middle_layer.tau_m_exc
                                               : cut->config.middle_layer.tau_m_inh;
}

static void reset(const shards *cut) {
  for (int rank = 0; rank < cut->n_ranks; rank++) {
    assert_ok(cut->backend->stage->reset_potentials(cut->network[rank]->stream, shards_at(cut, rank), cut->n_trials));
  }
}

// Step t; then column `first + b` of current [n_neurons][width] = what the neurons of trial b got in it, from rest.
static void read_currents(const shards *cut, int t, int first, int n, int width, int32_t *current) {
  const size_t n_neurons = (size_t)cut->config.middle_layer.num_neurons;
  shards_step(cut, t, 1);
  float *v = shards_get_potentials(cut);
  for (int b = 0; b < n; b++) {
    for (size_t gid = 0; gid < n_neurons; gid++) {
      const double potential = (double)v[(size_t)b * n_neurons + gid];
      current[gid * (size_t)width + (size_t)(first + b)] = (int32_t)lrint(potential * tau_m(cut, (int64_t)gid));
    }
  }
  free(v);
}

int32_t *probe_fields(const shards *cut) {
  const int n_units = shards_at(cut, 0)->n_units, n_steps = shards_at(cut, 0)->n_steps, n_trials = cut->n_trials;
  const size_t n_neurons = (size_t)cut->config.middle_layer.num_neurons;
  const size_t retina_bytes = (size_t)n_trials * (size_t)n_steps * (size_t)n_units;
  int32_t *field = malloc(sizeof *field * n_neurons * (size_t)n_units);
  char *spike = malloc(retina_bytes);
  assert_true(field && spike);
  for (int first = 0; first < n_units; first += n_trials) {
    const int n = n_units - first < n_trials ? n_units - first : n_trials;
    memset(spike, 0, retina_bytes);
    for (int b = 0; b < n; b++) spike[b * n_steps * n_units + first + b] = 1;  // in step 0
    shards_set_retina(cut, spike);
    reset(cut);
    read_currents(cut, 0, first, n, n_units, field);
  }
  free(spike);
  return field;
}

int32_t *fields_of(const psac_backend *backend, psac_config config) {
  shards cut;
  config = probe_config(config);
  shards_create(&cut, backend, &config, 1);
  int32_t *field = probe_fields(&cut);
  shards_destroy(&cut);
  return field;
}

int32_t *probe_recurrence(const shards *cut) {
  const int n_neurons = (int)cut->config.middle_layer.num_neurons, n_trials = cut->n_trials;
  const size_t n_bytes = (size_t)shards_at(cut, 0)->n_steps * (size_t)n_trials * (size_t)n_neurons;
  const size_t retina_bytes =
      (size_t)shards_at(cut, 0)->n_steps * (size_t)n_trials * (size_t)shards_at(cut, 0)->n_units;
  int32_t *current = malloc(sizeof *current * (size_t)n_neurons * (size_t)n_neurons);
  char *spike = malloc(n_bytes), *dark = calloc(retina_bytes, 1);
  assert_true(current && spike && dark);
  shards_set_retina(cut, dark);
  for (int first = 0; first < n_neurons; first += n_trials) {
    const int n = n_neurons - first < n_trials ? n_neurons - first : n_trials;
    memset(spike, 0, n_bytes);
    for (int b = 0; b < n; b++) spike[b * n_neurons + first + b] = 1;
    shards_set_spikes(cut, spike);
    reset(cut);
    read_currents(cut, 1, first, n, n_neurons, current);
  }
  free(dark);
  free(spike);
  return current;
}
