// config: files, built-in names, and keys that contradict each other.
#include <sys/stat.h>
#include <unistd.h>

#include "config_case.h"

// --- files ----------------------------------------------------------------------------------------------------------

static void test_the_network_of_the_notebook(void **state) {
  (void)state;
  assert_int_equal(psac_config_overlay_file(&config, "notebook"), PSAC_OK);
  assert_int_equal(config.network.model, PSAC_MODEL_NOTEBOOK);
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
  static const char *const names[] = {"psac", "classic", "notebook", "quick"};
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

static void test_the_notebook_keeps_its_old_name(void **state) {
  (void)state;
  psac_config by_old_name;
  assert_int_equal(psac_config_defaults(&config), PSAC_OK);
  by_old_name = config;
  assert_int_equal(psac_config_overlay_file(&config, "notebook"), PSAC_OK);
  assert_int_equal(psac_config_overlay_file(&by_old_name, "seed"), PSAC_OK);
  assert_memory_equal(&config, &by_old_name, sizeof config);
  assert_int_equal(config.network.model, PSAC_MODEL_NOTEBOOK);
  assert_int_equal(psac_config_set(&config, "network.model=psac"), PSAC_OK);
  assert_int_equal(psac_config_set(&config, "network.model=seed"), PSAC_OK);
  assert_int_equal(config.network.model, PSAC_MODEL_NOTEBOOK);
}

static void test_a_key_that_never_had_an_effect_is_accepted(void **state) {
  (void)state;
  psac_config before;
  assert_int_equal(psac_config_defaults(&config), PSAC_OK);
  before = config;
  static const char text[] = "actor_critic:\n  tau_r: 20.0\n  gamma: 0.5\n";
  assert_int_equal(psac_config_overlay(&config, text, sizeof text - 1, "text"), PSAC_OK);
  assert_true(config.actor_critic.gamma == 0.5);
  assert_int_equal(psac_config_set(&config, "actor_critic.tau_r=7"), PSAC_OK);
  config.actor_critic.gamma = before.actor_critic.gamma;
  assert_memory_equal(&config, &before, sizeof config);
}

static void test_a_file_goes_before_a_built_in_name_and_a_folder_does_not(void **state) {
  (void)state;
  char folder[] = "/tmp/psac_test_config_XXXXXX", home[4096];
  assert_non_null(getcwd(home, sizeof home));
  assert_non_null(mkdtemp(folder));
  assert_int_equal(chdir(folder), 0);
  assert_int_equal(mkdir("notebook", 0700), 0);
  FILE *file = fopen("quick", "w");
  assert_non_null(file);
  fputs("training: {num_epochs: 77}\n", file);
  fclose(file);
  const psac_status notebook = psac_config_overlay_file(&config, "notebook");
  const psac_status quick = psac_config_overlay_file(&config, "quick");
  remove("quick");
  rmdir("notebook");
  assert_int_equal(chdir(home), 0);
  rmdir(folder);
  assert_int_equal(notebook, PSAC_OK);
  assert_int_equal(config.network.model, PSAC_MODEL_NOTEBOOK);
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
      {{"network.model=notebook"},
       "training.batch_size = 64 has to be 1 for network.model = notebook, because its weights change within a trial"},
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

static void test_model_notebook_ignores_what_only_psac_has(void **state) {
  (void)state;
  assert_int_equal(psac_config_overlay_file(&config, "notebook"), PSAC_OK);
  assert_int_equal(psac_config_set(&config, "recurrence.in_degree=50"), PSAC_OK);
  assert_int_equal(psac_config_set(&config, "recurrence.delay=1000"), PSAC_OK);
  assert_int_equal(psac_config_set(&config, "simulation.t_total=300"), PSAC_OK);
  assert_int_equal(psac_config_set(&config, "receptive_field.size=64"), PSAC_OK);
  assert_int_equal(psac_config_check(&config, 1), PSAC_OK);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(test_the_network_of_the_notebook),
      TEST(test_built_in_names_equal_the_files_of_the_repository),
      TEST(test_the_notebook_keeps_its_old_name),
      TEST(test_a_key_that_never_had_an_effect_is_accepted),
      TEST(test_a_file_goes_before_a_built_in_name_and_a_folder_does_not),
      TEST(test_files_that_cannot_be_read_are_named),
      TEST(test_check_names_the_keys_that_contradict_each_other),
      TEST(test_a_single_neuron_cannot_have_recurrent_synapses),
      TEST(test_model_notebook_ignores_what_only_psac_has),
  };
  return cmocka_run_group_tests_name("config_files", tests, NULL, NULL);
}
