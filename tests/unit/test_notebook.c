// notebook_core: a weight is a float32, changes as one, and enters sums in steps that hold it whole where it matters.
#include <float.h>

#include "check.h"
#include "kernels/rules/notebook/notebook_core.h"
#include "kernels/weight_core.h"

static const float weights[] = {0.0f, 1e-30f, 0x1p-40f,       0x1.8p-37f, 0x1.234566p-14f, 0x1.fffffep-13f,
                                0.1f, 0.5f,   0x1.fffffep-1f, 1.0f};

static void test_a_sum_is_rounded_to_float32_and_clamped(void **state) {
  (void)state;
  static const float changes[] = {0.0f, -0.0f,    0x1p-30f, 0.001f,   -0.001f,  -0.3f,
                                  0.7f, -FLT_MAX, FLT_MAX,  INFINITY, -INFINITY};
  for (size_t w = 0; w < COUNT(weights); w++) {
    for (size_t c = 0; c < COUNT(changes); c++) {
      const float rounded = (float)((double)weights[w] + (double)changes[c]);
      assert_true(psac_notebook_add(weights[w], changes[c]) == fminf(fmaxf(rounded, 0.0f), 1.0f));
    }
  }
  assert_true(psac_notebook_add(0.75f, 0x1p-30f) == 0.75f);  // lost, however often: that is the notebook's
}

static void test_no_negative_zero_and_no_nan_comes_out(void **state) {
  (void)state;
  assert_int_equal(psac_notebook_bits(psac_notebook_add(-0.0f, -0.0f)), 0);
  assert_int_equal(psac_notebook_bits(psac_notebook_add(-0.5f, 0.0f)), 0);
  assert_int_equal(psac_notebook_bits(psac_notebook_add(NAN, 0.0f)), 0);
}

static void test_steps_are_the_weight_to_the_nearest_2_to_the_minus_36(void **state) {
  (void)state;
  for (size_t w = 0; w < COUNT(weights); w++) {
    for (int sign = -1; sign <= 1; sign += 2) {
      const float weight = (float)sign * weights[w] * 1.75f;
      assert_true(psac_notebook_steps(weight) == llrint((double)weight * 0x1p36));
      if (weights[w] >= 0x1p-13f) assert_true((double)psac_notebook_steps(weight) * 0x1p-36 == (double)weight);
    }
  }
}

static void test_weights_are_stored_whole_under_each_rule(void **state) {
  (void)state;
  for (size_t w = 0; w < COUNT(weights); w++) {
    const float weight = -1.5f * weights[w];
    assert_true(psac_weight_value(PSAC_RULE_NOTEBOOK, psac_weight_store(PSAC_RULE_NOTEBOOK, weight)) == weight);
    const float fixed = psac_weight_value(PSAC_RULE_POWER_STDP, psac_weight_store(PSAC_RULE_POWER_STDP, weight));
    assert_true(fabs((double)fixed - (double)weight) <= 0x1p-31);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_a_sum_is_rounded_to_float32_and_clamped),
      cmocka_unit_test(test_no_negative_zero_and_no_nan_comes_out),
      cmocka_unit_test(test_steps_are_the_weight_to_the_nearest_2_to_the_minus_36),
      cmocka_unit_test(test_weights_are_stored_whole_under_each_rule),
  };
  return cmocka_run_group_tests_name("notebook", tests, NULL, NULL);
}
