// wiring_core: the random connectivity has the distribution that the model asks for.
#include "check.h"
#include "kernels/wiring_core.h"

static const psac_rng_key key = {{0x12345678, 0x9abcdef0}};

static void test_normal_numbers_have_the_moments_of_the_normal_distribution(void **state) {
  (void)state;
  enum { N = 200000 };
  double sum[4] = {0};
  int beyond_two = 0;
  for (int64_t gid = 0; gid < N; gid++) {
    const double x = (double)psac_wiring_normal(key, 0, 0, gid);
    for (int p = 0; p < 4; p++) sum[p] += pow(x, p + 1);
    beyond_two += fabs(x) > 2.0;
  }
  assert_near(sum[0] / N, 0.0, 5.0 / sqrt(N));
  assert_near(sum[1] / N, 1.0, 5.0 * sqrt(2.0 / N));
  assert_near(sum[2] / N, 0.0, 5.0 * sqrt(15.0 / N));
  assert_near(sum[3] / N, 3.0, 5.0 * sqrt(96.0 / N));
  assert_near((double)beyond_two / N, 0.0455, 5.0 * sqrt(0.0455 / N));
}

static void test_normal_numbers_of_different_draws_are_unrelated(void **state) {
  (void)state;
  enum { N = 20000 };
  double products[3] = {0};
  for (int64_t gid = 0; gid < N; gid++) {
    const double x = (double)psac_wiring_normal(key, 3, 5, gid);
    products[0] += x * (double)psac_wiring_normal(key, 4, 5, gid);
    products[1] += x * (double)psac_wiring_normal(key, 3, 6, gid);
    products[2] += x * (double)psac_wiring_normal(key, 3, 5, gid + N);
  }
  for (int k = 0; k < 3; k++) assert_near(products[k] / N, 0.0, 5.0 / sqrt(N));
}

// Every weight is rounded to an integer, so sum and norm are right up to half a step per weight.
static void test_receptive_fields_are_zero_sum_with_the_given_norm(void **state) {
  (void)state;
  static const int sizes[] = {4, 9, 25, 49, 196};
  for (size_t s = 0; s < COUNT(sizes); s++) {
    for (int64_t gid = 0; gid < 200; gid++) {
      int16_t weight[196];
      double sum = 0.0, squares = 0.0;
      psac_wiring_receptive_field(key, gid, sizes[s], 600.0f, 32.0f, weight, 1);
      for (int k = 0; k < sizes[s]; k++) {
        sum += weight[k];
        squares += (double)weight[k] * weight[k];
      }
      assert_near(sum, 0.0, 0.5 * sizes[s] + 0.1);
      assert_near(sqrt(squares), 600.0 * 32.0, 0.5 * sqrt(sizes[s]) + 0.1);
    }
  }
}

static void test_a_field_of_one_pixel_is_plus_or_minus_the_norm(void **state) {
  (void)state;
  int positive = 0;
  for (int64_t gid = 0; gid < 1000; gid++) {
    int16_t weight;
    psac_wiring_receptive_field(key, gid, 1, 600.0f, 32.0f, &weight, 1);
    assert_int_equal(abs(weight), 600 * 32);
    positive += weight > 0;
  }
  assert_in_range(positive, 400, 600);
}

static void test_receptive_fields_of_different_neurons_differ(void **state) {
  (void)state;
  int16_t weight[3][25];
  psac_wiring_receptive_field(key, 7, 25, 600.0f, 32.0f, weight[0], 1);
  psac_wiring_receptive_field(key, 8, 25, 600.0f, 32.0f, weight[1], 1);
  psac_wiring_receptive_field(key, 7 + ((int64_t)1 << 32), 25, 600.0f, 32.0f, weight[2], 1);
  assert_memory_not_equal(weight[0], weight[1], sizeof weight[0]);
  assert_memory_not_equal(weight[0], weight[2], sizeof weight[0]);
}

// Consecutive columns, from any one on, visit every position once before any position comes again.
static void test_columns_cover_all_positions_evenly(void **state) {
  (void)state;
  static const int cases[][2] = {
      {1, 1}, {100, 61}, {101, 63}, {4096, 2531}, {100, 7}};  // positions, hop coprime to them
  for (size_t c = 0; c < COUNT(cases); c++) {
    for (int64_t start = 0; start < 10000000000; start = start * 7 + 12345) {
      char seen[4096] = {0};
      const int n = cases[c][0];
      for (int k = 0; k < n; k++) {
        const int position = psac_wiring_position(start + k, n, cases[c][1]);
        assert_in_range(position, 0, n - 1);
        assert_int_equal(seen[position]++, 0);
      }
    }
  }
}

static void test_sources_are_uniform_and_never_the_neuron_itself(void **state) {
  (void)state;
  enum { N = 50, DRAWS = 50000 };
  static const int64_t gids[] = {0, 1, 17, N - 1};
  for (size_t g = 0; g < COUNT(gids); g++) {
    int count[N] = {0};
    for (uint32_t k = 0; k < DRAWS; k++) {
      const int64_t source = psac_wiring_source(key, gids[g], k, N);
      assert_in_range(source, 0, N - 1);
      count[source]++;
    }
    assert_int_equal(count[gids[g]], 0);
    double chi_square = 0.0;
    const double expected = (double)DRAWS / (N - 1);
    for (int i = 0; i < N; i++) {
      if (i != gids[g]) chi_square += (count[i] - expected) * (count[i] - expected) / expected;
    }
    assert_true(chi_square < 90.0);  // 48 degrees of freedom: exceeded once in 5000
  }
}

static void test_the_source_of_one_of_two_neurons_is_the_other(void **state) {
  (void)state;
  for (uint32_t k = 0; k < 100; k++) {
    assert_int_equal(psac_wiring_source(key, 0, k, 2), 1);
    assert_int_equal(psac_wiring_source(key, 1, k, 2), 0);
  }
}

static void test_sources_reach_all_of_ten_billion_neurons(void **state) {
  (void)state;
  const int64_t n = 10000000000;
  int64_t least = n, most = 0;
  for (uint32_t k = 0; k < 2000; k++) {
    const int64_t source = psac_wiring_source(key, n - 1, k, n);
    assert_in_range(source, 0, n - 2);
    if (source < least) least = source;
    if (source > most) most = source;
  }
  assert_true(least < n / 200 && most > n - n / 200);
}

static void test_initial_weights_have_the_given_density_mean_and_spread(void **state) {
  (void)state;
  enum { N = 100000 };
  double sum = 0.0, squares = 0.0;
  int present = 0;
  for (int64_t gid = 0; gid < N; gid++) {
    const double w = (double)psac_wiring_initial_weight(key, gid, (uint32_t)(gid % 10), 0.2f, 0.5f, 0.1f);
    present += w != 0.0;
    sum += w;
    squares += w * w;
  }
  assert_near((double)present / N, 0.2, 5.0 * sqrt(0.16 / N));
  const double mean = sum / present;
  assert_near(mean, 0.5, 5.0 * 0.1 / sqrt(present));
  assert_near(sqrt(squares / present - mean * mean), 0.1, 5.0 * 0.1 / sqrt(2.0 * present));
}

static void test_initial_weights_without_spread_are_exact(void **state) {
  (void)state;
  for (int64_t gid = 0; gid < 1000; gid++) {
    assert_true(psac_wiring_initial_weight(key, gid, 3, 1.0f, 0.5f, 0.0f) == 0.5f);
    assert_true(psac_wiring_initial_weight(key, gid, 3, 0.0f, 0.5f, 0.1f) == 0.0f);
  }
}

static void test_initial_weights_far_out_are_cut_to_what_fixed_point_holds(void **state) {
  (void)state;
  double least = 0.0, most = 0.0;
  for (int64_t gid = 0; gid < 1000; gid++) {
    const double w = (double)psac_wiring_initial_weight(key, gid, 0, 1.0f, 0.5f, 100.0f);
    least = fmin(least, w);
    most = fmax(most, w);
  }
  assert_true(least == -1.0 && most == 1.5);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_normal_numbers_have_the_moments_of_the_normal_distribution),
      cmocka_unit_test(test_normal_numbers_of_different_draws_are_unrelated),
      cmocka_unit_test(test_receptive_fields_are_zero_sum_with_the_given_norm),
      cmocka_unit_test(test_a_field_of_one_pixel_is_plus_or_minus_the_norm),
      cmocka_unit_test(test_receptive_fields_of_different_neurons_differ),
      cmocka_unit_test(test_columns_cover_all_positions_evenly),
      cmocka_unit_test(test_sources_are_uniform_and_never_the_neuron_itself),
      cmocka_unit_test(test_the_source_of_one_of_two_neurons_is_the_other),
      cmocka_unit_test(test_sources_reach_all_of_ten_billion_neurons),
      cmocka_unit_test(test_initial_weights_have_the_given_density_mean_and_spread),
      cmocka_unit_test(test_initial_weights_without_spread_are_exact),
      cmocka_unit_test(test_initial_weights_far_out_are_cut_to_what_fixed_point_holds),
  };
  return cmocka_run_group_tests_name("wiring", tests, NULL, NULL);
}
