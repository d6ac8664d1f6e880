// retina: pooling as the notebook does it, gain control, spike probabilities.
#include "check.h"
#include "kernels/retina_core.h"
#include "src/model/retina.h"

static psac_config config;

static void set_retina(int64_t height, int64_t width, int64_t pool, int64_t stride) {
  memset(&config, 0, sizeof config);
  config.simulation.dt = 1.0;
  config.retina.input_size[0] = height;
  config.retina.input_size[1] = width;
  config.retina.pool_size = pool;
  config.retina.stride = stride;
  config.retina.spike_rate_scaling = 200.0;
}

static void fill_random(uint8_t *image, size_t n) {
  uint64_t random = 4;
  for (size_t k = 0; k < n; k++) image[k] = (uint8_t)next_random(&random);
}

static void test_pooling_is_the_mean_of_each_window(void **state) {
  (void)state;
  static const uint8_t image[4 * 4] = {0, 255, 10, 20, 255, 0, 30, 40, 1, 0, 255, 255, 0, 0, 255, 255};
  static const float expected[4] = {127.5f / 255.0f, 25.0f / 255.0f, 0.25f / 255.0f, 1.0f};
  float pooled[4];
  set_retina(4, 4, 2, 2);
  psac_retina_pool(&config, image, pooled);
  assert_memory_equal(pooled, expected, sizeof expected);
}

static void test_rows_and_columns_beyond_the_last_whole_stride_are_dropped(void **state) {
  (void)state;
  uint8_t image[5 * 7];
  float pooled[2 * 3];
  int height, width;
  fill_random(image, sizeof image);
  set_retina(5, 7, 2, 2);
  psac_retina_size(&config, &height, &width);
  assert_int_equal(height, 2);
  assert_int_equal(width, 3);
  psac_retina_pool(&config, image, pooled);
  for (int y = 0; y < height; y++) {
    for (int x = 0; x < width; x++) {
      const uint8_t *corner = image + 2 * y * 7 + 2 * x;
      assert_true(pooled[y * width + x] == (float)((corner[0] + corner[1] + corner[7] + corner[8]) / 4.0) / 255.0f);
    }
  }
}

// As a slice of a numpy array is.
static void test_windows_that_reach_over_the_edge_are_cut_there(void **state) {
  (void)state;
  static const uint8_t image[4 * 4] = {9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 100, 50, 9, 9, 30, 20};
  float pooled[4];
  set_retina(4, 4, 3, 2);
  psac_retina_pool(&config, image, pooled);
  assert_true(pooled[3] == 50.0f / 255.0f);  // the mean of 100, 50, 30, 20
}

static void test_a_window_of_one_pixel_leaves_the_image(void **state) {
  (void)state;
  uint8_t image[64 * 64];
  static float pooled[64 * 64];
  fill_random(image, sizeof image);
  set_retina(64, 64, 1, 1);
  psac_retina_pool(&config, image, pooled);
  for (int k = 0; k < 64 * 64; k++) assert_true(pooled[k] == (float)image[k] / 255.0f);
}

static void test_thresholds_are_the_probability_per_step_in_steps_of_two_to_the_minus_32(void **state) {
  (void)state;
  assert_true(psac_retina_threshold(0.0, 1.0) == 0);
  assert_true(psac_retina_threshold(250.0, 1.0) == (uint64_t)1 << 30);
  assert_true(psac_retina_threshold(500.0, 0.5) == (uint64_t)1 << 30);
  assert_true(psac_retina_threshold(1e-4, 1.0) == 429);
}

static void test_probabilities_of_one_and_more_always_spike(void **state) {
  (void)state;
  static const double rates[] = {1000.0, 1000.1, 1e30};
  for (size_t k = 0; k < COUNT(rates); k++) {
    const uint64_t threshold = psac_retina_threshold(rates[k], 1.0);
    assert_true(threshold == (uint64_t)1 << 32);
    assert_true(psac_retina_spikes(UINT32_MAX, threshold));
  }
  assert_false(psac_retina_spikes(0, 0));
}

static void test_without_gain_control_rates_are_proportional_to_brightness(void **state) {
  (void)state;
  uint8_t image[4] = {0, 51, 102, 255};
  uint64_t threshold[4];
  set_retina(2, 2, 1, 1);
  psac_retina_thresholds(&config, image, threshold);
  for (int k = 0; k < 4; k++) assert_near((double)threshold[k] * 0x1p-32, 0.2 * image[k] / 255.0, 1e-7);
}

static void test_gain_control_makes_the_sum_of_rates_independent_of_brightness(void **state) {
  (void)state;
  uint8_t image[28 * 28];
  uint64_t threshold[14 * 14];
  set_retina(28, 28, 2, 2);
  config.retina.gain_control = 26.0;
  for (int brightness = 1; brightness <= 255; brightness += 127) {
    memset(image, 0, sizeof image);
    for (int k = 0; k < 28 * 28; k += 3) image[k] = (uint8_t)brightness;
    psac_retina_thresholds(&config, image, threshold);
    double sum = 0.0;
    for (int u = 0; u < 14 * 14; u++) sum += (double)threshold[u] * 0x1p-32;
    assert_near(sum, 26.0 * 0.2, 1e-6);
  }
}

static void test_a_black_image_never_spikes(void **state) {
  (void)state;
  const uint8_t image[28 * 28] = {0};
  uint64_t threshold[14 * 14];
  set_retina(28, 28, 2, 2);
  for (int gain = 0; gain < 2; gain++) {
    config.retina.gain_control = 26.0 * gain;
    psac_retina_thresholds(&config, image, threshold);
    for (int u = 0; u < 14 * 14; u++) assert_true(threshold[u] == 0);
  }
}

static void test_one_lit_pixel_saturates_under_gain_control(void **state) {
  (void)state;
  uint8_t image[28 * 28] = {0};
  uint64_t threshold[14 * 14];
  image[300] = 1;
  set_retina(28, 28, 2, 2);
  config.retina.gain_control = 26.0;
  psac_retina_thresholds(&config, image, threshold);
  uint64_t sum = 0;
  for (int u = 0; u < 14 * 14; u++) sum += threshold[u];
  assert_true(sum == (uint64_t)1 << 32);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_pooling_is_the_mean_of_each_window),
      cmocka_unit_test(test_rows_and_columns_beyond_the_last_whole_stride_are_dropped),
      cmocka_unit_test(test_windows_that_reach_over_the_edge_are_cut_there),
      cmocka_unit_test(test_a_window_of_one_pixel_leaves_the_image),
      cmocka_unit_test(test_thresholds_are_the_probability_per_step_in_steps_of_two_to_the_minus_32),
      cmocka_unit_test(test_probabilities_of_one_and_more_always_spike),
      cmocka_unit_test(test_without_gain_control_rates_are_proportional_to_brightness),
      cmocka_unit_test(test_gain_control_makes_the_sum_of_rates_independent_of_brightness),
      cmocka_unit_test(test_a_black_image_never_spikes),
      cmocka_unit_test(test_one_lit_pixel_saturates_under_gain_control),
  };
  return cmocka_run_group_tests_name("retina", tests, NULL, NULL);
}
