// build_receptive_fields, build_recurrence, initialise_weights: what a built shard does is what wiring_core.h draws, on
// any cut.
#include "kernels/source_core.h"
#include "kernels/wiring_core.h"
#include "probes.h"

enum { SIDE = 14, N_UNITS = SIDE * SIDE, SIDE_MAX = 64 };

static psac_config wiring_config(int64_t n_neurons) {
  psac_config config = probe_config(shards_config(n_neurons, 2, 32));
  // A neuron that has just spiked does not integrate, and a probe of the recurrence makes one spike.
  config.middle_layer.refractory_exc = config.middle_layer.refractory_inh = 0.0;
  return config;
}

// The patch position (row, column) at which a neuron's currents are its drawn weights; -1 if there is none.
static int find_position(const int32_t *field, const int16_t *weight, int side, int patch) {
  const size_t n_units = (size_t)(side * side);
  int32_t *expected = malloc(sizeof *expected * n_units);
  int found = -1;
  assert_non_null(expected);
  for (int position = 0; position < (side - patch + 1) * (side - patch + 1) && found < 0; position++) {
    const int y = position / (side - patch + 1), x = position % (side - patch + 1);
    memset(expected, 0, sizeof *expected * n_units);
    for (int k = 0; k < patch * patch; k++) expected[(y + k / patch) * side + x + k % patch] = weight[k];
    if (memcmp(field, expected, sizeof *expected * n_units) == 0) found = position;
  }
  free(expected);
  return found;
}

static void check_patch(const psac_backend *backend, int side, int patch, int64_t n_neurons) {
  const int n_positions = (side - patch + 1) * (side - patch + 1), n_minicolumns = (int)n_neurons / PSAC_MINICOLUMN,
            n_units = side * side;
  int count[SIDE_MAX * SIDE_MAX] = {0};
  psac_config config = wiring_config(n_neurons);
  config.retina.input_size[0] = config.retina.input_size[1] = side;
  config.retina.stride = config.retina.pool_size = 1;
  config.receptive_field.size = patch;
  shards cut;
  shards_create(&cut, backend, &config, 1);
  const psac_rng_key key = psac_rng_stream_key((uint64_t)config.simulation.seed, PSAC_STREAM_RECEPTIVE_FIELD);
  const float scale = shards_at(&cut, 0)->current_scale;
  int32_t *field = probe_fields(&cut);
  int position = -1;
  for (int64_t gid = 0; gid < n_neurons; gid++) {
    int16_t weight[SIDE_MAX * SIDE_MAX];
    psac_wiring_receptive_field(key, gid, patch * patch, (float)config.receptive_field.norm, scale, weight, 1);
    const int found = find_position(field + gid * n_units, weight, side, patch);
    assert_in_range(found, 0, n_positions - 1);
    if (gid % PSAC_MINICOLUMN == 0) count[position = found]++;
    assert_int_equal(found, position);
  }
  for (int k = 0; k < n_positions; k++) {
    assert_in_range(count[k], n_minicolumns / n_positions, (n_minicolumns + n_positions - 1) / n_positions);
  }
  free(field);
  shards_destroy(&cut);
}

// Patches of which many rows, one or half a row fit into 32 bits.
static void check_fields(const psac_backend *backend) {
  static const int small[] = {1, 5, 14};
  for (size_t k = 0; k < COUNT(small); k++) check_patch(backend, 14, small[k], 1000);
  check_patch(backend, 20, 17, 200);
  check_patch(backend, 34, 32, 80);
  check_patch(backend, 34, 33, 80);
  check_patch(backend, 64, 64, 40);
}

static void test_fields_are_the_drawn_weights_on_patches_that_cover_the_retina_evenly(void **state) {
  (void)state;
  with_backend(check_fields);
}

static void check_uneven_retina(const psac_backend *backend) {
  psac_config config = wiring_config(64);
  config.retina.input_size[0] = 10;
  config.retina.input_size[1] = 64;
  config.retina.stride = config.retina.pool_size = 1;
  config.receptive_field.size = 3;
  shards cut;
  shards_create(&cut, backend, &config, 1);
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

static void check_recurrence(const psac_backend *backend) {
  enum { N = 97 };
  psac_config config = wiring_config(N);
  shards cut;
  for (int n_ranks = 1; n_ranks <= 3; n_ranks += 2) {
    shards_create(&cut, backend, &config, n_ranks);
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
        assert_true(current[gid * N + source] ==
                    (int32_t)(expected[source] * (double)shards_at(&cut, 0)->current_scale));
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

// What a list of targets amounts to, in whatever order it is.
static uint64_t mixed(uint64_t local) { return (local + 1) * UINT64_C(0x9e3779b97f4a7c15) ^ (local << 7); }

static uint64_t target_at(const psac_shard *shard, const void *target, size_t place) {
  return shard->target_bytes == 2 ? ((const uint16_t *)target)[place] : ((const uint32_t *)target)[place];
}

// The lists of one rank against the drawn sources: each neuron with targets has its list, none has another, and groups
// are padded.
static void check_lists(const shards *cut, const psac_shard *shard, psac_rng_key key) {
  const size_t n_words = (size_t)shard->n_source_words, n = shard->n_sources;
  uint64_t *mask = shards_download(cut, shard->source_mask, sizeof *mask * n_words);
  uint32_t *before = shards_download(cut, shard->source_first, sizeof *before * n_words);
  uint32_t *first = shards_download(cut, shard->target_first, sizeof *first * (n + 1));
  void *target = shards_download(cut, shard->target, (size_t)first[n] * (size_t)shard->target_bytes);
  uint64_t *expected = calloc(n + 1, sizeof *expected);
  size_t n_bits = 0, n_exc = 0, n_targets = 0;
  const uint32_t group = (uint32_t)psac_target_group(psac_fan_out(shard), shard->target_bytes);
  assert_non_null(expected);
  for (size_t w = 0; w < n_words; w++) {
    assert_int_equal(before[w], n_bits);
    n_bits += (size_t)__builtin_popcountll(mask[w]);
  }
  assert_int_equal(n_bits, n);
  for (int64_t gid = 0; gid < shard->map.n_neurons; gid++) {
    const int64_t slot = psac_block_map_slot(shard->map, gid);
    n_exc += gid < shard->n_exc && (mask[slot / 64] >> (slot % 64) & 1);
  }
  assert_int_equal(shard->n_exc_sources, n_exc);
  for (int32_t i = 0; i < shard->n_local; i++) {
    for (int32_t k = 0; k < shard->in_degree; k++) {
      const int64_t gid = psac_wiring_source(key, shard->first_gid + i, (uint32_t)k, shard->map.n_neurons);
      const int64_t slot = psac_block_map_slot(shard->map, gid);
      assert_true(mask[slot / 64] >> (slot % 64) & 1);
      expected[psac_source_in_slot(before, mask, slot)] += mixed((uint64_t)i);
    }
  }
  assert_int_equal(first[0], 0);
  for (size_t s = 0; s < n; s++) {
    uint64_t found = 0;
    assert_true(first[s + 1] > first[s] && first[s + 1] % group == 0);
    for (size_t e = first[s]; e < first[s + 1]; e++) {
      const uint64_t local = target_at(shard, target, e);
      assert_true(local < (uint64_t)shard->n_local ||
                  (local >= (uint64_t)shard->n_padded && local < (uint64_t)shard->n_padded + 8));
      if (local >= (uint64_t)shard->n_padded) continue;
      found += mixed(local);
      n_targets++;
    }
    assert_true(found == expected[s]);
  }
  assert_int_equal(n_targets, (size_t)shard->n_local * (size_t)shard->in_degree);
  free(mask);
  free(before);
  free(first);
  free(target);
  free(expected);
}

static void check_index(const psac_backend *backend) {
  static const struct {
    int64_t n_neurons, in_degree;
    int n_ranks;
    double ratio_exc;
  } cases[] = {{2, 1, 1, 0.5},    {9, 50, 8, 0.8},    {64, 50, 1, 1.0},   {97, 1, 3, 0.8},    {997, 1, 8, 0.0},
               {5000, 3, 8, 0.8}, {66000, 2, 1, 0.8}, {66000, 5, 1, 0.8}, {66000, 50, 2, 0.8}};
  for (size_t c = 0; c < COUNT(cases); c++) {
    psac_config config = shards_config(cases[c].n_neurons, 2, 1);
    config.recurrence.in_degree = cases[c].in_degree;
    config.middle_layer.ratio_exc = cases[c].ratio_exc;
    shards cut;
    shards_create(&cut, backend, &config, cases[c].n_ranks);
    for (int rank = 0; rank < cut.n_ranks; rank++) {
      check_lists(&cut, shards_at(&cut, rank),
                  psac_rng_stream_key((uint64_t)config.simulation.seed, PSAC_STREAM_RECURRENCE));
    }
    shards_destroy(&cut);
  }
}

static void test_every_source_has_the_list_of_its_targets(void **state) {
  (void)state;
  with_backend(check_index);
}

static void check_same_fields(const psac_backend *backend) {
  enum { N = 97 };
  const psac_config config = wiring_config(N);
  int32_t *whole = fields_of(backend, config);
  shards cut;
  shards_create(&cut, backend, &config, 5);
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

static void check_weights_of(const psac_backend *backend, int model) {
  enum { N = 97 };
  psac_config config = shards_config(N, 2, 1);
  config.network.model = model;
  config.network.connection_prob = 1.0;
  config.network.weight_sd = 0.1;
  shards cut;
  shards_create(&cut, backend, &config, 3);
  const psac_rng_key key = psac_rng_stream_key((uint64_t)config.simulation.seed, PSAC_STREAM_INITIAL_WEIGHT);
  const psac_columns columns = shards_at(&cut, 0)->columns;
  int32_t *row = shards_get_rows(&cut);
  for (int64_t gid = 0; gid < N; gid++) {
    for (int o = 0; o < columns.n_output + columns.n_critic; o++) {
      const double weight = (double)psac_wiring_initial_weight(key, gid, (uint32_t)o, 1.0f, 0.5f, 0.1f);
      assert_int_equal(row[gid * columns.n + o], shards_store(&cut, weight));
    }
    assert_int_equal(row[gid * columns.n + columns.mean_count], 0);
    assert_int_equal(row[gid * columns.n + columns.one], 1);
  }
  free(row);
  shards_destroy(&cut);
}

static void check_weights(const psac_backend *backend) {
  check_weights_of(backend, PSAC_MODEL_PSAC);
  check_weights_of(backend, PSAC_MODEL_NOTEBOOK);
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
      cmocka_unit_test(test_every_source_has_the_list_of_its_targets),
      cmocka_unit_test(test_a_neuron_sees_the_same_patch_on_any_cut),
      cmocka_unit_test(test_initial_rows_hold_the_drawn_weights_and_the_constant_one),
  };
  return cmocka_run_group_tests_name("kernels_wiring", tests, NULL, NULL);
}
