// lif_core: one Euler step of the leaky integrate-and-fire neuron.
#include "check.h"
#include "kernels/models/lif/lif_core.h"

static void test_potential_follows_the_closed_form_of_eulers_method(void **state) {
  (void)state;
  const double i = 17.0, dt = 0.5, tau_m = 20.0;
  float v = -3.0f;
  for (int n = 1; n <= 400; n++) {
    v = psac_lif_integrate(v, (float)i, (float)dt, (float)tau_m);
    assert_near((double)v, i + (-3.0 - i) * pow(1.0 - dt / tau_m, n), 1e-4);
  }
}

static void test_potential_that_equals_the_current_stays(void **state) {
  (void)state;
  for (float v = -100.0f; v < 100.0f; v += 0.37f) assert_true(psac_lif_integrate(v, v, 1.0f, 20.0f) == v);
}

static void test_one_retina_spike_of_the_notebook_lifts_both_kinds_over_the_threshold(void **state) {
  (void)state;
  assert_true(psac_lif_integrate(0.0f, 500.0f, 1.0f, 20.0f) == 25.0f);
  assert_true(psac_lif_integrate(0.0f, 500.0f, 1.0f, 10.0f) == 50.0f);
}

// ((i - v) * dt) / tau_m + v, each operation rounded: what PyTorch does with `v += (-v + I) * dt / tau`.
static void test_operations_are_rounded_in_the_notebooks_order(void **state) {
  (void)state;
  uint64_t random = 3;
  for (int k = 0; k < 100000; k++) {
    const float v = (float)(next_uniform(&random) * 40.0 - 20.0), i = (float)(next_uniform(&random) * 2000.0 - 1000.0);
    const float dt = (float)(next_uniform(&random) + 0.1), tau_m = (float)(next_uniform(&random) * 30.0 + 1.0);
    volatile float difference = i - v;
    volatile float product = difference * dt;
    volatile float quotient = product / tau_m;
    volatile float expected = v + quotient;
    assert_true(psac_lif_integrate(v, i, dt, tau_m) == expected);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_potential_follows_the_closed_form_of_eulers_method),
      cmocka_unit_test(test_potential_that_equals_the_current_stays),
      cmocka_unit_test(test_one_retina_spike_of_the_notebook_lifts_both_kinds_over_the_threshold),
      cmocka_unit_test(test_operations_are_rounded_in_the_notebooks_order),
  };
  return cmocka_run_group_tests_name("lif", tests, NULL, NULL);
}
