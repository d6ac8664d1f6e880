// The time model: its sums, monotonicity, the choice of replicas, and hardware profiles.
#include "check.h"
#include "shards.h"
#include "src/plan/cost.h"

static psac_hardware profile(const char *name) {
  psac_hardware hardware;
  assert_ok(psac_hardware_find(name, &hardware));
  return hardware;
}

static psac_config network_of(int64_t n_neurons, int64_t batch) {
  psac_config config = shards_config(n_neurons, 1200, 0);
  config.training.batch_size = batch;
  return config;
}

static double trial_of(const psac_config *config, int64_t n_ranks, int64_t n_replicas, const char *name) {
  const psac_hardware hardware = profile(name);
  psac_cost cost;
  psac_cost_estimate(config, n_ranks, n_replicas, &hardware, NULL, &cost);
  return psac_cost_trial(&cost);
}

static void assert_same(double a, double b) { assert_true(fabs(a - b) <= 1e-12 * fmax(fabs(a), fabs(b))); }

static void check_sums(const psac_config *config, int64_t n_ranks, int64_t n_replicas, const char *name) {
  const psac_hardware hardware = profile(name);
  psac_cost cost;
  psac_cost_estimate(config, n_ranks, n_replicas, &hardware, NULL, &cost);
  assert_in_range(cost.n_items, 7, PSAC_COST_ITEMS);
  double by_item = 0.0, by_stage = 0.0, by_part = 0.0;
  for (int k = 0; k < cost.n_items; k++) {
    const psac_cost_item *item = &cost.item[k];
    double parts = 0.0;
    for (int p = 0; p < PSAC_N_COST_PARTS; p++) {
      assert_true(item->part[p] >= 0.0 && isfinite(item->part[p]));
      parts += item->part[p];
    }
    assert_same(parts, item->seconds);
    assert_true(item->floor > 0.0 || item->bytes == 0.0 || item->seconds == 0.0);
    if (item->floor > item->seconds * (1.0 + 1e-12)) {
      fail_msg("%s of %s: floor %g, expected %g", item->name, name, item->floor, item->seconds);
    }
    by_item += item->seconds;
  }
  for (int s = 0; s < PSAC_N_STAGES; s++) by_stage += cost.stage[s];
  for (int p = 0; p < PSAC_N_COST_PARTS; p++) by_part += cost.part[p];
  assert_same(by_item, cost.seconds);
  assert_same(by_stage, cost.seconds);
  assert_same(by_part, cost.seconds);
  assert_true(cost.seconds > 0.0 &&
              cost.part[psac_cost_dominant(cost.part)] * PSAC_N_COST_PARTS >= cost.seconds * (1.0 - 1e-12));
}

static void test_stages_parts_and_items_add_up_to_the_whole(void **state) {
  (void)state;
  static const char *const profiles[] = {"h100", "h200", "a100", "cpu"};
  for (size_t m = 0; m < COUNT(profiles); m++) {
    for (int64_t n = 9; n <= INT64_C(9000000000); n *= 10) {
      for (int64_t ranks = 1; ranks <= 4096 && ranks <= n; ranks *= 8) {
        psac_config config = network_of(n, 64);
        check_sums(&config, ranks, 1, profiles[m]);
        check_sums(&config, ranks, ranks < 64 ? ranks : 64, profiles[m]);
        config.recurrence.in_degree = 0;
        config.simulation.cuda_graph = 1;
        check_sums(&config, ranks, 1, profiles[m]);
      }
    }
  }
}

static void test_more_work_never_takes_less_time(void **state) {
  (void)state;
  static const char *const profiles[] = {"h100", "cpu"};
  for (size_t m = 0; m < COUNT(profiles); m++) {
    double last = 0.0;
    for (int64_t n = 1000; n <= INT64_C(1000000000); n *= 10) {
      psac_config config = network_of(n, 16);
      config.simulation.trials_together = 16;
      const double now = trial_of(&config, 8, 1, profiles[m]);
      assert_true(now >= last);
      last = now;
      config.recurrence.in_degree = 100;
      assert_true(trial_of(&config, 8, 1, profiles[m]) >= now);
      config.recurrence.in_degree = 50;
      config.recurrence.delay = 4;  // fewer, larger messages save latency but overlap less work
      if (n <= 100000) assert_true(trial_of(&config, 8, 1, profiles[m]) <= now);
    }
  }
}

static void test_higher_rates_take_more_time(void **state) {
  (void)state;
  const psac_hardware hardware = profile("h100");
  const psac_config config = network_of(1000000, 64);
  psac_conditions conditions = psac_conditions_default();
  psac_cost usual, busier;
  psac_cost_estimate(&config, 1, 1, &hardware, NULL, &usual);
  psac_cost_estimate(&config, 1, 1, &hardware, &conditions, &busier);
  assert_true(usual.seconds == busier.seconds);
  conditions.rate_exc *= 2.0;
  psac_cost_estimate(&config, 1, 1, &hardware, &conditions, &busier);
  assert_true(busier.seconds > usual.seconds);
  conditions.rate_exc = conditions.rate_inh = 1e9;  // no neuron spikes more than once in a step
  psac_cost_estimate(&config, 1, 1, &hardware, &conditions, &busier);
  assert_true(isfinite(busier.seconds));
}

static void test_a_batch_a_graph_and_nccl_save_time_on_a_gpu(void **state) {
  (void)state;
  psac_config config = network_of(5000, 1), larger = network_of(5000, 64);
  assert_true(trial_of(&larger, 1, 1, "h100") < 0.1 * trial_of(&config, 1, 1, "h100"));
  const double in_blocks = trial_of(&larger, 1, 1, "h100");
  larger.simulation.launch_per = PSAC_LAUNCH_PER_STEP;
  const double without = trial_of(&larger, 1, 1, "h100");
  assert_true(in_blocks < without);
  larger.simulation.cuda_graph = 1;
  assert_true(trial_of(&larger, 1, 1, "h100") <= without);
  const psac_hardware hardware = profile("h100");
  psac_conditions through_mpi = psac_conditions_default();
  through_mpi.through_mpi = 1;
  psac_cost nccl, mpi;
  psac_cost_estimate(&larger, 8, 1, &hardware, NULL, &nccl);
  psac_cost_estimate(&larger, 8, 1, &hardware, &through_mpi, &mpi);
  assert_true(nccl.stage[PSAC_STAGE_EXCHANGE] < mpi.stage[PSAC_STAGE_EXCHANGE]);
}

static void test_one_rank_sends_nothing(void **state) {
  (void)state;
  const psac_config config = network_of(5000, 64);
  const psac_hardware hardware = profile("h100");
  psac_cost cost;
  psac_cost_estimate(&config, 1, 1, &hardware, NULL, &cost);
  assert_true(cost.stage[PSAC_STAGE_EXCHANGE] == 0.0);
  for (int k = 0; k < cost.n_items; k++) assert_false(cost.item[k].is_message);
  psac_cost_estimate(&config, 8, 8, &hardware, NULL, &cost);  // replicas of one rank: only eligibilities are summed
  int n_messages = 0;
  for (int k = 0; k < cost.n_items; k++) n_messages += cost.item[k].is_message;
  assert_int_equal(n_messages, 1);
  assert_int_equal(cost.batch_share, 8);
  assert_int_equal(cost.n_shards, 1);
}

static void test_model_notebook_is_planned_for_memory_only(void **state) {
  (void)state;
  psac_config config = network_of(5000, 1);
  config.network.model = PSAC_MODEL_NOTEBOOK;
  const psac_hardware hardware = profile("cpu");
  psac_cost cost;
  psac_cost_estimate(&config, 2, 1, &hardware, NULL, &cost);
  assert_true(cost.n_items == 0 && cost.seconds == 0.0 && cost.plan.bytes > 0.0);
}

static void test_replicas_are_chosen_by_time_and_memory(void **state) {
  (void)state;
  const psac_hardware h100 = profile("h100");
  psac_config config = network_of(5000, 64);
  for (int64_t ranks = 1; ranks <= 512; ranks *= 2) {
    const int64_t best = psac_cost_best_replicas(&config, ranks, &h100, NULL);
    assert_true(ranks % best == 0 && best <= 64);
    for (int64_t r = 1; r <= ranks && r <= 64; r *= 2) {
      assert_true(trial_of(&config, ranks, best, "h100") <= trial_of(&config, ranks, r, "h100"));
    }
  }
  assert_int_equal(psac_cost_best_replicas(&config, 7, &h100, NULL), 7);
  config.training.batch_size = 1;
  assert_int_equal(psac_cost_best_replicas(&config, 64, &h100, NULL), 1);

  config = network_of(400000000, 64);  // too large for one GPU
  psac_cost cost;
  const int64_t best = psac_cost_best_replicas(&config, 64, &h100, NULL);
  psac_cost_estimate(&config, 64, 64, &h100, NULL, &cost);
  assert_false(psac_cost_fits(&cost, &h100));
  psac_cost_estimate(&config, 64, best, &h100, NULL, &cost);
  assert_true(psac_cost_fits(&cost, &h100));
  assert_ok(psac_sizes_check(&config, &cost.plan.sizes));
  const psac_config share = psac_plan_share(&config, best);
  const int64_t enough = psac_cost_ranks_to_fit(&share, 1, 4096, &h100);
  assert_true(enough > 1 && enough <= 64 / best);
  assert_int_equal(psac_cost_ranks_to_fit(&share, 1, enough - 1, &h100), 0);
}

static void refuse_profile(const char *text, const char *wanted, const char *part) {
  psac_hardware hardware;
  assert_int_equal(psac_hardware_read(text, strlen(text), "mine.yaml", wanted, &hardware), PSAC_ERR_INPUT);
  assert_message_has(part);
}

static void test_profiles_are_read_as_they_are_printed(void **state) {
  (void)state;
  static const char *const profiles[] = {"h100", "h200", "a100", "cpu"};
  for (size_t m = 0; m < COUNT(profiles); m++) {
    const psac_hardware hardware = profile(profiles[m]);
    assert_string_equal(hardware.name, profiles[m]);
    assert_int_equal(hardware.on_device, strcmp(profiles[m], "cpu") != 0);
    char *text = psac_hardware_print(&hardware, "a comment");
    assert_non_null(text);
    psac_hardware again;
    assert_ok(psac_hardware_read(text, strlen(text), "printed", NULL, &again));
    assert_memory_equal(&again, &hardware, sizeof hardware);
    free(text);
  }
}

static void test_wrong_profiles_are_refused(void **state) {
  (void)state;
  psac_hardware hardware;
  assert_int_equal(psac_hardware_find("abacus", &hardware), PSAC_ERR_INPUT);
  assert_message_has("abacus is not a hardware profile of");
  assert_message_has("h100, h200, a100, cpu");
  assert_int_equal(psac_hardware_find("/nowhere/mine.yaml:x", &hardware), PSAC_ERR_INPUT);
  assert_message_has("/nowhere/mine.yaml");
  refuse_profile("", NULL, "a hardware profile begins with its name");
  refuse_profile("mine: 3\n", NULL, "its keys belong below it");
  refuse_profile("mine: {backend: gpu}\n", NULL, "allowed: cpu, cuda");
  refuse_profile("mine: {backend: cpu}\n", NULL, "mine has no key memory");
  refuse_profile("mine: {memory: lots}\n", NULL, "mine.memory = \"lots\" is not a number");
  refuse_profile("mine: {memory: -1}\n", NULL, "mine.memory");
  refuse_profile("mine: {memory: 1, memory: 2}\n", NULL, "a second time");
  refuse_profile("mine: {speed: 1}\n", NULL, "mine.speed is not a key");
  const psac_hardware h100 = profile("h100");
  char *text = psac_hardware_print(&h100, "");
  refuse_profile(text, "h200", "h200 is not a hardware profile of mine.yaml; it has: h100");
  free(text);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_stages_parts_and_items_add_up_to_the_whole),
      cmocka_unit_test(test_more_work_never_takes_less_time),
      cmocka_unit_test(test_higher_rates_take_more_time),
      cmocka_unit_test(test_a_batch_a_graph_and_nccl_save_time_on_a_gpu),
      cmocka_unit_test(test_one_rank_sends_nothing),
      cmocka_unit_test(test_model_notebook_is_planned_for_memory_only),
      cmocka_unit_test(test_replicas_are_chosen_by_time_and_memory),
      cmocka_unit_test(test_profiles_are_read_as_they_are_printed),
      cmocka_unit_test(test_wrong_profiles_are_refused),
  };
  return cmocka_run_group_tests_name("cost", tests, NULL, NULL);
}
