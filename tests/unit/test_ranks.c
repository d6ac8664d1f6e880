// ranks: how the processes of a run agree, add up and tell each other.
#include "parallel.h"

static void test_ranks_are_numbered_within_the_run_and_the_node(void **state) {
  (void)state;
  assert_in_range(ranks.rank, 0, ranks.n_ranks - 1);
  assert_in_range(ranks.node_rank, 0, ranks.node_size - 1);
  assert_true(ranks.node_size <= ranks.n_ranks);
  assert_true(ranks.host[0] != '\0');
  assert_non_null(ranks.mpi_comm);
}

static void test_without_a_failure_all_agree_to_go_on(void **state) {
  (void)state;
  assert_ok(psac_ranks_agree(&ranks, PSAC_OK));
  assert_false(ranks.agreed_to_fail);
}

static void test_the_failure_of_one_rank_is_everybodys(void **state) {
  (void)state;
  for (int failing = 0; failing < ranks.n_ranks; failing++) {
    psac_fail(PSAC_ERR_INTERNAL, "an old message");
    const psac_status mine = ranks.rank == failing ? psac_fail(PSAC_ERR_IO, "rank %d says so", failing) : PSAC_OK;
    ranks.agreed_to_fail = 0;
    assert_int_equal(psac_ranks_agree(&ranks, mine), PSAC_ERR_IO);
    assert_true(ranks.agreed_to_fail);
    char expected[64];
    snprintf(expected, sizeof expected, "rank %d says so", failing);
    assert_string_equal(psac_fail_message(), expected);
  }
  ranks.agreed_to_fail = 0;
}

static void test_of_several_failures_the_lowest_ranks_counts(void **state) {
  (void)state;
  const int lowest = ranks.n_ranks > 1 ? 1 : 0;
  const psac_status mine = ranks.rank < lowest
                               ? PSAC_OK
                               : psac_fail(ranks.rank == lowest ? PSAC_ERR_INPUT : PSAC_ERR_IO, "rank %d", ranks.rank);
  assert_int_equal(psac_ranks_agree(&ranks, mine), PSAC_ERR_INPUT);
  assert_string_equal(psac_fail_message(), lowest == 1 ? "rank 1" : "rank 0");
  ranks.agreed_to_fail = 0;
}

static void test_sums_and_maxima_are_known_to_all(void **state) {
  (void)state;
  const int64_t n = ranks.n_ranks;
  int64_t whole[2] = {ranks.rank + 1, INT64_MAX / n};
  double real[2] = {0.5 * ranks.rank, -1.0}, most[2] = {ranks.rank, -ranks.rank};
  assert_ok(psac_ranks_sum_i64(&ranks, whole, 2));
  assert_ok(psac_ranks_sum_f64(&ranks, real, 2));
  assert_ok(psac_ranks_max_f64(&ranks, most, 2));
  assert_true(whole[0] == n * (n + 1) / 2 && whole[1] == INT64_MAX / n * n);
  assert_near(real[0], 0.25 * (double)(n * (n - 1)), 1e-12);
  assert_near(real[1], -(double)n, 1e-12);
  assert_true(most[0] == (double)(n - 1) && most[1] == 0.0);
}

static void test_offsets_are_the_sums_of_the_ranks_before(void **state) {
  (void)state;
  int64_t before = -1, total = -1;
  assert_ok(psac_ranks_offset(&ranks, 10 * ranks.rank + 1, &before, &total));
  const int64_t r = ranks.rank, n = ranks.n_ranks;
  assert_int_equal(before, 5 * r * (r - 1) + r);
  assert_int_equal(total, 5 * n * (n - 1) + n);
}

static void test_broadcasts_of_any_size_arrive(void **state) {
  (void)state;
  static const size_t sizes[] = {0, 1, 1000, 5000000};
  for (size_t k = 0; k < COUNT(sizes); k++) {
    unsigned char *bytes = malloc(sizes[k] + 1);
    assert_non_null(bytes);
    for (size_t i = 0; i < sizes[k]; i++) bytes[i] = ranks.rank == 0 ? (unsigned char)(i * 31 + k) : 0;
    assert_ok(psac_ranks_broadcast(&ranks, bytes, sizes[k]));
    for (size_t i = 0; i < sizes[k]; i++) assert_true(bytes[i] == (unsigned char)(i * 31 + k));
    free(bytes);
  }
}

static void test_bytes_move_to_rank_zero(void **state) {
  (void)state;
  const int from = ranks.n_ranks - 1;
  unsigned char bytes[1000];
  for (int i = 0; i < 1000; i++) bytes[i] = ranks.rank == from ? (unsigned char)(i * 3) : 0;
  assert_ok(psac_ranks_move(&ranks, from, bytes, sizeof bytes));
  for (int i = 0; i < 1000; i++)
    assert_int_equal(bytes[i], ranks.rank == from || ranks.rank == 0 ? (unsigned char)(i * 3) : 0);
}

static void test_parts_of_a_run_have_ranks_and_sums_of_their_own(void **state) {
  (void)state;
  psac_ranks part;
  assert_ok(psac_ranks_split(&ranks, ranks.rank % 2, &part));
  assert_int_equal(part.n_ranks, (ranks.n_ranks + 1 - ranks.rank % 2) / 2);
  assert_int_equal(part.rank, ranks.rank / 2);
  assert_int_equal(part.world_rank, ranks.rank);
  assert_int_equal(part.node_size, part.n_ranks);
  int32_t sum = ranks.rank;
  assert_ok(psac_ranks_sum_i32(&part, &sum, 1));
  int32_t expected = 0;
  for (int r = ranks.rank % 2; r < ranks.n_ranks; r += 2) expected += r;
  assert_int_equal(sum, expected);
  psac_ranks_rejoin(&part);
  psac_ranks never_split = {0};
  psac_ranks_rejoin(&never_split);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_ranks_are_numbered_within_the_run_and_the_node),
      cmocka_unit_test(test_without_a_failure_all_agree_to_go_on),
      cmocka_unit_test(test_the_failure_of_one_rank_is_everybodys),
      cmocka_unit_test(test_of_several_failures_the_lowest_ranks_counts),
      cmocka_unit_test(test_sums_and_maxima_are_known_to_all),
      cmocka_unit_test(test_offsets_are_the_sums_of_the_ranks_before),
      cmocka_unit_test(test_broadcasts_of_any_size_arrive),
      cmocka_unit_test(test_bytes_move_to_rank_zero),
      cmocka_unit_test(test_parts_of_a_run_have_ranks_and_sums_of_their_own),
  };
  run_on_all_ranks("ranks", tests);
}
