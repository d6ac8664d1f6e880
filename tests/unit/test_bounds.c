// bounds: no integer sum of a run can overflow, or the run is refused before it begins.
#include "check.h"
#include "src/model/bounds.h"

static psac_config make_config(void) {
  psac_config config;
  assert_ok(psac_config_defaults(&config));
  return config;
}

static psac_config with(const char *assignment) {
  psac_config config = make_config();
  assert_ok(psac_config_set(&config, assignment));
  return config;
}

static void refuse(const psac_config *config, const char *part) {
  assert_int_equal(psac_bounds_check(config), PSAC_ERR_INPUT);
  assert_message_has(part);
}

static void test_the_defaults_fit_at_every_allowed_size(void **state) {
  (void)state;
  for (int64_t n = 1; n <= 8000000000; n = n < 4000000000 ? 10 * n : 2 * n) {
    psac_config config = make_config();
    config.middle_layer.num_neurons = n;
    assert_ok(psac_bounds_check(&config));
  }
  const psac_config most = with("middle_layer.num_neurons=8000000000");
  assert_ok(psac_bounds_check(&most));
}

static void test_spikes_are_as_many_as_the_refractory_period_allows(void **state) {
  (void)state;
  psac_config config = make_config();  // 1200 steps of 1 ms; 2 and 1 ms refractory
  assert_int_equal(psac_bounds_spikes(&config), 1200);
  config.middle_layer.refractory_inh = 2.0;
  assert_int_equal(psac_bounds_spikes(&config), 600);
  config.middle_layer.refractory_inh = config.middle_layer.refractory_exc = 7.0;
  assert_int_equal(psac_bounds_spikes(&config), 172);
  config.middle_layer.refractory_inh = 0.0;
  assert_int_equal(psac_bounds_spikes(&config), 1200);
}

static void test_long_presentations_of_large_networks_are_refused(void **state) {
  (void)state;
  psac_config config = with("simulation.t_total=1000000");
  config.middle_layer.num_neurons = 18014;  // 2^62 / (10^12 2^8)
  assert_ok(psac_bounds_check(&config));
  config.middle_layer.num_neurons = 18015;
  refuse(&config, "allowed: 18014 neurons");
  config.middle_layer.refractory_inh = 2.0;  // half of the spikes, a quarter of the sum
  assert_ok(psac_bounds_check(&config));
}

static void test_large_weights_of_large_networks_are_refused(void **state) {
  (void)state;
  psac_config config = with("network.weight_sd=0.2");  // up to 1.5
  config.middle_layer.num_neurons = 5726623060;        // 2^33 / 1.5
  assert_ok(psac_bounds_check(&config));
  config.middle_layer.num_neurons++;
  refuse(&config, "allowed: 5726623060 neurons");
}

static void test_the_notebooks_finer_sums_fit_fewer_neurons(void **state) {
  (void)state;
  psac_config config = with("network.model=notebook");  // weights of up to 1
  config.middle_layer.num_neurons = 1 << 26;            // 2^62 / 2^36
  assert_ok(psac_bounds_check(&config));
  assert_true(psac_bounds_weight(&config) == 1.0);
  config.middle_layer.num_neurons++;
  refuse(&config, "allowed: 67108864 neurons");
  config.middle_layer.num_neurons = 1 << 25;
  assert_true(psac_bounds_weight(&config) == 2.0);
}

static void test_weights_from_outside_are_limited_in_large_networks(void **state) {
  (void)state;
  psac_config config = make_config();
  assert_true(psac_bounds_weight(&config) == 2.0);
  config.middle_layer.num_neurons = INT64_C(1) << 31;
  assert_true(psac_bounds_weight(&config) == 2.0);
  config.middle_layer.num_neurons = INT64_C(1) << 32;
  assert_true(psac_bounds_weight(&config) < 2.0);
  config.middle_layer.num_neurons = 8000000000;
  const double limit = psac_bounds_weight(&config);
  assert_true(limit > 1.0 && limit * 8e9 <= 0x1p33);
  config.middle_layer.num_neurons = INT64_C(1) << 33;
  assert_true(psac_bounds_weight(&config) < 1.0);  // 2^33 weights of 2^30 steps are 2^63
}

static void test_wide_fields_of_large_networks_are_refused(void **state) {
  (void)state;
  psac_config config = with("receptive_field.norm=30000");
  assert_ok(psac_bounds_check(&config));
  config.receptive_field.size = 14;  // every neuron sees every pixel
  config.middle_layer.num_neurons = 1400000000;
  assert_ok(psac_bounds_check(&config));
  config.middle_layer.num_neurons = 1500000000;
  refuse(&config, "receptive_field.norm = 30000");
}

static void test_too_many_evaluation_images_are_refused(void **state) {
  (void)state;
  psac_config config = make_config();
  assert_ok(psac_bounds_check_images(&config, 800000));
  assert_int_equal(psac_bounds_check_images(&config, 1000000), PSAC_ERR_INPUT);
  assert_message_has("allowed: 894784");
  config = with("simulation.t_total=1000000");
  assert_ok(psac_bounds_check_images(&config, 1073));
  assert_int_equal(psac_bounds_check_images(&config, 1074), PSAC_ERR_INPUT);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_the_defaults_fit_at_every_allowed_size),
      cmocka_unit_test(test_spikes_are_as_many_as_the_refractory_period_allows),
      cmocka_unit_test(test_long_presentations_of_large_networks_are_refused),
      cmocka_unit_test(test_large_weights_of_large_networks_are_refused),
      cmocka_unit_test(test_the_notebooks_finer_sums_fit_fewer_neurons),
      cmocka_unit_test(test_weights_from_outside_are_limited_in_large_networks),
      cmocka_unit_test(test_wide_fields_of_large_networks_are_refused),
      cmocka_unit_test(test_too_many_evaluation_images_are_refused),
  };
  return cmocka_run_group_tests_name("bounds", tests, NULL, NULL);
}
