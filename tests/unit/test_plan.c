// The memory plan against what is really allocated, and at sizes that no machine here could hold.
#include "check.h"
#include "model/network.h"
#include "model/plan.h"
#include "shards.h"

static size_t allocated;

static psac_status counting_alloc(void **pointer, size_t n_bytes, const char *what) {
  allocated += n_bytes;
  return psac_kernels_cpu.alloc(pointer, n_bytes, what);
}

// The CPU backend's own stages allocate through its own function; their arrays are counted from the network afterwards.
static size_t built_by_stages(const psac_network *network) {
  const psac_shard *shard = &network->shard;
  size_t n = sizeof(float) * (size_t)network->n_together * (size_t)shard->n_padded + sizeof(int32_t) * (size_t)shard->n_padded;
  if (shard->patch_size > 0) {
    const size_t entries = shard->field_first[shard->n_units];
    n += entries * (sizeof(uint32_t) + sizeof(int16_t) * PSAC_COLUMN);
  }
  if (shard->in_degree > 0) {
    const size_t slots = (size_t)shard->n_source_words * 64;
    n += 2 * slots * sizeof(uint32_t) + (size_t)shard->target_first[slots] * (size_t)shard->target_bytes;
  }
  return n;
}

static void check_plan(const psac_config *config, int n_ranks) {
  psac_kernels kernels = psac_kernels_cpu;
  kernels.alloc = counting_alloc;
  psac_transport transport = psac_transport_self;  // nothing is sent here
  transport.n_ranks = n_ranks;
  psac_network *network;
  allocated = 0;
  assert_ok(psac_network_create(config, &kernels, &transport, &network));
  const double real = (double)(allocated + built_by_stages(network));
  const psac_plan plan = psac_plan_make(config, n_ranks, 0);
  assert_int_equal(plan.n_together, network->n_together);
  assert_int_equal(plan.n_words, network->shard.n_words);
  if (plan.bytes < 0.97 * real || plan.bytes > 1.05 * real) {
    fail_msg("%lld neurons on %d ranks: planned %.0f, allocated %.0f", (long long)config->middle_layer.num_neurons, n_ranks,
             plan.bytes, real);
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
      config.network.model = PSAC_MODEL_SEED;
      config.training.batch_size = 1;
      check_plan(&config, ranks);
    }
  }
}

static void test_ten_billion_neurons_on_a_hundred_thousand_ranks_can_be_planned(void **state) {
  (void)state;
  psac_config config = shards_config(INT64_C(10000000000), 1200, 0);
  const psac_plan plan = psac_plan_make(&config, 100000, 1);
  assert_true(plan.n_local >= 100000 && plan.n_local <= 100008);
  assert_true(plan.n_words == 1563);
  double sum = 0.0;
  for (int k = 0; k < plan.n_items; k++) {
    assert_true(plan.item[k].bytes >= 0.0 && plan.item[k].bytes < 1e12);
    sum += plan.item[k].bytes;
  }
  assert_true(plan.n_items <= PSAC_PLAN_ITEMS && sum == plan.bytes && sum > 1e9);
}

static void test_the_largest_network_fits_and_one_more_thousand_does_not(void **state) {
  (void)state;
  static const double memory[] = {1e9, 24e9, 80e9, 1e12};
  psac_config config = shards_config(5000, 1200, 0);
  for (size_t k = 0; k < COUNT(memory); k++) {
    config.middle_layer.num_neurons = psac_plan_largest(&config, 8, 1, memory[k]);
    assert_true(config.middle_layer.num_neurons > 100000);
    assert_true(psac_plan_make(&config, 8, 1).bytes <= memory[k]);
    config.middle_layer.num_neurons += 2000;
    assert_true(psac_plan_make(&config, 8, 1).bytes > memory[k]);
  }
  assert_int_equal(psac_plan_largest(&config, 1, 0, 10.0), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_the_plan_is_what_is_allocated),
      cmocka_unit_test(test_ten_billion_neurons_on_a_hundred_thousand_ranks_can_be_planned),
      cmocka_unit_test(test_the_largest_network_fits_and_one_more_thousand_does_not),
  };
  return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
