// config: the defaults, what a configuration file or --set may say, and what is printed and derived of it.
#include "config_case.h"

// Reads a whole file; the caller frees the result.
static char *contents(const char *path) {
  FILE *file = fopen(path, "rb");
  assert_non_null(file);
  char *text = calloc(1, 1 << 16);
  assert_true(fread(text, 1, (1 << 16) - 1, file) > 0);
  fclose(file);
  return text;
}

// --- defaults, printing ---------------------------------------------------------------------------------------------

static void test_defaults_are_the_network_that_learns(void **state) {
  (void)state;
  assert_int_equal(config.network.model, PSAC_MODEL_PSAC);
  assert_int_equal(config.middle_layer.num_neurons, 5000);
  assert_true(config.simulation.dt == 1.0);
  assert_true(config.recurrence.current_inh == -160.0);
  assert_int_equal(config.learning.rate_scaling, PSAC_RATE_PER_NEURON);
  assert_int_equal(config.retina.input_size[1], 28);
  assert_int_equal(config.record.trials.n, 2);
  assert_int_equal(config.record.trials.value[1], 1);
  assert_int_equal(psac_config_check(&config, 8), PSAC_OK);
}

static void test_printed_defaults_are_the_file_psac_yaml(void **state) {
  (void)state;
  char *printed, *file = contents(PSAC_SOURCE_DIR "/configs/psac.yaml");
  assert_int_equal(psac_config_print(&config, &printed), PSAC_OK);
  assert_string_equal(printed, file);
  free(printed);
  free(file);
}

static void test_printed_lines_fit_into_120_characters(void **state) {
  (void)state;
  char *printed;
  assert_int_equal(psac_config_print(&config, &printed), PSAC_OK);
  for (const char *line = printed; *line != '\0'; line += strcspn(line, "\n") + 1)
    assert_in_range(strcspn(line, "\n"), 0, 120);
  free(printed);
}

static void test_print_and_read_gives_the_same_bits(void **state) {
  (void)state;
  assert_int_equal(overlay("simulation: {seed: 9223372036854775807, dt: 0.1, t_total: 333.33333333333331}\n"
                           "neuron: {v_reset: -1e-300}\n"
                           "learning: {mean_rate: 1e-6, learning_rate: 3e-17}\n"
                           "network: {model: notebook, weight_mean: 0.30000000000000004}\n"
                           "record: {trials: [1000000000, 7]}\n"),
                   PSAC_OK);
  char *printed;
  assert_int_equal(psac_config_print(&config, &printed), PSAC_OK);
  psac_config again;
  assert_int_equal(psac_config_defaults(&again), PSAC_OK);
  assert_int_equal(psac_config_overlay(&again, printed, strlen(printed), "printed"), PSAC_OK);
  assert_memory_equal(&again, &config, sizeof config);
  free(printed);
}

static void test_printed_reals_are_short_and_look_like_reals(void **state) {
  (void)state;
  assert_int_equal(overlay("simulation: {dt: 0.1, t_total: 1e6}\nlearning: {mean_rate: 0.000001, rate_decay: 1}\n"),
                   PSAC_OK);
  char *printed;
  assert_int_equal(psac_config_print(&config, &printed), PSAC_OK);
  assert_non_null(strstr(printed, "  dt: 0.1 "));
  assert_non_null(strstr(printed, "  t_total: 1000000.0 "));
  assert_non_null(strstr(printed, "  mean_rate: 1e-06 "));
  assert_non_null(strstr(printed, "  rate_decay: 1.0 "));
  free(printed);
}

// --- what is read ---------------------------------------------------------------------------------------------------

static void test_overlay_changes_only_the_keys_that_it_names(void **state) {
  (void)state;
  psac_config expected = config;
  expected.middle_layer.num_neurons = 12;
  expected.retina.input_size[0] = 14;
  assert_int_equal(overlay("# mine\nmiddle_layer:\n  num_neurons: 12\n\nretina:\n  input_size:\n    - 14\n    - 28\n"),
                   PSAC_OK);
  assert_memory_equal(&config, &expected, sizeof config);
}

static void test_text_without_keys_changes_nothing(void **state) {
  (void)state;
  const psac_config before = config;
  static const char *const texts[] = {"",
                                      "\n",
                                      "# only a comment",
                                      "---\n",
                                      "simulation:\n  # dt: 2\nneuron:\n",
                                      "{}",
                                      "simulation: {}\n",
                                      "\xef\xbb\xbf# after a byte order mark\r\n"};
  for (size_t i = 0; i < COUNT(texts); i++) {
    assert_int_equal(overlay(texts[i]), PSAC_OK);
    assert_memory_equal(&config, &before, sizeof config);
  }
}

static void test_integers_may_be_written_as_whole_reals(void **state) {
  (void)state;
  assert_int_equal(psac_config_set(&config, "middle_layer.num_neurons=1e5"), PSAC_OK);
  assert_int_equal(config.middle_layer.num_neurons, 100000);
  assert_int_equal(psac_config_set(&config, "middle_layer.num_neurons=2500.0"), PSAC_OK);
  assert_int_equal(config.middle_layer.num_neurons, 2500);
  assert_int_equal(psac_config_set(&config, "simulation.seed=9223372036854775807"), PSAC_OK);
  assert_true(config.simulation.seed == INT64_MAX);
}

static void test_lists_are_sorted_and_hold_each_value_once(void **state) {
  (void)state;
  assert_int_equal(psac_config_set(&config, "record.trials=[5, 0, 1, 5, 1e1]"), PSAC_OK);
  static const int64_t expected[] = {0, 1, 5, 10};
  assert_int_equal(config.record.trials.n, COUNT(expected));
  assert_memory_equal(config.record.trials.value, expected, sizeof expected);
  assert_int_equal(psac_config_set(&config, "record.trials=[]"), PSAC_OK);
  assert_int_equal(config.record.trials.n, 0);
}

static void test_lists_take_64_values_and_no_more(void **state) {
  (void)state;
  char text[1024] = "record.trials=[0";
  for (int i = 1; i < PSAC_INT_LIST_MAX; i++) sprintf(text + strlen(text), ",%d", i);
  strcat(text, "]");
  assert_int_equal(psac_config_set(&config, text), PSAC_OK);
  assert_int_equal(config.record.trials.n, PSAC_INT_LIST_MAX);
  strcpy(text + strlen(text) - 1, ",0]");
  assert_int_equal(psac_config_set(&config, text), PSAC_ERR_INPUT);
  assert_message_has("record.trials has more than 64 values");
}

static void test_set_takes_yaml_values(void **state) {
  (void)state;
  assert_int_equal(psac_config_set(&config, "retina.input_size=[32, 30]"), PSAC_OK);
  assert_int_equal(config.retina.input_size[0], 32);
  assert_int_equal(config.retina.input_size[1], 30);
  assert_int_equal(psac_config_set(&config, "network.model=notebook"), PSAC_OK);
  assert_int_equal(config.network.model, PSAC_MODEL_NOTEBOOK);
  assert_int_equal(psac_config_set(&config, "simulation.dt='.5' # quoted"), PSAC_OK);
  assert_true(config.simulation.dt == 0.5);
}

// --- derived integers -----------------------------------------------------------------------------------------------

static void test_differences_are_listed_with_both_values(void **state) {
  (void)state;
  const char *const none[] = {NULL}, *const some[] = {"learning.", "training.batch_size", NULL};
  psac_config a, b;
  char *text;
  assert_int_equal(psac_config_defaults(&a), PSAC_OK);
  assert_int_equal(psac_config_defaults(&b), PSAC_OK);
  assert_int_equal(psac_config_differences(&a, &b, none, &text), PSAC_OK);
  assert_string_equal(text, "");
  free(text);
  assert_int_equal(psac_config_set(&a, "training.batch_size=5"), PSAC_OK);
  assert_int_equal(psac_config_set(&a, "learning.rate_schedule=step"), PSAC_OK);
  assert_int_equal(psac_config_set(&a, "record.trials=[7]"), PSAC_OK);
  assert_int_equal(psac_config_set(&a, "retina.input_size=[28, 20]"), PSAC_OK);
  assert_int_equal(psac_config_differences(&a, &b, none, &text), PSAC_OK);
  assert_string_equal(text,
                      "learning.rate_schedule = step (was linear), retina.input_size = [28, 20] (was [28, 28]), "
                      "training.batch_size = 5 (was 64), record.trials = [7] (was [0, 1])");
  free(text);
  assert_int_equal(psac_config_differences(&a, &b, some, &text), PSAC_OK);
  assert_string_equal(text, "retina.input_size = [28, 20] (was [28, 28]), record.trials = [7] (was [0, 1])");
  free(text);
}

static void test_durations_become_the_steps_that_cover_them(void **state) {
  (void)state;
  assert_int_equal(psac_config_steps(0.0, 1.0), 0);
  assert_int_equal(psac_config_steps(2.0, 1.0), 2);
  assert_int_equal(psac_config_steps(2.1, 1.0), 3);
  assert_int_equal(psac_config_steps(0.3, 0.1), 3);   // 2.9999999999999996 in floating point
  assert_int_equal(psac_config_steps(1.1, 0.1), 11);  // 11.000000000000002
  assert_int_equal(psac_config_steps(1.11, 0.1), 12);
}

static void test_derived_integers_follow_the_notebook(void **state) {
  (void)state;
  assert_int_equal(psac_config_n_steps(&config), 1200);
  assert_int_equal(psac_config_first_counted_step(&config), 200);
  assert_int_equal(psac_config_n_exc(&config), 4000);
  assert_int_equal(overlay("simulation: {dt: 0.7}\nmiddle_layer: {num_neurons: 13, ratio_exc: 0.75}\n"), PSAC_OK);
  assert_int_equal(psac_config_n_steps(&config), 1714);            // int(1200 / 0.7)
  assert_int_equal(psac_config_first_counted_step(&config), 286);  // 286 * 0.7 = 200.2
  assert_int_equal(psac_config_n_exc(&config), 9);                 // int(9.75)
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(test_defaults_are_the_network_that_learns),
      TEST(test_printed_defaults_are_the_file_psac_yaml),
      TEST(test_printed_lines_fit_into_120_characters),
      TEST(test_print_and_read_gives_the_same_bits),
      TEST(test_printed_reals_are_short_and_look_like_reals),
      TEST(test_overlay_changes_only_the_keys_that_it_names),
      TEST(test_text_without_keys_changes_nothing),
      TEST(test_integers_may_be_written_as_whole_reals),
      TEST(test_lists_are_sorted_and_hold_each_value_once),
      TEST(test_lists_take_64_values_and_no_more),
      TEST(test_set_takes_yaml_values),
      TEST(test_differences_are_listed_with_both_values),
      TEST(test_durations_become_the_steps_that_cover_them),
      TEST(test_derived_integers_follow_the_notebook),
  };
  return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
