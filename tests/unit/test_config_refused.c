// config: what a person reads who made a mistake in a configuration file or in --set.
#include <unistd.h>

#include "config_case.h"

static void test_unknown_names_are_answered_with_the_nearest(void **state) {
  (void)state;
  static const refusal overlays[] = {
      {"# a\n\nmiddle_layer:\n  num_neuron: 3\n",
       "x.yaml:4: middle_layer.num_neuron is not a key; the nearest is middle_layer.num_neurons"},
      {"simulation: {batch_size: 3}\n",  // in another section
       "x.yaml:1: simulation.batch_size is not a key; the nearest is training.batch_size"},
      {"middle_layer: {tau_m: 3}\n",
       "x.yaml:1: middle_layer.tau_m is not a key; the nearest is middle_layer.tau_m_exc"},
      {"middle:\n  num_neurons: 3\n", "x.yaml:1: middle is not a section; the nearest is middle_layer"},
      {"num_epochs: 3\n", "x.yaml:1: num_epochs is not a section; the nearest is training.num_epochs"},
      {"neuron: {'': 3}\n", "x.yaml:1: neuron. is not a key; the nearest is neuron.v_rest"},
  };
  assert_overlays_refused(overlays, COUNT(overlays));
  static const refusal sets[] = {
      {"output.num_neuron=3",
       "--set output.num_neuron=3: output.num_neuron is not a key; the nearest is output_layer.num_neurons"},
      {"num_epochs=3", "--set num_epochs=3: num_epochs is not a key; the nearest is training.num_epochs"},
      {"learning.rate", "--set learning.rate: has to be section.key=value"},
      {"learning\n.rate=1", "--set learning: has to be section.key=value"},
  };
  assert_sets_refused(sets, COUNT(sets));
}

static void test_values_of_the_wrong_type_are_refused_with_what_is_allowed(void **state) {
  (void)state;
  static const refusal overlays[] = {
      {"simulation:\n  dt: fast\n", "x.yaml:2: simulation.dt = \"fast\" is not a number; allowed: 0.01 to 10 ms"},
      {"simulation:\n  dt:\n", "x.yaml:2: simulation.dt = \"\" is not a number; allowed: 0.01 to 10 ms"},
      {"simulation:\n  dt: [1]\n",
       "x.yaml:2: simulation.dt has to be one value, but here is a list; allowed: 0.01 to 10 ms"},
      {"training:\n  batch_size: {a: 1}\n",
       "x.yaml:2: training.batch_size has to be one value, but here is a mapping; allowed: 1 to 65536 trials"},
      {"network:\n  model: brain\n", "x.yaml:2: network.model = \"brain\" is not an option; allowed: notebook|psac"},
      {"network:\n  model: notebook|psac\n",
       "x.yaml:2: network.model = \"notebook|psac\" is not an option; allowed: notebook|psac"},
      {"retina:\n  input_size: 28\n",
       "x.yaml:2: retina.input_size has to be a list, but here is one value; allowed: each 1 to 64 pixels"},
      {"retina:\n  input_size: [28]\n",
       "x.yaml:2: retina.input_size takes 2 values, not 1; allowed: each 1 to 64 pixels"},
      {"record:\n  trials:\n    - 1\n    - x\n",
       "x.yaml:4: record.trials = \"x\" is not an integer; allowed: each 0 to 1000000000 trials"},
      {"record:\n  trials: [[1]]\n",
       "x.yaml:2: record.trials holds a list or a mapping; allowed: each 0 to 1000000000 trials"},
  };
  assert_overlays_refused(overlays, COUNT(overlays));
  static const refusal sets[] = {
      {"simulation.dt=fast",
       "--set simulation.dt=fast: simulation.dt = \"fast\" is not a number; allowed: 0.01 to 10 ms"},
      {"learning.power_mu=",
       "--set learning.power_mu=: learning.power_mu has to be one value, but here is nothing; allowed: 0 to 10"},
  };
  assert_sets_refused(sets, COUNT(sets));
}

static void test_only_decimal_numbers_are_numbers(void **state) {
  (void)state;
  static const char *const words[] = {"nan",   "inf", "-.inf", "0x10", "1_000", "1,5", "1e",
                                      "1.5.2", "--1", "- 1",   "1 2",  "e5",    ".",   "1f"};
  for (size_t i = 0; i < COUNT(words); i++) {
    char text[64];
    snprintf(text, sizeof text, "simulation: {dt: '%s'}", words[i]);
    assert_int_equal(overlay(text), PSAC_ERR_INPUT);
    assert_message_has("is not a number");
    snprintf(text, sizeof text, "training: {num_epochs: '%s'}", words[i]);
    assert_int_equal(overlay(text), PSAC_ERR_INPUT);
    assert_message_has("is not an integer");
  }
  static const char *const fractions[] = {"1.5", "1e-1", "1000000.5", "15e-1"};
  for (size_t i = 0; i < COUNT(fractions); i++) {
    char text[64];
    snprintf(text, sizeof text, "training.num_epochs=%s", fractions[i]);
    assert_int_equal(psac_config_set(&config, text), PSAC_ERR_INPUT);
    assert_message_has("is not an integer; allowed: 0 to 100000 epochs");
  }
}

static void test_numbers_out_of_range_are_refused_with_the_range(void **state) {
  (void)state;
  static const refusal overlays[] = {
      {"learning:\n  power_mu: 11\n", "x.yaml:2: learning.power_mu = 11 is out of range; allowed: 0 to 10"},
      {"learning:\n  power_mu: 1e999\n", "x.yaml:2: learning.power_mu = 1e999 is out of range; allowed: 0 to 10"},
      {"learning:\n  mean_rate: 0\n", "x.yaml:2: learning.mean_rate = 0 is out of range; allowed: 0.000001 to 1"},
      {"simulation:\n  seed: -1\n",
       "x.yaml:2: simulation.seed = -1 is out of range; allowed: 0 to 9223372036854775807"},
      {"simulation:\n  seed: 9223372036854775808\n",
       "x.yaml:2: simulation.seed = 9223372036854775808 is out of range; allowed: 0 to 9223372036854775807"},
      {"simulation:\n  seed: 1e30\n",
       "x.yaml:2: simulation.seed = 1e30 is out of range; allowed: 0 to 9223372036854775807"},
      {"retina:\n  input_size: [28, 65]\n",
       "x.yaml:2: retina.input_size = 65 is out of range; allowed: each 1 to 64 pixels"},
      {"record:\n  trials: [-1]\n",
       "x.yaml:2: record.trials = -1 is out of range; allowed: each 0 to 1000000000 trials"},
  };
  assert_overlays_refused(overlays, COUNT(overlays));
}

static void test_a_key_or_section_named_twice_is_refused(void **state) {
  (void)state;
  static const refusal overlays[] = {
      {"simulation:\n  dt: 1\n  seed: 2\n  dt: 1\n",
       "x.yaml:4: simulation.dt is named a second time; the first is in line 2"},
      {"simulation:\n  dt: 1\nneuron: {}\nsimulation:\n  seed: 1\n",
       "x.yaml:4: simulation is named a second time; the first is in line 1"},
  };
  assert_overlays_refused(overlays, COUNT(overlays));
}

static void test_texts_of_another_structure_are_refused(void **state) {
  (void)state;
  static const refusal overlays[] = {
      {"hello", "x.yaml:1: a configuration consists of sections, as in \"simulation:\""},
      {"\n- simulation\n", "x.yaml:2: a configuration consists of sections, as in \"simulation:\""},
      {"simulation: 5\n",
       "x.yaml:1: simulation is a section; its keys belong below it, indented, as in \"  key: value\""},
      {"simulation: [dt]\n",
       "x.yaml:1: simulation is a section; its keys belong below it, indented, as in \"  key: value\""},
      {"? [a]\n: 1\n", "x.yaml:1: a section has to be a name"},
      {"simulation:\n  ? {a: 1}\n  : 1\n", "x.yaml:2: a key of section simulation has to be a name"},
      {"simulation:\n  dt: 1\n---\nneuron:\n", "x.yaml:3: a second YAML document begins; only one is read"},
      {"simulation: &a {dt: 1}\n", "x.yaml:1: YAML anchors (&), aliases (*) and tags (!) are not read here"},
      {"simulation:\n  dt: *a\n", "x.yaml:2: YAML anchors (&), aliases (*) and tags (!) are not read here"},
      {"simulation:\n  dt: !!int 1\n", "x.yaml:2: YAML anchors (&), aliases (*) and tags (!) are not read here"},
      {"simulation:\n  dt: |\n    1\n    2\n", "x.yaml:3: a name or value of several lines"},
  };
  assert_overlays_refused(overlays, COUNT(overlays));
  assert_refused(psac_config_set(&config, "simulation.dt=1\n---\n2"),
                 "--set simulation.dt=1: a second YAML document begins; only one is read");
}

static void test_long_names_and_values_are_refused(void **state) {
  (void)state;
  char text[400];
  snprintf(text, sizeof text, "simulation:\n  dt: %0200d\n", 1);
  assert_refused(overlay(text), "x.yaml:2: a name or value of 200 bytes; none needs more than 127");
  snprintf(text, sizeof text, "%0200d.%0100d=1", 1, 1);
  assert_int_equal(psac_config_set(&config, text), PSAC_ERR_INPUT);
  assert_message_has("is not a key; the nearest is ");
}

static void test_deep_nesting_is_refused_at_the_first_level(void **state) {
  (void)state;
  char *text = malloc(50001);
  assert_non_null(text);
  memset(text, '[', 50000);
  text[50000] = '\0';
  assert_refused(overlay(text), "x.yaml:1: a configuration consists of sections, as in \"simulation:\"");
  memcpy(text, "record: {trials: ", 17);
  assert_refused(overlay(text),
                 "x.yaml:1: record.trials holds a list or a mapping; allowed: each 0 to 1000000000 trials");
  free(text);
}

static void test_bytes_that_are_not_plain_text_are_refused(void **state) {
  (void)state;
  static const struct {
    const char *text;
    size_t n_bytes;
    const char *where;
  } cases[] = {
      {"simulation:\n  dt: 1\0\n", 21, "x.yaml:2: byte 0x00"},
      {"a\n\xff\n", 4, "x.yaml:2: byte 0xff"},
      {"# \xc3(\n", 5, "x.yaml:1: byte 0xc3"},
      {"# \xc0\xaf\n", 5, "x.yaml:1: byte 0xc0"},
      {"# \xed\xa0\x80\n", 6, "x.yaml:1: byte 0xed"},
      {"# \xf4\x90\x80\x80", 6, "x.yaml:1: byte 0xf4"},
      {"# \xe2\x82", 4, "x.yaml:1: byte 0xe2"},
      {"\xff\xfe"
       "a\0",
       4, "x.yaml:1: byte 0xff"},
      {"\n\tneuron:", 9, "x.yaml:2: byte 0x09"},
      {"\"\\u12\"", 6, "x.yaml:1: byte 0x5c"},
      {"%YAML 9.9\n---\n", 14, "x.yaml:1: byte 0x25"},
      {"# \x1b[31m", 7, "x.yaml:1: byte 0x1b"},
      {"neuron:\rretina:", 15, "x.yaml:1: byte 0x0d"},
      {"# \xc2\x9b", 4, "x.yaml:1: byte 0xc2"},
  };
  for (size_t i = 0; i < COUNT(cases); i++) {
    assert_int_equal(psac_config_overlay(&config, cases[i].text, cases[i].n_bytes, "x.yaml"), PSAC_ERR_INPUT);
    assert_message_has(cases[i].where);
    assert_message_has("UTF-8 text without tabs, backslashes and directives");
  }
  assert_int_equal(overlay("# \xc3\xa9 \xe2\x82\xac \xf0\x9f\xa7\xa0, 80 % of it\r\n"), PSAC_OK);
}

static void test_syntax_errors_give_one_line_and_leave_standard_error_alone(void **state) {
  (void)state;
  FILE *capture = tmpfile();
  assert_non_null(capture);
  fflush(stderr);
  const int terminal = dup(STDERR_FILENO);
  dup2(fileno(capture), STDERR_FILENO);
  static const refusal overlays[] = {
      {"simulation:\n  dt: [1\n",
       "x.yaml:2: simulation.dt has to be one value, but here is a list; allowed: 0.01 to 10 ms"},
      {"simulation:\n  dt: 1: 2\n", "x.yaml:2: not YAML: invalid nested block mapping on the same line"},
      {"simulation:\n  dt: 1\n seed: 2\n", "x.yaml:3: not YAML: invalid indentation in mapping"},
      {"simulation:\n  dt: \"1\n", "x.yaml:2: not YAML: double-quoted scalar without closing quote"},
      {"record:\n  trials: [1, 2\n", "x.yaml:3: not YAML: flow sequence without a closing bracket"},
      {"]", "x.yaml:1: not YAML: flow sequence with invalid extra closing bracket"},
  };
  assert_overlays_refused(overlays, COUNT(overlays));
  assert_refused(psac_config_set(&config, "record.trials=[1"),
                 "--set record.trials=[1: not YAML: flow sequence without a closing bracket");
  fflush(stderr);
  dup2(terminal, STDERR_FILENO);
  close(terminal);
  assert_int_equal(lseek(fileno(capture), 0, SEEK_END), 0);
  fclose(capture);
}

static void test_a_failed_overlay_changes_nothing(void **state) {
  (void)state;
  const psac_config before = config;
  assert_int_equal(overlay("simulation:\n  seed: 7\n  dt: 0.5\nneuron:\n  v_rest: none\n"), PSAC_ERR_INPUT);
  assert_memory_equal(&config, &before, sizeof config);
  assert_int_equal(psac_config_set(&config, "retina.input_size=[14, 0]"), PSAC_ERR_INPUT);
  assert_memory_equal(&config, &before, sizeof config);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(test_unknown_names_are_answered_with_the_nearest),
      TEST(test_values_of_the_wrong_type_are_refused_with_what_is_allowed),
      TEST(test_only_decimal_numbers_are_numbers),
      TEST(test_numbers_out_of_range_are_refused_with_the_range),
      TEST(test_a_key_or_section_named_twice_is_refused),
      TEST(test_texts_of_another_structure_are_refused),
      TEST(test_long_names_and_values_are_refused),
      TEST(test_deep_nesting_is_refused_at_the_first_level),
      TEST(test_bytes_that_are_not_plain_text_are_refused),
      TEST(test_syntax_errors_give_one_line_and_leave_standard_error_alone),
      TEST(test_a_failed_overlay_changes_nothing),
  };
  return cmocka_run_group_tests_name("config_refused", tests, NULL, NULL);
}
