// power_stdp_core: weights stay in [0, 1] whatever happens, and change as the rule says.
#include <float.h>

#include "check.h"
#include "kernels/rules/power_stdp/power_stdp_core.h"

enum { ONE = 1 << 30 };  // the weight 1

static const int32_t any_weight[] = {INT32_MIN, -ONE, -1, 0, 1, 12345, ONE / 2, ONE - 1, ONE, ONE + 1, INT32_MAX};

static int32_t clamped(int64_t weight) { return (int32_t)(weight < 0 ? 0 : weight > ONE ? ONE : weight); }

static void test_add_is_the_clamped_sum_of_any_weight_and_change(void **state) {
  (void)state;
  static const int32_t changes[] = {-ONE + 1, -ONE / 2, -1, 0, 1, 777, ONE / 2, ONE - 1};
  for (size_t w = 0; w < COUNT(any_weight); w++) {
    for (size_t c = 0; c < COUNT(changes); c++) {
      const int64_t sum = (int64_t)any_weight[w] + changes[c];
      assert_int_equal(psac_weight_add(any_weight[w], changes[c]), clamped(sum));
    }
  }
}

static void test_change_is_rounded_to_the_nearest_step(void **state) {
  (void)state;
  assert_int_equal(psac_weight_change(0.0f), 0);
  assert_int_equal(psac_weight_change(0x1p-30f), 1);
  assert_int_equal(psac_weight_change(-0x1.8p-30f), -2);
  assert_int_equal(psac_weight_change(0x1p-32f), 0);
  assert_int_equal(psac_weight_change(0.25f), ONE / 4);
}

static void test_change_never_leaves_the_range_that_add_can_take(void **state) {
  (void)state;
  static const float large[] = {1.0f, 1.5f, 1e10f, FLT_MAX, INFINITY};
  for (size_t k = 0; k < COUNT(large); k++) {
    const int32_t up = psac_weight_change(large[k]), down = psac_weight_change(-large[k]);
    assert_true(up < ONE && up >= ONE - 64);
    assert_true(down > -ONE && down <= -ONE + 64);
  }
}

static void test_a_gate_of_zero_changes_nothing(void **state) {
  (void)state;
  static const int32_t weights[] = {0, 1, ONE / 3, ONE};
  for (size_t w = 0; w < COUNT(weights); w++) {
    for (float mu = 0.0f; mu < 3.0f; mu += 0.3f)
      assert_int_equal(psac_power_stdp(weights[w], 0.0f, 0.1f, mu), weights[w]);
  }
}

static void test_mu_of_zero_is_the_plain_product_with_a_hard_clamp(void **state) {
  (void)state;
  assert_int_equal(psac_power_stdp(ONE / 2, 0.5f, 0.125f, 0.0f), ONE / 2 + ONE / 16);
  assert_int_equal(psac_power_stdp(ONE / 2, -0.5f, 0.125f, 0.0f), ONE / 2 - ONE / 16);
  assert_int_equal(psac_power_stdp(ONE - 1, 0.5f, 0.125f, 0.0f), ONE);
  assert_int_equal(psac_power_stdp(1, -0.5f, 0.125f, 0.0f), 0);
}

// dw = rate f(w) gate, f = (2 (1 - w))^mu upward and (2 w)^mu downward.
static void test_soft_bounds_follow_the_power_law(void **state) {
  (void)state;
  const double rate = 0.01;
  for (int m = 0; m <= 10; m++) {
    for (int k = 0; k <= 100; k++) {
      const double mu = m / 5.0, w = k / 100.0;
      const int32_t weight = (int32_t)lrint(w * ONE);
      const double up = w + rate * pow(2.0 * (1.0 - w), mu) * 0.3, down = w - rate * pow(2.0 * w, mu) * 0.3;
      assert_near(psac_power_stdp(weight, 0.3f, (float)rate, (float)mu) * 0x1p-30, fmin(up, 1.0), 1e-7);
      assert_near(psac_power_stdp(weight, -0.3f, (float)rate, (float)mu) * 0x1p-30, fmax(down, 0.0), 1e-7);
    }
  }
}

static void test_a_soft_bound_is_never_passed_nor_left_by_itself(void **state) {
  (void)state;
  assert_int_equal(psac_power_stdp(ONE, 1.0f, 0.5f, 0.5f), ONE);
  assert_int_equal(psac_power_stdp(0, -1.0f, 0.5f, 0.5f), 0);
  assert_true(psac_power_stdp(ONE, -1.0f, 0.01f, 0.5f) < ONE);
  assert_true(psac_power_stdp(0, 1.0f, 0.01f, 0.5f) > 0);
}

static void test_the_weight_stays_in_range_under_extreme_changes(void **state) {
  (void)state;
  static const float gates[] = {-FLT_MAX, -1e20f, -1.0f, -1e-30f, 0.0f, 1e-30f, 1.0f, 1e20f, FLT_MAX};
  static const float rates[] = {0.0f, 1e-10f, 1.0f, 1e5f}, exponents[] = {0.0f, 0.3f, 1.0f, 10.0f};
  for (size_t w = 0; w < COUNT(any_weight); w++) {
    for (size_t g = 0; g < COUNT(gates); g++) {
      for (size_t r = 0; r < COUNT(rates); r++) {
        for (size_t m = 0; m < COUNT(exponents); m++) {
          const int32_t weight = psac_power_stdp(any_weight[w], gates[g], rates[r], exponents[m]);
          assert_in_range(weight, 0, ONE);
        }
      }
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_add_is_the_clamped_sum_of_any_weight_and_change),
      cmocka_unit_test(test_change_is_rounded_to_the_nearest_step),
      cmocka_unit_test(test_change_never_leaves_the_range_that_add_can_take),
      cmocka_unit_test(test_a_gate_of_zero_changes_nothing),
      cmocka_unit_test(test_mu_of_zero_is_the_plain_product_with_a_hard_clamp),
      cmocka_unit_test(test_soft_bounds_follow_the_power_law),
      cmocka_unit_test(test_a_soft_bound_is_never_passed_nor_left_by_itself),
      cmocka_unit_test(test_the_weight_stays_in_range_under_extreme_changes),
  };
  return cmocka_run_group_tests_name("power_stdp", tests, NULL, NULL);
}
