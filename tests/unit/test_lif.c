// lif_core, notebook_lif_core, alif_core: one step of the neuron models.
#include "check.h"
#include "kernels/models/models.h"

static void test_potential_follows_the_closed_form_of_eulers_method(void **state) {
  (void)state;
  const double i = 17.0, dt = 0.5, tau_m = 20.0;
  float v = -3.0f;
  for (int n = 1; n <= 400; n++) {
    v = psac_lif_integrate(v, (float)i, (float)(dt / tau_m));
    assert_near((double)v, i + (-3.0 - i) * pow(1.0 - dt / tau_m, n), 1e-4);
  }
}

static void test_potential_that_equals_the_current_stays(void **state) {
  (void)state;
  for (float v = -100.0f; v < 100.0f; v += 0.37f) assert_true(psac_lif_integrate(v, v, 0.05f) == v);
}

static void test_one_retina_spike_of_the_notebook_lifts_both_kinds_over_the_threshold(void **state) {
  (void)state;
  assert_true(psac_notebook_integrate(0.0f, 500.0f, 1.0f, 20.0f) == 25.0f);
  assert_true(psac_notebook_integrate(0.0f, 500.0f, 1.0f, 10.0f) == 50.0f);
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
    assert_true(psac_notebook_integrate(v, i, dt, tau_m) == expected);
  }
}

static const psac_neuron neuron = {.dt = 1.0f,
                                   .v_thresh = 18.0f,
                                   .v_reset = -1.0f,
                                   .parameter = {[PSAC_ALIF_DECAY] = 0.5f, [PSAC_ALIF_INCREMENT] = 8.0f}};

static void test_every_model_spikes_at_the_threshold_and_is_reset(void **state) {
  (void)state;
  static const struct {
    psac_neuron_model model;
    float leak;
  } models[] = {{PSAC_NEURON_LIF, 0.05f}, {PSAC_NEURON_ALIF, 0.05f}, {PSAC_NEURON_NOTEBOOK, 20.0f}};
  for (size_t k = 0; k < COUNT(models); k++) {
    float v = 0.0f, own[PSAC_NEURON_STATES_MAX] = {0.0f};
    assert_false(psac_neuron_step(models[k].model, &neuron, models[k].leak, 359.0f, 0, &v, own));
    assert_near((double)v, 17.95, 1e-5);
    assert_false(psac_neuron_step(models[k].model, &neuron, models[k].leak, 1000.0f, 1, &v, own));  // refractory
    assert_near((double)v, 17.95, 1e-5);
    assert_true(psac_neuron_step(models[k].model, &neuron, models[k].leak, 1000.0f, 0, &v, own));
    assert_true(v == -1.0f);
  }
}

static void test_a_spike_raises_the_threshold_which_decays(void **state) {
  (void)state;
  float v = 0.0f, a = 0.0f;
  assert_true(psac_alif_step(&neuron, 1.0f, 18.0f, 0, &v, &a));
  assert_true(a == 8.0f);
  assert_false(psac_alif_step(&neuron, 1.0f, 25.9f, 0, &v, &a));  // threshold 26, then 22
  assert_true(a == 4.0f && v == 25.9f);
  assert_true(psac_alif_step(&neuron, 1.0f, 22.0f, 0, &v, &a));
  assert_true(a == 10.0f);
  assert_false(psac_alif_step(&neuron, 1.0f, 100.0f, 1, &v, &a));  // refractory: the threshold decays as well
  assert_true(a == 5.0f && v == -1.0f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_potential_follows_the_closed_form_of_eulers_method),
      cmocka_unit_test(test_potential_that_equals_the_current_stays),
      cmocka_unit_test(test_one_retina_spike_of_the_notebook_lifts_both_kinds_over_the_threshold),
      cmocka_unit_test(test_operations_are_rounded_in_the_notebooks_order),
      cmocka_unit_test(test_every_model_spikes_at_the_threshold_and_is_reset),
      cmocka_unit_test(test_a_spike_raises_the_threshold_which_decays),
  };
  return cmocka_run_group_tests_name("lif", tests, NULL, NULL);
}
