// checksum: parts add up to the whole, and whatever changes in the rows changes it.
#include "io/checksum.h"

#include "check.h"

enum { ROWS = 37, MAX_ROW_BYTES = 40 };

static unsigned char rows[ROWS * MAX_ROW_BYTES];

static int fill(void **state) {
  (void)state;
  uint64_t random = 5;
  for (size_t k = 0; k < sizeof rows; k++) rows[k] = (unsigned char)next_random(&random);
  return 0;
}

static void test_parts_add_up_to_the_whole(void **state) {
  (void)state;
  for (size_t row_bytes = 1; row_bytes <= MAX_ROW_BYTES; row_bytes++) {
    const uint64_t whole = psac_checksum_rows(0, ROWS, row_bytes, rows);
    for (int64_t cut = 0; cut <= ROWS; cut++) {
      const uint64_t left = psac_checksum_rows(0, cut, row_bytes, rows);
      const uint64_t right = psac_checksum_rows(cut, ROWS - cut, row_bytes, rows + (size_t)cut * row_bytes);
      assert_true(left + right == whole);
    }
  }
}

static void test_every_bit_counts(void **state) {
  (void)state;
  for (size_t row_bytes = 1; row_bytes <= MAX_ROW_BYTES; row_bytes += 3) {
    const uint64_t whole = psac_checksum_rows(0, ROWS, row_bytes, rows);
    for (size_t bit = 0; bit < 8 * ROWS * row_bytes; bit++) {
      rows[bit / 8] ^= (unsigned char)(1 << bit % 8);
      assert_true(psac_checksum_rows(0, ROWS, row_bytes, rows) != whole);
      rows[bit / 8] ^= (unsigned char)(1 << bit % 8);
    }
  }
}

static void test_the_place_of_a_row_counts(void **state) {
  (void)state;
  const unsigned char same[2][8] = {{1, 2, 3}, {4, 5, 6}}, swapped[2][8] = {{4, 5, 6}, {1, 2, 3}};
  assert_true(psac_checksum_rows(0, 2, 8, same) != psac_checksum_rows(0, 2, 8, swapped));
  assert_true(psac_checksum_rows(0, 2, 8, same) != psac_checksum_rows(1, 2, 8, same));
}

static void test_no_rows_have_the_sum_zero(void **state) {
  (void)state;
  assert_true(psac_checksum_rows(0, 0, 8, NULL) == 0);
  assert_true(psac_checksum_rows(9, 0, 0, NULL) == 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_parts_add_up_to_the_whole),
      cmocka_unit_test(test_every_bit_counts),
      cmocka_unit_test(test_the_place_of_a_row_counts),
      cmocka_unit_test(test_no_rows_have_the_sum_zero),
  };
  return cmocka_run_group_tests_name("checksum", tests, fill, NULL);
}
