// block_map and layout: N neurons on any number of ranks, each owned exactly once, in order, in whole columns.
#include "check.h"
#include "partition/layout.h"

static int64_t n_of(psac_block_map map, int64_t rank) {
  return psac_block_map_first(map, rank + 1) - psac_block_map_first(map, rank);
}

// Calls for every number of neurons up to 300 on every possible number of ranks.
static void for_each_small_cut(void (*check)(psac_block_map map, int64_t n_neurons, int64_t n_ranks)) {
  for (int64_t n_neurons = 1; n_neurons <= 300; n_neurons++) {
    for (int64_t n_ranks = 1; n_ranks <= n_neurons; n_ranks++) {
      check(psac_block_map_make(n_neurons, n_ranks), n_neurons, n_ranks);
    }
  }
}

static void check_ownership(psac_block_map map, int64_t n_neurons, int64_t n_ranks) {
  int64_t gid = 0;
  for (int64_t rank = 0; rank < n_ranks; rank++) {
    assert_int_equal(psac_block_map_first(map, rank), gid);
    for (const int64_t end = psac_block_map_first(map, rank + 1); gid < end; gid++) {
      assert_int_equal(psac_block_map_rank(map, gid), rank);
    }
  }
  assert_int_equal(gid, n_neurons);
}

static void test_every_neuron_is_owned_exactly_once(void **state) {
  (void)state;
  for_each_small_cut(check_ownership);
}

static void check_slots(psac_block_map map, int64_t n_neurons, int64_t n_ranks) {
  int64_t before = -1;
  for (int64_t gid = 0; gid < n_neurons; gid++) {
    const int64_t slot = psac_block_map_slot(map, gid), rank = psac_block_map_rank(map, gid);
    assert_true(slot > before);
    assert_int_equal(slot / map.slots, rank);
    assert_int_equal(slot % map.slots, gid - psac_block_map_first(map, rank));
    before = slot;
  }
  assert_true(before < n_ranks * map.slots);
}

static void test_slots_keep_the_order_of_neurons_and_lie_in_their_ranks_part(void **state) {
  (void)state;
  for_each_small_cut(check_slots);
}

static void check_balance(psac_block_map map, int64_t n_neurons, int64_t n_ranks) {
  int64_t most_columns = 0, fewest_columns = INT64_MAX, most = 0;
  for (int64_t rank = 0; rank < n_ranks; rank++) {
    const int64_t first = psac_block_map_first(map, rank), n = n_of(map, rank);
    assert_true(first % PSAC_MINICOLUMN == 0 || first == n_neurons);
    const int64_t columns = (n + PSAC_MINICOLUMN - 1) / PSAC_MINICOLUMN;
    if (columns > most_columns) most_columns = columns;
    if (columns < fewest_columns) fewest_columns = columns;
    if (n > most) most = n;
  }
  assert_true(most_columns - fewest_columns <= 1);
  assert_int_equal(map.slots % 64, 0);
  assert_true(map.slots >= most && map.slots < most + 64 + PSAC_MINICOLUMN);
}

static void test_blocks_are_whole_columns_and_differ_by_one_at_most(void **state) {
  (void)state;
  for_each_small_cut(check_balance);
}

static void test_ranks_beyond_the_columns_are_empty(void **state) {
  (void)state;
  static const int64_t expected[8] = {8, 1, 0, 0, 0, 0, 0, 0};
  const psac_block_map map = psac_block_map_make(9, 8);
  for (int64_t rank = 0; rank < 8; rank++) assert_int_equal(n_of(map, rank), expected[rank]);
}

// The properties of one cut that can be checked without visiting every neuron.
static void check_large_cut(int64_t n_neurons, int64_t n_ranks) {
  const psac_block_map map = psac_block_map_make(n_neurons, n_ranks);
  int64_t total = 0;
  for (int64_t rank = 0; rank < n_ranks; rank++) {
    const int64_t first = psac_block_map_first(map, rank), n = n_of(map, rank);
    assert_true(n >= 0 && n <= map.slots);
    total += n;
    if (n == 0) continue;
    assert_int_equal(psac_block_map_rank(map, first), rank);
    assert_int_equal(psac_block_map_rank(map, first + n - 1), rank);
    assert_int_equal(psac_block_map_slot(map, first), rank * map.slots);
    assert_int_equal(psac_block_map_slot(map, first + n - 1), rank * map.slots + n - 1);
  }
  assert_int_equal(total, n_neurons);
}

static void test_ten_billion_neurons_are_cut_right(void **state) {
  (void)state;
  const int64_t n_neurons = 10000000000;
  static const int64_t ranks[] = {1, 2, 3, 7, 512, 99991, 100000};
  for (size_t k = 0; k < COUNT(ranks); k++) {
    check_large_cut(n_neurons, ranks[k]);
    check_large_cut(n_neurons - 1, ranks[k]);
  }
}

static void test_layout_is_the_ranks_block(void **state) {
  (void)state;
  for (int64_t rank = 0; rank < 7; rank++) {
    const psac_layout layout = psac_layout_make(997, 7, rank);
    assert_int_equal(layout.n_neurons, 997);
    assert_int_equal(layout.n_ranks, 7);
    assert_int_equal(layout.rank, rank);
    assert_int_equal(layout.first_gid, psac_block_map_first(layout.map, rank));
    assert_int_equal(layout.n_local, n_of(layout.map, rank));
    assert_int_equal(layout.n_words * 64, layout.map.slots);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_every_neuron_is_owned_exactly_once),
      cmocka_unit_test(test_slots_keep_the_order_of_neurons_and_lie_in_their_ranks_part),
      cmocka_unit_test(test_blocks_are_whole_columns_and_differ_by_one_at_most),
      cmocka_unit_test(test_ranks_beyond_the_columns_are_empty),
      cmocka_unit_test(test_ten_billion_neurons_are_cut_right),
      cmocka_unit_test(test_layout_is_the_ranks_block),
  };
  return cmocka_run_group_tests_name("block_map", tests, NULL, NULL);
}
