// config: what a configuration file or --set may say, and what a person reads who made a mistake.
#include "config/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static psac_config config;  // the defaults, at the start of every test

static int start_from_defaults(void **state) {
  (void)state;
  return psac_config_defaults(&config) != PSAC_OK;
}

static psac_status overlay(const char *text) { return psac_config_overlay(&config, text, strlen(text), "x.yaml"); }

// Reads a whole file; the caller frees the result.
static char *contents(const char *path) {
  FILE *file = fopen(path, "rb");
  assert_non_null(file);
  char *text = calloc(1, 1 << 16);
  assert_true(fread(text, 1, (1 << 16) - 1, file) > 0);
  fclose(file);
  return text;
}

static void assert_message_has(const char *part) {
  if (strstr(psac_fail_message(), part) == NULL) fail_msg("\"%s\" lacks \"%s\"", psac_fail_message(), part);
}

// The call failed because of its input, with exactly this message, which is one line.
static void assert_refused(psac_status status, const char *message) {
  assert_int_equal(status, PSAC_ERR_INPUT);
  assert_string_equal(psac_fail_message(), message);
  assert_null(strchr(psac_fail_message(), '\n'));
}

typedef struct refusal {
  const char *input;
  const char *message;
} refusal;

static void assert_overlays_refused(const refusal *refusals, size_t n) {
  const psac_config before = config;
  for (size_t i = 0; i < n; i++) {
    assert_refused(overlay(refusals[i].input), refusals[i].message);
    assert_memory_equal(&config, &before, sizeof config);
  }
}

static void assert_sets_refused(const refusal *refusals, size_t n) {
  const psac_config before = config;
  for (size_t i = 0; i < n; i++) {
    assert_refused(psac_config_set(&config, refusals[i].input), refusals[i].message);
    assert_memory_equal(&config, &before, sizeof config);
  }
}

#define COUNT(array) (sizeof(array) / sizeof *(array))

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
                           "network: {model: seed, weight_mean: 0.30000000000000004}\n"
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
  assert_int_equal(psac_config_set(&config, "network.model=seed"), PSAC_OK);
  assert_int_equal(config.network.model, PSAC_MODEL_SEED);
  assert_int_equal(psac_config_set(&config, "simulation.dt='.5' # quoted"), PSAC_OK);
  assert_true(config.simulation.dt == 0.5);
}

// --- what is refused ------------------------------------------------------------------------------------------------

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
      {"network:\n  model: brain\n", "x.yaml:2: network.model = \"brain\" is not an option; allowed: seed|psac"},
      {"network:\n  model: seed|psac\n",
       "x.yaml:2: network.model = \"seed|psac\" is not an option; allowed: seed|psac"},
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

// --- files ----------------------------------------------------------------------------------------------------------

static void test_seed_is_the_network_of_the_notebook(void **state) {
  (void)state;
  assert_int_equal(psac_config_overlay_file(&config, "seed"), PSAC_OK);
  assert_int_equal(config.network.model, PSAC_MODEL_SEED);
  assert_true(config.network.weight_sd == 0.1);
  assert_true(config.network.uniform_current == 500.0);
  assert_true(config.output_layer.gain == 10.0);
  assert_true(config.actor_critic.gain == 0.0);
  assert_true(config.learning.learning_rate == 0.001);
  assert_int_equal(config.learning.rate_scaling, PSAC_RATE_AS_IS);
  assert_int_equal(config.training.batch_size, 1);
  assert_int_equal(config.middle_layer.num_neurons, 5000);
  assert_int_equal(psac_config_check(&config, 1), PSAC_OK);
}

static void test_built_in_names_equal_the_files_of_the_repository(void **state) {
  (void)state;
  static const char *const names[] = {"psac", "seed", "quick"};
  for (size_t i = 0; i < COUNT(names); i++) {
    char path[512];
    snprintf(path, sizeof path, "%s/configs/%s.yaml", PSAC_SOURCE_DIR, names[i]);
    psac_config from_file = config, built_in = config;
    assert_int_equal(psac_config_overlay_file(&from_file, path), PSAC_OK);
    assert_int_equal(psac_config_overlay_file(&built_in, names[i]), PSAC_OK);
    assert_memory_equal(&from_file, &built_in, sizeof config);
    assert_int_equal(psac_config_check(&built_in, 4), PSAC_OK);
  }
}

static void test_a_file_goes_before_a_built_in_name_and_a_folder_does_not(void **state) {
  (void)state;
  char folder[] = "/tmp/psac_test_config_XXXXXX", home[4096];
  assert_non_null(getcwd(home, sizeof home));
  assert_non_null(mkdtemp(folder));
  assert_int_equal(chdir(folder), 0);
  assert_int_equal(mkdir("seed", 0700), 0);
  FILE *file = fopen("quick", "w");
  assert_non_null(file);
  fputs("training: {num_epochs: 77}\n", file);
  fclose(file);
  const psac_status seed = psac_config_overlay_file(&config, "seed");
  const psac_status quick = psac_config_overlay_file(&config, "quick");
  remove("quick");
  rmdir("seed");
  assert_int_equal(chdir(home), 0);
  rmdir(folder);
  assert_int_equal(seed, PSAC_OK);
  assert_int_equal(config.network.model, PSAC_MODEL_SEED);
  assert_int_equal(quick, PSAC_OK);
  assert_int_equal(config.training.num_epochs, 77);
}

static void test_files_that_cannot_be_read_are_named(void **state) {
  (void)state;
  assert_int_equal(psac_config_overlay_file(&config, "no/such.yaml"), PSAC_ERR_INPUT);
  assert_message_has("no/such.yaml: cannot open: No such file or directory");
  assert_int_equal(psac_config_overlay_file(&config, "/"), PSAC_ERR_INPUT);
  assert_message_has("/: cannot read: Is a directory");
  assert_int_equal(psac_config_overlay_file(&config, "/dev/zero"), PSAC_ERR_INPUT);
  assert_message_has("/dev/zero: longer than 65536 bytes");
}

// --- contradictions -------------------------------------------------------------------------------------------------

static void test_check_names_the_keys_that_contradict_each_other(void **state) {
  (void)state;
  static const struct {
    const char *assignments[3];
    const char *message;
  } cases[] = {
      {{"simulation.t_skip=1200"},
       "simulation.t_skip = 1200 ms leaves no timestep to count spikes in; it has to be less than simulation.t_total = "
       "1200 ms by at least simulation.dt = 1 ms"},
      {{"simulation.t_skip=1199.5"},
       "simulation.t_skip = 1199.5 ms leaves no timestep to count spikes in; it has to be less than simulation.t_total "
       "= "
       "1200 ms by at least simulation.dt = 1 ms"},
      {{"simulation.dt=10", "simulation.t_total=9", "simulation.t_skip=0"},
       "simulation.t_total = 9 ms is less than one timestep, simulation.dt = 10 ms"},
      {{"simulation.dt=0.01", "simulation.t_total=20000"},
       "simulation.t_total = 20000 ms is 2000000 timesteps of simulation.dt = 0.01 ms; at most 1000000 are possible"},
      {{"neuron.v_rest=18"}, "neuron.v_rest = 18 mV has to be below neuron.v_thresh = 18 mV"},
      {{"neuron.v_reset=20"}, "neuron.v_reset = 20 mV has to be below neuron.v_thresh = 18 mV"},
      {{"output_layer.v_floor=0", "neuron.v_rest=-5"},
       "output_layer.v_floor = 0 mV has to be at most -5 mV, the lower of neuron.v_rest and neuron.v_reset"},
      {{"neuron.v_reset=-70", "output_layer.v_floor=-80"},
       "actor_critic.v_floor = -60 mV has to be at most -70 mV, the lower of neuron.v_rest and neuron.v_reset"},
      {{"middle_layer.num_neurons=3"},
       "middle_layer.num_neurons = 3 is less than the 4 ranks of this run; every rank needs at least one neuron"},
      {{"retina.pool_size=20", "retina.input_size=[28, 19]"},
       "retina.pool_size = 20 and retina.stride = 2 have to be at most the smaller side of retina.input_size = [28, "
       "19]"},
      {{"retina.stride=29"},
       "retina.pool_size = 2 and retina.stride = 29 have to be at most the smaller side of retina.input_size = [28, "
       "28]"},
      {{"receptive_field.size=15"},
       "receptive_field.size = 15 does not fit the retina of 14 x 14 pooled pixels (retina.input_size / "
       "retina.stride)"},
      {{"simulation.t_total=20", "simulation.t_skip=0", "recurrence.delay=20"},
       "recurrence.delay = 20 steps has to be less than the 20 steps of a presentation (simulation.t_total / "
       "simulation.dt)"},
      {{"network.model=seed"},
       "training.batch_size = 64 has to be 1 for network.model = seed, because its weights change within a trial"},
  };
  for (size_t i = 0; i < COUNT(cases); i++) {
    start_from_defaults(state);
    for (size_t j = 0; j < 3 && cases[i].assignments[j] != NULL; j++)
      assert_int_equal(psac_config_set(&config, cases[i].assignments[j]), PSAC_OK);
    assert_refused(psac_config_check(&config, 4), cases[i].message);
  }
}

static void test_a_single_neuron_cannot_have_recurrent_synapses(void **state) {
  (void)state;
  assert_int_equal(psac_config_set(&config, "middle_layer.num_neurons=1"), PSAC_OK);
  assert_refused(psac_config_check(&config, 1),
                 "recurrence.in_degree = 50 needs middle_layer.num_neurons of at least 2: "
                 "no neuron has a synapse onto itself");
  assert_int_equal(psac_config_set(&config, "recurrence.in_degree=0"), PSAC_OK);
  assert_int_equal(psac_config_check(&config, 1), PSAC_OK);
}

static void test_model_seed_ignores_what_only_psac_has(void **state) {
  (void)state;
  assert_int_equal(psac_config_overlay_file(&config, "seed"), PSAC_OK);
  assert_int_equal(psac_config_set(&config, "recurrence.in_degree=50"), PSAC_OK);
  assert_int_equal(psac_config_set(&config, "recurrence.delay=1000"), PSAC_OK);
  assert_int_equal(psac_config_set(&config, "simulation.t_total=300"), PSAC_OK);
  assert_int_equal(psac_config_set(&config, "receptive_field.size=64"), PSAC_OK);
  assert_int_equal(psac_config_check(&config, 1), PSAC_OK);
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
  assert_string_equal(text, "learning.rate_schedule = step (was linear), retina.input_size = [28, 20] (was [28, 28]), "
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

#define TEST(name) cmocka_unit_test_setup(name, start_from_defaults)

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
      TEST(test_seed_is_the_network_of_the_notebook),
      TEST(test_built_in_names_equal_the_files_of_the_repository),
      TEST(test_a_file_goes_before_a_built_in_name_and_a_folder_does_not),
      TEST(test_files_that_cannot_be_read_are_named),
      TEST(test_check_names_the_keys_that_contradict_each_other),
      TEST(test_a_single_neuron_cannot_have_recurrent_synapses),
      TEST(test_model_seed_ignores_what_only_psac_has),
      TEST(test_differences_are_listed_with_both_values),
      TEST(test_durations_become_the_steps_that_cover_them),
      TEST(test_derived_integers_follow_the_notebook),
  };
  return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
