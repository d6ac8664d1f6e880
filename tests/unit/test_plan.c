// The memory plan against what is really allocated, and at sizes that no machine here could hold.
#include "check.h"
#include "shards.h"
#include "src/model/network.h"
#include "src/plan/memory_plan.h"

static size_t allocated;

static psac_status counting_alloc(void **pointer, size_t n_bytes, const char *what) {
  allocated += n_bytes;
  return psac_backend_cpu.device->alloc(pointer, n_bytes, what);
}

static void check_plan(const psac_config *config, int n_ranks) {
  psac_backend backend = psac_backend_cpu;
  psac_device_ops device = *backend.device;
  device.alloc = counting_alloc;
  backend.device = &device;
  psac_transport transport = psac_transport_self;  // nothing is sent here
  transport.n_ranks = n_ranks;
  psac_network *network;
  allocated = 0;
  assert_ok(psac_network_create(config, &backend, &transport, &network));
  const double real = (double)allocated;
  const psac_plan plan = psac_plan_make(config, n_ranks, 0);
  assert_int_equal(plan.sizes.n_concurrent, network->n_concurrent);
  assert_int_equal(plan.sizes.n_words, network->shard.n_words);
  const double tolerance = network->shard.in_degree > 0 ? 0.03 : 0.0;  // connectivity is random, all else exact
  if (fabs(plan.bytes - real) > tolerance * real) {
    fail_msg("%lld neurons on %d ranks: planned %.0f, allocated %.0f", (long long)config->middle_layer.num_neurons,
             n_ranks, plan.bytes, real);
  }
  psac_network_destroy(&network);
}

static void test_the_plan_is_what_is_allocated(void **state) {
  (void)state;
  static const int64_t sizes[] = {5000, 20011, 100000};
  for (size_t k = 0; k < COUNT(sizes); k++) {
    for (int ranks = 1; ranks <= 64; ranks *= 4) {
      psac_config config = shards_config(sizes[k], 1200, 8);
      check_plan(&config, ranks);
      config.recurrence.in_degree = 0;
      check_plan(&config, ranks);
      config.recurrence.in_degree = 50;
      config.network.model = PSAC_MODEL_NOTEBOOK;
      config.training.batch_size = 1;
      check_plan(&config, ranks);
    }
  }
}

static void test_ten_billion_neurons_on_a_hundred_thousand_ranks_can_be_planned(void **state) {
  (void)state;
  const int64_t n_neurons = INT64_C(10000000000), n_ranks = 100000;
  int64_t next = 0;
  for (int64_t rank = 0; rank < n_ranks; rank++) {
    const psac_layout layout = psac_layout_make(n_neurons, n_ranks, rank);
    assert_int_equal(layout.first_gid, next);
    assert_in_range(layout.n_local, 99992, 64 * layout.n_words);
    next += layout.n_local;
  }
  assert_int_equal(next, n_neurons);
  psac_config config = shards_config(n_neurons, 1200, 0);
  const psac_plan plan = psac_plan_make(&config, 100000, 1);
  assert_true(plan.sizes.n_local >= 100000 && plan.sizes.n_local <= 100008);
  assert_true(plan.sizes.n_words == 1563);
  double sum = 0.0;
  for (int k = 0; k < plan.n_items; k++) {
    assert_true(plan.item[k].bytes >= 0.0 && plan.item[k].bytes < 1e12);
    sum += plan.item[k].bytes;
  }
  assert_true(plan.n_items <= PSAC_PLAN_ITEMS && sum == plan.bytes && sum > 1e9);
}

static void refuse(int64_t n_neurons, int64_t n_ranks, int64_t in_degree, int on_device, const char *part) {
  psac_config config = shards_config(n_neurons, 1200, 0);
  config.recurrence.in_degree = in_degree;
  const psac_plan plan = psac_plan_make(&config, n_ranks, on_device);
  assert_int_equal(psac_sizes_check(&config, &plan.sizes), PSAC_ERR_INPUT);
  assert_message_has(part);
}

static void accept(int64_t n_neurons, int64_t n_ranks, int64_t in_degree, int on_device) {
  psac_config config = shards_config(n_neurons, 1200, 0);
  config.recurrence.in_degree = in_degree;
  const psac_plan plan = psac_plan_make(&config, n_ranks, on_device);
  assert_ok(psac_sizes_check(&config, &plan.sizes));
}

static void test_what_indices_cannot_hold_is_refused(void **state) {
  (void)state;
  accept(INT64_C(10000000000), 100000, 50, 1);
  accept(INT64_C(10000000000), 100000, 50, 0);
  accept(INT64_C(10000000000), 100000, 0, 0);
  accept(INT64_C(137000000000), 100000, 0, 1);
  refuse(INT64_C(1000000000000), 100000, 0, 1, "more than 2^31 words");
  refuse(INT64_C(2200000000), 1, 0, 0, "use more ranks");
  refuse(INT64_C(100000000), 1, 50, 1, "allowed: below 2^32; use more ranks");
}

static void test_more_ranks_never_hold_more_neurons_each(void **state) {
  (void)state;
  static const char *const shared[] = {"neurons", "receptive fields", "spikes", "plastic weights",
                                       "running means and statistics"};
  psac_config config = shards_config(20011, 1200, 16);
  for (int ranks = 1; ranks <= 4096; ranks *= 2) {
    const psac_plan few = psac_plan_make(&config, ranks, 1), many = psac_plan_make(&config, 2 * ranks, 1);
    for (size_t s = 0; s < COUNT(shared); s++) {
      double bytes[2] = {-1.0, -1.0};
      for (int k = 0; k < few.n_items; k++)
        bytes[0] = strcmp(few.item[k].name, shared[s]) == 0 ? few.item[k].bytes : bytes[0];
      for (int k = 0; k < many.n_items; k++)
        bytes[1] = strcmp(many.item[k].name, shared[s]) == 0 ? many.item[k].bytes : bytes[1];
      assert_true(bytes[0] > 0.0 && bytes[1] > 0.0 && bytes[1] <= bytes[0]);
    }
  }
}

static void test_spikes_of_other_ranks_limit_the_trials_side_by_side(void **state) {
  (void)state;
  psac_config config = shards_config(INT64_C(10000000000), 1200, 64);
  config.simulation.trials_together = 0;
  const psac_plan with = psac_plan_make(&config, 100000, 1);
  config.recurrence.in_degree = 0;
  const psac_plan without = psac_plan_make(&config, 100000, 1);
  assert_true(with.sizes.n_concurrent >= 1 && with.sizes.n_concurrent < without.sizes.n_concurrent);
}

static void test_the_largest_network_fits_and_one_more_thousand_does_not(void **state) {
  (void)state;
  static const double memory[] = {1e9, 24e9, 80e9, 1e12};
  psac_config config = shards_config(5000, 1200, 0);
  for (size_t k = 0; k < COUNT(memory); k++) {
    config.middle_layer.num_neurons = psac_plan_largest(&config, 8, 1, memory[k]);
    assert_true(config.middle_layer.num_neurons > 100000);
    const psac_plan largest = psac_plan_make(&config, 8, 1);
    assert_true(largest.bytes <= memory[k]);
    assert_ok(psac_sizes_check(&config, &largest.sizes));
    config.middle_layer.num_neurons += 2000;
    const psac_plan larger = psac_plan_make(&config, 8, 1);
    assert_true(larger.bytes > memory[k] || psac_sizes_check(&config, &larger.sizes) != PSAC_OK);
  }
  assert_int_equal(psac_plan_largest(&config, 1, 0, 10.0), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_the_plan_is_what_is_allocated),
      cmocka_unit_test(test_ten_billion_neurons_on_a_hundred_thousand_ranks_can_be_planned),
      cmocka_unit_test(test_what_indices_cannot_hold_is_refused),
      cmocka_unit_test(test_more_ranks_never_hold_more_neurons_each),
      cmocka_unit_test(test_spikes_of_other_ranks_limit_the_trials_side_by_side),
      cmocka_unit_test(test_the_largest_network_fits_and_one_more_thousand_does_not),
  };
  return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
