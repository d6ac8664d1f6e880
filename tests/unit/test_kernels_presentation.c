// A whole presentation in one launch leaves the spikes and potentials of steps on the host's backend: for patches of
// one word and of many, for every delay and refractory period, with lists of many targets, of few and of none.
#include "shards.h"

enum { N_STEPS = 23, N_TRIALS = 3 };

typedef struct variant {
  int64_t n_neurons;
  int side, patch;  // of the retina, of a receptive field
  int delay, refractory_exc, refractory_inh, in_degree;
} variant;

static psac_config config_of(const variant *v) {
  psac_config config = shards_config(v->n_neurons, N_STEPS, N_TRIALS);
  config.retina.input_size[0] = config.retina.input_size[1] = v->side;
  config.retina.stride = config.retina.pool_size = 1;
  config.receptive_field.size = v->patch;
  config.recurrence.delay = v->delay;
  config.recurrence.in_degree = v->in_degree;
  config.middle_layer.refractory_exc = v->refractory_exc;
  config.middle_layer.refractory_inh = v->refractory_inh;
  return config;
}

// Bright enough that neurons spike again while the spikes of others are still on their way.
static char *draw_retina(const shards *cut, uint64_t seed) {
  const size_t n = (size_t)N_TRIALS * N_STEPS * (size_t)shards_at(cut, 0)->n_units;
  char *spike = malloc(n);
  assert_non_null(spike);
  for (size_t k = 0; k < n; k++) spike[k] = next_uniform(&seed) < 0.15;
  return spike;
}

static void present(const shards *cut) {
  const psac_network *network = cut->network[0];
  if (!psac_backend_presents(cut->backend, &network->shard)) {
    fail_msg("%d neurons do not fit into a block of this GPU", network->shard.n_local);
  }
  assert_ok(cut->backend->stage->present_middle(network->stream, &network->shard, N_TRIALS, network->exchange.delay));
}

static void step(const shards *cut, int delay) {
  assert_ok(cut->backend->stage->reset_potentials(cut->network[0]->stream, shards_at(cut, 0), N_TRIALS));
  for (int t = 0; t < N_STEPS; t++) shards_step(cut, t, delay);
}

static void check_variant(const psac_backend *backend, const variant *v) {
  const psac_config config = config_of(v);
  shards host, device;
  shards_create(&host, &psac_backend_cpu, &config, 1);
  shards_create(&device, backend, &config, 1);
  const size_t n_potentials = (size_t)N_TRIALS * (size_t)v->n_neurons, n_spikes = N_STEPS * n_potentials;
  for (uint64_t seed = 1; seed <= 2; seed++) {  // the second presentation finds nothing of the first
    char *retina = draw_retina(&host, seed);
    shards_set_retina(&host, retina);
    shards_set_retina(&device, retina);
    step(&host, v->delay);
    present(&device);
    char *expected = shards_get_spikes(&host), *spikes = shards_get_spikes(&device);
    float *potential = shards_get_potentials(&host), *left = shards_get_potentials(&device);
    assert_non_null(memchr(expected, 1, n_spikes));
    assert_memory_equal(spikes, expected, n_spikes);
    assert_memory_equal(left, potential, sizeof *left * n_potentials);
    free(retina);
    free(expected);
    free(spikes);
    free(potential);
    free(left);
  }
  shards_destroy(&host);
  shards_destroy(&device);
}

static void check_patches(const psac_backend *backend) {
  static const struct {
    int side, patch;
  } sizes[] = {{1, 1}, {14, 5}, {14, 6}, {14, 14}, {20, 17}, {34, 31}, {34, 32}, {34, 33}, {64, 64}};
  for (size_t k = 0; k < COUNT(sizes); k++) {
    check_variant(backend, &(variant){.n_neurons = 300,
                                      .side = sizes[k].side,
                                      .patch = sizes[k].patch,
                                      .delay = 1,
                                      .refractory_exc = 2,
                                      .refractory_inh = 1,
                                      .in_degree = 20});
  }
}

static void check_times(const psac_backend *backend) {
  static const int delays[] = {1, 2, 7, N_STEPS - 1};
  static const struct { int exc, inh; } periods[] = {{0, 0}, {1, 2}, {2, 1}, {6, 3}};
  for (size_t d = 0; d < COUNT(delays); d++) {
    for (size_t p = 0; p < COUNT(periods); p++) {
      check_variant(backend, &(variant){.n_neurons = 97,
                                        .side = 14,
                                        .patch = 5,
                                        .delay = delays[d],
                                        .refractory_exc = periods[p].exc,
                                        .refractory_inh = periods[p].inh,
                                        .in_degree = 10});
    }
  }
}

static void check_lists(const psac_backend *backend) {
  static const int64_t sizes[] = {33, 64, 1025, 2200};  // up to three rounds of a block, the last of them not full
  static const int in_degrees[] = {0, 1, 3, 8, 200};
  for (size_t n = 0; n < COUNT(sizes); n++) {
    for (size_t k = 0; k < COUNT(in_degrees); k++) {
      check_variant(backend, &(variant){.n_neurons = sizes[n],
                                        .side = 14,
                                        .patch = 5,
                                        .delay = 1,
                                        .refractory_exc = 2,
                                        .refractory_inh = 1,
                                        .in_degree = in_degrees[k]});
    }
  }
}

static void test_patches_of_one_word_and_of_many(void **state) {
  (void)state;
  with_backend(check_patches);
}

static void test_all_delays_and_refractory_periods(void **state) {
  (void)state;
  with_backend(check_times);
}

static void test_lists_of_many_targets_of_few_and_of_none(void **state) {
  (void)state;
  with_backend(check_lists);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_patches_of_one_word_and_of_many),
      cmocka_unit_test(test_all_delays_and_refractory_periods),
      cmocka_unit_test(test_lists_of_many_targets_of_few_and_of_none),
  };
  return cmocka_run_group_tests_name("kernels_presentation", tests, NULL, NULL);
}
