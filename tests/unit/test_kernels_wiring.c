// build_receptive_fields, build_recurrence, initialise_weights: what a built shard does is what wiring_core.h draws, on any cut.
#include "probes.h"
#include "wiring_core.h"

enum { SIDE = 14, N_UNITS = SIDE * SIDE };

static psac_config wiring_config(int64_t n_neurons) {
  psac_config config = probe_config(shards_config(n_neurons, 2, 32));
  // A neuron that has just spiked does not integrate, and a probe of the recurrence makes one spike.
  config.middle_layer.refractory_exc = config.middle_layer.refractory_inh = 0.0;
  return config;
}

// The patch position (row, column) at which a neuron's currents are its drawn weights; -1 if there is none.
static int find_position(const int32_t *field, const int16_t *weight, int patch) {
  for (int position = 0; position < (SIDE - patch + 1) * (SIDE - patch + 1); position++) {
    const int y = position / (SIDE - patch + 1), x = position % (SIDE - patch + 1);
    int32_t expected[N_UNITS] = {0};
    for (int k = 0; k < patch * patch; k++) expected[(y + k / patch) * SIDE + x + k % patch] = weight[k];
    if (memcmp(field, expected, sizeof expected) == 0) return position;
  }
  return -1;
}

static void check_fields(const psac_kernels *kernels) {
  static const int patches[] = {1, 5, 14};
  for (size_t p = 0; p < COUNT(patches); p++) {
    enum { N = 1000 };
    const int patch = patches[p], n_positions = (SIDE - patch + 1) * (SIDE - patch + 1), n_columns = N / PSAC_COLUMN;
    int count[N_UNITS] = {0};
    psac_config config = wiring_config(N);
    config.receptive_field.size = patch;
    shards cut;
    shards_create(&cut, kernels, &config, 1);
    const psac_rng_key key = psac_rng_stream_key((uint64_t)config.simulation.seed, PSAC_STREAM_RECEPTIVE_FIELD);
    const float scale = shards_at(&cut, 0)->current_scale;
    int32_t *field = probe_fields(&cut);
    int position = -1;
    for (int64_t gid = 0; gid < N; gid++) {
      int16_t weight[N_UNITS];
      psac_wiring_receptive_field(key, gid, patch * patch, (float)config.receptive_field.norm, scale, weight, 1);
      const int found = find_position(field + gid * N_UNITS, weight, patch);
      assert_in_range(found, 0, n_positions - 1);
      if (gid % PSAC_COLUMN == 0) count[position = found]++;
      assert_int_equal(found, position);
    }
    for (int k = 0; k < n_positions; k++) {
      assert_in_range(count[k], n_columns / n_positions, (n_columns + n_positions - 1) / n_positions);
    }
    free(field);
    shards_destroy(&cut);
  }
}

static void test_fields_are_the_drawn_weights_on_patches_that_cover_the_retina_evenly(void **state) {
  (void)state;
  with_backend(check_fields);
}

static void check_uneven_retina(const psac_kernels *kernels) {
  psac_config config = wiring_config(64);
  config.retina.input_size[0] = 10;
  config.retina.input_size[1] = 64;
  config.retina.stride = config.retina.pool_size = 1;
  config.receptive_field.size = 3;
  shards cut;
  shards_create(&cut, kernels, &config, 1);
  int32_t *field = probe_fields(&cut);
  for (int64_t gid = 0; gid < 64; gid++) {
    int top = 10, bottom = -1, left = 64, right = -1, n = 0;
    for (int u = 0; u < 640; u++) {
      if (field[gid * 640 + u] == 0) continue;
      n++;
      top = u / 64 < top ? u / 64 : top;
      bottom = u / 64 > bottom ? u / 64 : bottom;
      left = u % 64 < left ? u % 64 : left;
      right = u % 64 > right ? u % 64 : right;
    }
    assert_int_equal(n, 9);
    assert_int_equal(bottom - top, 2);
    assert_int_equal(right - left, 2);
  }
  free(field);
  shards_destroy(&cut);
}

static void test_patches_of_a_retina_that_is_not_square_are_square(void **state) {
  (void)state;
  with_backend(check_uneven_retina);
}

static void check_recurrence(const psac_kernels *kernels) {
  enum { N = 97 };
  psac_config config = wiring_config(N);
  shards cut;
  for (int n_ranks = 1; n_ranks <= 3; n_ranks += 2) {
    shards_create(&cut, kernels, &config, n_ranks);
    const psac_rng_key key = psac_rng_stream_key((uint64_t)config.simulation.seed, PSAC_STREAM_RECURRENCE);
    const int64_t n_exc = psac_config_n_exc(&config);
    int32_t *current = probe_recurrence(&cut);
    for (int64_t gid = 0; gid < N; gid++) {
      double expected[N] = {0};
      for (uint32_t k = 0; k < (uint32_t)config.recurrence.in_degree; k++) {
        const int64_t source = psac_wiring_source(key, gid, k, N);
        expected[source] += source < n_exc ? config.recurrence.current_exc : config.recurrence.current_inh;
      }
      for (int64_t source = 0; source < N; source++) {
        assert_true(current[gid * N + source] == (int32_t)(expected[source] * (double)shards_at(&cut, 0)->current_scale));
      }
    }
    free(current);
    shards_destroy(&cut);
  }
}

static void test_recurrent_currents_come_from_the_drawn_sources_on_any_cut(void **state) {
  (void)state;
  with_backend(check_recurrence);
}

static void check_same_fields(const psac_kernels *kernels) {
  enum { N = 97 };
  const psac_config config = wiring_config(N);
  int32_t *whole = fields_of(kernels, config);
  shards cut;
  shards_create(&cut, kernels, &config, 5);
  int32_t *cut_field = probe_fields(&cut);
  assert_memory_equal(whole, cut_field, sizeof *whole * N * N_UNITS);
  free(cut_field);
  free(whole);
  shards_destroy(&cut);
}

static void test_a_neuron_sees_the_same_patch_on_any_cut(void **state) {
  (void)state;
  with_backend(check_same_fields);
}

static void check_weights(const psac_kernels *kernels) {
  enum { N = 97 };
  psac_config config = shards_config(N, 2, 1);
  config.network.weight_sd = 0.1;
  shards cut;
  shards_create(&cut, kernels, &config, 3);
  const psac_rng_key key = psac_rng_stream_key((uint64_t)config.simulation.seed, PSAC_STREAM_INITIAL_WEIGHT);
  const psac_lanes lanes = shards_at(&cut, 0)->lanes;
  int32_t *row = shards_get_rows(&cut);
  for (int64_t gid = 0; gid < N; gid++) {
    for (int o = 0; o < lanes.n_output + lanes.n_critic; o++) {
      assert_int_equal(row[gid * lanes.n + o], psac_wiring_initial_weight(key, gid, (uint32_t)o, 1.0f, 0.5f, 0.1f));
    }
    assert_int_equal(row[gid * lanes.n + lanes.mean_count], 0);
    assert_int_equal(row[gid * lanes.n + lanes.one], 1);
  }
  free(row);
  shards_destroy(&cut);
}

static void test_initial_rows_hold_the_drawn_weights_and_the_constant_one(void **state) {
  (void)state;
  with_backend(check_weights);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_fields_are_the_drawn_weights_on_patches_that_cover_the_retina_evenly),
      cmocka_unit_test(test_patches_of_a_retina_that_is_not_square_are_square),
      cmocka_unit_test(test_recurrent_currents_come_from_the_drawn_sources_on_any_cut),
      cmocka_unit_test(test_a_neuron_sees_the_same_patch_on_any_cut),
      cmocka_unit_test(test_initial_rows_hold_the_drawn_weights_and_the_constant_one),
  };
  return cmocka_run_group_tests_name("kernels_wiring", tests, NULL, NULL);
}
