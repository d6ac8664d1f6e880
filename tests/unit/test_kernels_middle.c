// step_middle and count_spikes against a plain simulation by global id: one neuron after the other, no blocks, no bits.
#include "kernels/wiring_core.h"
#include "probes.h"

enum { N_STEPS = 60, N_TRIALS = 2 };

typedef enum retina_kind { DARK, ORDINARY, SATURATED } retina_kind;

// A layer as the model describes it; currents and potentials in units of 1 / scale.
typedef struct plain_layer {
  int64_t n, n_exc;
  int n_units, in_degree;
  double scale;
  int32_t *field;   // [n][n_units]
  int64_t *source;  // [n][in_degree]
  int32_t current_exc, current_inh, uniform;
  float threshold, reset, rest, dt, tau_m[2];
  int delay, refractory_steps[2];
} plain_layer;

static plain_layer make_plain(const psac_backend *backend, const psac_config *config, double scale, int n_units) {
  plain_layer layer = {
      .n = config->middle_layer.num_neurons,
      .n_exc = psac_config_n_exc(config),
      .n_units = n_units,
      .in_degree = (int)config->recurrence.in_degree,
      .scale = scale,
      .field = fields_of(backend, *config),
      .current_exc = (int32_t)lrint(config->recurrence.current_exc * scale),
      .current_inh = (int32_t)lrint(config->recurrence.current_inh * scale),
      .uniform = (int32_t)lrint(config->network.uniform_current * scale),
      .threshold = (float)(config->neuron.v_thresh * scale),
      .reset = (float)(config->neuron.v_reset * scale),
      .rest = (float)(config->neuron.v_rest * scale),
      .dt = (float)config->simulation.dt,
      .tau_m = {(float)config->middle_layer.tau_m_exc, (float)config->middle_layer.tau_m_inh},
      .delay = (int)config->recurrence.delay,
      .refractory_steps = {(int)ceil(config->middle_layer.refractory_exc / config->simulation.dt),
                           (int)ceil(config->middle_layer.refractory_inh / config->simulation.dt)},
  };
  const psac_rng_key key = psac_rng_stream_key((uint64_t)config->simulation.seed, PSAC_STREAM_RECURRENCE);
  layer.source = malloc(sizeof *layer.source * (size_t)layer.n * (size_t)layer.in_degree + 1);
  assert_non_null(layer.source);
  for (int64_t gid = 0; gid < layer.n; gid++) {
    for (int k = 0; k < layer.in_degree; k++) {
      layer.source[gid * layer.in_degree + k] = psac_wiring_source(key, gid, (uint32_t)k, layer.n);
    }
  }
  return layer;
}

static void free_plain(plain_layer *layer) {
  free(layer->field);
  free(layer->source);
}

static int32_t current_of(const plain_layer *layer, int64_t gid, const char *retina, const char *arriving) {
  int32_t current = 0;
  for (int u = 0; u < layer->n_units; u++) {
    if (retina[u]) current += layer->field[gid * layer->n_units + u] + layer->uniform;
  }
  for (int k = 0; arriving && k < layer->in_degree; k++) {
    const int64_t source = layer->source[gid * layer->in_degree + k];
    if (arriving[source]) current += source < layer->n_exc ? layer->current_exc : layer->current_inh;
  }
  return current;
}

// spike [n_steps][n_trials][n] from retina [n_trials][n_steps][n_units].
static void simulate(const plain_layer *layer, int n_steps, int n_trials, const char *retina, char *spike) {
  float *v = malloc(sizeof *v * (size_t)layer->n);
  int *last = malloc(sizeof *last * (size_t)layer->n);
  assert_true(v && last);
  for (int b = 0; b < n_trials; b++) {
    for (int64_t gid = 0; gid < layer->n; gid++) {
      v[gid] = layer->rest;
      last[gid] = -1000000;
    }
    for (int t = 0; t < n_steps; t++) {
      const char *now = retina + (b * n_steps + t) * layer->n_units;
      const char *arriving = t >= layer->delay ? spike + ((t - layer->delay) * n_trials + b) * layer->n : NULL;
      for (int64_t gid = 0; gid < layer->n; gid++) {
        const int inhibitory = gid >= layer->n_exc;
        char *out = &spike[(t * n_trials + b) * layer->n + gid];
        *out = 0;
        if (t - last[gid] < layer->refractory_steps[inhibitory]) continue;
        const float current = (float)current_of(layer, gid, now, arriving);
        v[gid] += (current - v[gid]) * layer->dt / layer->tau_m[inhibitory];
        if (v[gid] < layer->threshold) continue;
        v[gid] = layer->reset;
        last[gid] = t;
        *out = 1;
      }
    }
  }
  free(v);
  free(last);
}

static char *make_retina(retina_kind kind, int n_steps, int n_trials, int n_units) {
  const size_t n = (size_t)n_steps * (size_t)n_trials * (size_t)n_units;
  char *retina = malloc(n);
  assert_non_null(retina);
  uint64_t random = 6;
  for (size_t k = 0; k < n; k++) retina[k] = kind == SATURATED || (kind == ORDINARY && next_uniform(&random) < 0.04);
  return retina;
}

static int64_t count(const char *spike, size_t n) {
  int64_t sum = 0;
  for (size_t k = 0; k < n; k++) sum += spike[k];
  return sum;
}

// The network of `config` on n_ranks ranks spikes as the plain layer does; returns the number of spikes.
static int64_t compare(const psac_backend *backend, const psac_config *config, int n_ranks, retina_kind kind) {
  shards cut;
  shards_create(&cut, backend, config, n_ranks);
  const psac_shard *shard = shards_at(&cut, 0);
  const int n_steps = shard->n_steps, n_trials = cut.n_trials, n_units = shard->n_units;
  const size_t n = (size_t)n_steps * (size_t)n_trials * (size_t)config->middle_layer.num_neurons;
  char *retina = make_retina(kind, n_steps, n_trials, n_units), *expected = malloc(n);
  assert_non_null(expected);
  plain_layer layer = make_plain(backend, config, (double)shard->current_scale, n_units);
  simulate(&layer, n_steps, n_trials, retina, expected);

  shards_set_retina(&cut, retina);
  for (int rank = 0; rank < n_ranks; rank++) {
    assert_ok(backend->stage->reset_potentials(cut.network[rank]->stream, shards_at(&cut, rank), n_trials));
  }
  for (int t = 0; t < n_steps; t++) shards_step(&cut, t, layer.delay);
  char *spike = shards_get_spikes(&cut);
  for (size_t k = 0; k < n; k++) {
    if (spike[k] == expected[k]) continue;
    const size_t per_step = (size_t)n_trials * (size_t)layer.n;
    fail_msg("%lld neurons, %d ranks: neuron %zu of trial %zu differs in step %zu", (long long)layer.n, n_ranks,
             k % (size_t)layer.n, k % per_step / (size_t)layer.n, k / per_step);
  }
  const int64_t n_spikes = count(expected, n);
  free_plain(&layer);
  free(spike);
  free(expected);
  free(retina);
  shards_destroy(&cut);
  return n_spikes;
}

static const int64_t sizes[] = {1, 31, 32, 33, 97, 5000};

static void check_ordinary(const psac_backend *backend) {
  for (size_t k = 0; k < COUNT(sizes); k++) {
    const psac_config config = shards_config(sizes[k], N_STEPS, N_TRIALS);
    const int64_t n_spikes = compare(backend, &config, 1, ORDINARY);
    if (sizes[k] >= 31) assert_true(n_spikes > sizes[k] / 10);
    if (sizes[k] >= 3) assert_int_equal(compare(backend, &config, 3, ORDINARY), n_spikes);
  }
}

static void test_ordinary_images_drive_the_layer_as_the_model_says(void **state) {
  (void)state;
  with_backend(check_ordinary);
}

static void check_silent(const psac_backend *backend) {
  for (size_t k = 0; k < COUNT(sizes); k++) {
    const psac_config config = shards_config(sizes[k], N_STEPS, N_TRIALS);
    assert_int_equal(compare(backend, &config, 1, DARK), 0);
  }
}

static void test_a_dark_retina_leaves_the_layer_silent(void **state) {
  (void)state;
  with_backend(check_silent);
}

// Without inhibition every neuron spikes whenever it is not refractory.
static void check_saturated(const psac_backend *backend) {
  for (size_t k = 0; k < COUNT(sizes); k++) {
    psac_config config = shards_config(sizes[k], N_STEPS, N_TRIALS);
    config.network.uniform_current = 500.0;
    config.recurrence.current_inh = 10.0;
    const int64_t n_exc = psac_config_n_exc(&config), n_inh = sizes[k] - n_exc;
    const int64_t expected = N_TRIALS * N_STEPS * (n_exc / 2 + n_inh) + (n_exc % 2) * N_TRIALS * N_STEPS / 2;
    assert_int_equal(compare(backend, &config, sizes[k] >= 3 ? 3 : 1, SATURATED), expected);
  }
}

static void test_a_saturated_layer_spikes_as_fast_as_refractoriness_allows(void **state) {
  (void)state;
  with_backend(check_saturated);
}

static void check_time_constants(const psac_backend *backend) {
  static const double refractory[][2] = {{0.0, 0.0}, {0.5, 7.3}, {40.0, 1.0}};
  for (size_t k = 0; k < COUNT(refractory); k++) {
    psac_config config = shards_config(97, N_STEPS / 2, N_TRIALS);
    config.simulation.dt = 0.5;
    config.middle_layer.refractory_exc = refractory[k][0];
    config.middle_layer.refractory_inh = refractory[k][1];
    config.middle_layer.tau_m_exc = 3.3;
    config.network.uniform_current = 3.0;
    config.neuron.v_rest = -2.5;
    config.neuron.v_reset = 4.0;
    assert_true(compare(backend, &config, 3, ORDINARY) > 0);
  }
}

static void test_time_constants_and_refractory_periods_of_each_kind_count(void **state) {
  (void)state;
  with_backend(check_time_constants);
}

static void check_delays(const psac_backend *backend) {
  static const int64_t delays[] = {1, 2, 7, N_STEPS - 1};
  int64_t n_spikes[COUNT(delays)];
  for (size_t k = 0; k < COUNT(delays); k++) {
    psac_config config = shards_config(97, N_STEPS, N_TRIALS);
    config.recurrence.delay = delays[k];
    n_spikes[k] = compare(backend, &config, 3, ORDINARY);
  }
  assert_true(n_spikes[0] != n_spikes[3]);
}

static void test_recurrent_spikes_arrive_after_the_delay(void **state) {
  (void)state;
  with_backend(check_delays);
}

static void check_kinds(const psac_backend *backend) {
  static const double ratios[] = {0.0, 0.5, 1.0};
  for (size_t k = 0; k < COUNT(ratios); k++) {
    psac_config config = shards_config(97, N_STEPS, N_TRIALS);
    config.middle_layer.ratio_exc = ratios[k];
    assert_true(compare(backend, &config, 3, ORDINARY) > 0);
  }
}

static void test_layers_of_one_kind_only_work(void **state) {
  (void)state;
  with_backend(check_kinds);
}

static void check_counts(const psac_backend *backend) {
  enum { N = 333 };
  static const double ratios[] = {0.0, 0.33, 0.8,
                                  1.0};  // the border between the kinds lies on rank 0, on rank 2, nowhere
  char *spike = malloc(N_STEPS * N_TRIALS * N);
  assert_non_null(spike);
  for (size_t k = 0; k < COUNT(ratios); k++) {
    psac_config config = shards_config(N, N_STEPS, N_TRIALS);
    config.middle_layer.ratio_exc = ratios[k];
    shards cut;
    shards_create(&cut, backend, &config, 3);
    int64_t expected[2] = {0}, sum[2] = {0};
    uint64_t random = 7;
    for (size_t i = 0; i < N_STEPS * N_TRIALS * N; i++) {
      spike[i] = next_uniform(&random) < 0.1;
      expected[(int64_t)(i % N) >= psac_config_n_exc(&config)] += spike[i];
    }
    shards_set_spikes(&cut, spike);
    for (int rank = 0; rank < 3; rank++) {
      const int64_t before[2] = {1000, 2000};  // counts are added
      int64_t *device = shards_alloc(&cut, before, sizeof before);
      assert_ok(backend->stage->count_spikes(cut.network[rank]->stream, shards_at(&cut, rank), N_TRIALS, device));
      int64_t *counts = shards_download(&cut, device, sizeof before);
      for (int kind = 0; kind < 2; kind++) sum[kind] += counts[kind] - before[kind];
      free(counts);
      backend->device->release(device);
    }
    assert_memory_equal(sum, expected, sizeof sum);
    shards_destroy(&cut);
  }
  free(spike);
}

static void test_spikes_of_each_kind_are_counted(void **state) {
  (void)state;
  with_backend(check_counts);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_ordinary_images_drive_the_layer_as_the_model_says),
      cmocka_unit_test(test_a_dark_retina_leaves_the_layer_silent),
      cmocka_unit_test(test_a_saturated_layer_spikes_as_fast_as_refractoriness_allows),
      cmocka_unit_test(test_time_constants_and_refractory_periods_of_each_kind_count),
      cmocka_unit_test(test_recurrent_spikes_arrive_after_the_delay),
      cmocka_unit_test(test_layers_of_one_kind_only_work),
      cmocka_unit_test(test_spikes_of_each_kind_are_counted),
  };
  return cmocka_run_group_tests_name("kernels_middle", tests, NULL, NULL);
}
