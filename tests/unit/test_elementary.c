// elementary_core: log2, exp2 and pow against the C library in double precision.
#include <float.h>

#include "check.h"
#include "kernels/elementary_core.h"

static const double accuracy = 1e-6;  // relative, as the header promises

static void test_log2_is_accurate_over_all_normal_numbers(void **state) {
  (void)state;
  for (int exponent = -126; exponent <= 127; exponent++) {
    for (int k = 0; k < 512; k++) {
      const float x = ldexpf(1.0f + (float)k / 512.0f, exponent);
      const double expected = log2((double)x);
      assert_near((double)psac_log2f(x), expected, accuracy * fabs(expected));
    }
  }
  assert_near((double)psac_log2f(FLT_MAX), 128.0, accuracy * 128.0);
}

static void test_log2_is_accurate_close_to_one(void **state) {
  (void)state;
  for (float x = 0.99f; x < 1.01f; x = nextafterf(x + 1e-6f, 2.0f)) {
    const double expected = log2((double)x);
    assert_near((double)psac_log2f(x), expected, accuracy * fabs(expected));
  }
}

static void test_log2_of_powers_of_two_is_exact(void **state) {
  (void)state;
  for (int exponent = -126; exponent <= 127; exponent++) {
    assert_true(psac_log2f(ldexpf(1.0f, exponent)) == (float)exponent);
  }
}

static void test_exp2_is_accurate_over_its_range(void **state) {
  (void)state;
  for (int k = -126 * 512; k <= 127 * 512; k++) {
    const float x = (float)k / 512.0f;
    const double expected = exp2((double)x);
    assert_near((double)psac_exp2f(x), expected, accuracy * expected);
  }
}

static void test_exp2_of_integers_is_exact(void **state) {
  (void)state;
  for (int exponent = -126; exponent <= 127; exponent++) {
    assert_true(psac_exp2f((float)exponent) == ldexpf(1.0f, exponent));
  }
}

static void test_exp2_of_very_negative_numbers_is_zero(void **state) {
  (void)state;
  static const float x[] = {-126.01f, -127.0f, -1000.0f, -1e30f, -INFINITY};
  for (size_t k = 0; k < COUNT(x); k++) assert_true(psac_exp2f(x[k]) == 0.0f);
}

static void test_pow_is_accurate_where_weight_bounds_use_it(void **state) {
  (void)state;
  for (int i = 1; i <= 400; i++) {
    for (int k = 0; k <= 100; k++) {
      const float x = (float)i / 200.0f, y = (float)k / 10.0f;  // (0, 2] to the power of [0, 10]
      const double expected = pow((double)x, (double)y);
      const double magnified = 1.0 + fabs((double)y * log2((double)x));  // an error of the exponent's last place
      assert_near((double)psac_powf(x, y), expected, accuracy * magnified * expected);
    }
  }
}

static void test_pow_keeps_its_exact_values(void **state) {
  (void)state;
  static const float x[] = {0.0f, 0x1p-149f, 1e-30f, 0.3f, 1.0f, 2.0f, 1e30f};
  for (size_t k = 0; k < COUNT(x); k++) {
    assert_true(psac_powf(x[k], 0.0f) == 1.0f);
    assert_true(psac_powf(x[k], 1.0f) == x[k]);
  }
  assert_true(psac_powf(0.0f, 0.3f) == 0.0f);
  assert_true(psac_powf(0x1p-149f, 0.3f) == 0.0f);
  assert_true(psac_powf(1.0f, 0.3f) == 1.0f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_log2_is_accurate_over_all_normal_numbers),
      cmocka_unit_test(test_log2_is_accurate_close_to_one),
      cmocka_unit_test(test_log2_of_powers_of_two_is_exact),
      cmocka_unit_test(test_exp2_is_accurate_over_its_range),
      cmocka_unit_test(test_exp2_of_integers_is_exact),
      cmocka_unit_test(test_exp2_of_very_negative_numbers_is_zero),
      cmocka_unit_test(test_pow_is_accurate_where_weight_bounds_use_it),
      cmocka_unit_test(test_pow_keeps_its_exact_values),
  };
  return cmocka_run_group_tests_name("elementary", tests, NULL, NULL);
}
