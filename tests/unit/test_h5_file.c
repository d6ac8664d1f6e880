// h5_file: what all ranks write together reads back; nothing is left of a file that is not complete.
#include "h5_case.h"

// --- writing --------------------------------------------------------------------------------------------------------

static void expect_some(const psac_access *access, int32_t value) {
  psac_h5_file *file;
  int64_t dims[2];
  assert_ok(psac_h5_open(access, path, &file));
  assert_ok(psac_h5_read_dims(file, "/group/numbers", 2, dims));
  assert_int_equal(dims[1], WIDTH);
  int32_t *data = malloc(sizeof *data * (size_t)(dims[0] * WIDTH));
  assert_non_null(data);
  assert_ok(psac_h5_read_rows(file, "/group/numbers", PSAC_I32, 0, dims[0], data));
  for (int64_t k = 0; k < dims[0] * WIDTH; k++) assert_int_equal(data[k], value + (int32_t)k);
  free(data);
  psac_h5_close(&file);
  assert_null(file);
}

static void test_rows_of_all_ranks_make_one_array(void **state) {
  (void)state;
  const psac_access access = all_ranks();
  psac_h5_file *file = write_some(100);
  assert_ok(psac_h5_commit(&file));
  assert_null(file);
  expect_some(&access, 100);
  expect_some(NULL, 100);
}

static void test_attributes_read_back(void **state) {
  (void)state;
  psac_h5_file *file = write_some(100);
  assert_ok(psac_h5_commit(&file));
  int64_t whole;
  double real;
  char *text;
  assert_ok(psac_h5_open(NULL, path, &file));
  assert_ok(psac_h5_read_text(file, "/", "text", &text));
  assert_string_equal(text, "one line\nand another");
  free(text);
  assert_ok(psac_h5_read_text(file, "/group/numbers", "units", &text));
  assert_string_equal(text, "mV");
  free(text);
  assert_ok(psac_h5_read_i64(file, "/group", "whole", &whole));
  assert_true(whole == INT64_MIN);
  assert_ok(psac_h5_read_f64(file, "/group/numbers", "real", &real));
  assert_true(real == 0.1);
  assert_true(psac_h5_has_attribute(file, "/", "text"));
  assert_false(psac_h5_has_attribute(file, "/", "whole"));
  assert_false(psac_h5_has_attribute(file, "/nothing", "whole"));
  psac_h5_close(&file);
}

static void test_scalars_texts_and_empty_arrays_are_written(void **state) {
  (void)state;
  const psac_access access = all_ranks();
  const int mine = ranks.rank == 0;
  const double scalar = 2.5;
  const char names[2][8] = {"first", "second"};
  psac_h5_file *file;
  assert_ok(psac_h5_create(&access, path, 1, &file));
  assert_ok(psac_h5_write(file, &(psac_field){"/scalar", PSAC_F64, 0, {0}, 0, mine, &scalar, 0, "s"}));
  assert_ok(psac_h5_write(file, &(psac_field){"/names", PSAC_TEXT, 1, {2}, 0, 2 * mine, names, 8, NULL}));
  assert_ok(psac_h5_write(file, &(psac_field){"/a/b/c/empty", PSAC_F32, 2, {0, 5}, 0, 0, NULL, 0, NULL}));
  assert_ok(psac_h5_write(file, &(psac_field){"/a/b/thin", PSAC_U8, 2, {4, 0}, 0, 4 * mine, NULL, 0, NULL}));
  assert_ok(psac_h5_commit(&file));
  int64_t dims[2];
  assert_ok(psac_h5_open(NULL, path, &file));
  assert_ok(psac_h5_read_dims(file, "/scalar", 0, dims));
  assert_ok(psac_h5_read_dims(file, "/a/b/c/empty", 2, dims));
  assert_int_equal(dims[0], 0);
  assert_int_equal(dims[1], 5);
  assert_ok(psac_h5_read_dims(file, "/a/b/thin", 2, dims));
  assert_true(psac_h5_has(file, "/names") && psac_h5_has(file, "/a/b"));
  psac_h5_close(&file);
}

static void test_numbers_are_converted_to_the_type_that_is_asked_for(void **state) {
  (void)state;
  psac_h5_file *file = write_some(-1);
  assert_ok(psac_h5_commit(&file));
  float single[WIDTH];
  double real[WIDTH];
  int64_t whole[WIDTH];
  assert_ok(psac_h5_open(NULL, path, &file));
  assert_ok(psac_h5_read_rows(file, "/group/numbers", PSAC_F32, 0, 1, single));
  assert_ok(psac_h5_read_rows(file, "/group/numbers", PSAC_F64, 0, 1, real));
  assert_ok(psac_h5_read_rows(file, "/group/numbers", PSAC_I64, 0, 1, whole));
  for (int k = 0; k < WIDTH; k++) assert_true(single[k] == (float)(k - 1) && real[k] == k - 1 && whole[k] == k - 1);
  psac_h5_close(&file);
}

static void test_each_rank_reads_rows_of_its_own_or_none(void **state) {
  (void)state;
  const psac_access access = all_ranks();
  psac_h5_file *file = write_some(0);
  assert_ok(psac_h5_commit(&file));
  int32_t data[64 * WIDTH] = {0};
  const psac_field mine = make_field("/group/numbers", data, 0);
  memset(data, 0, sizeof data);
  assert_ok(psac_h5_open(&access, path, &file));
  assert_ok(
      psac_h5_read_rows(file, "/group/numbers", PSAC_I32, mine.first_row, mine.n_rows, mine.n_rows > 0 ? data : NULL));
  for (int64_t k = 0; k < mine.n_rows * WIDTH; k++) assert_int_equal(data[k], mine.first_row * WIDTH + k);
  psac_h5_close(&file);
}

// --- complete or not at all -----------------------------------------------------------------------------------------

static void test_the_name_appears_with_the_commit(void **state) {
  (void)state;
  psac_h5_file *file = write_some(100);
  meet();
  assert_false(exists(path));
  assert_int_equal(n_partial(), 1);
  meet();
  assert_ok(psac_h5_commit(&file));
  assert_true(exists(path));
  assert_int_equal(n_partial(), 0);
}

static void test_an_abandoned_file_leaves_nothing(void **state) {
  (void)state;
  psac_h5_file *file = write_some(100);
  psac_h5_abandon(&file);
  assert_null(file);
  meet();
  assert_false(exists(path));
  assert_int_equal(n_partial(), 0);
  psac_h5_abandon(&file);  // NULL is allowed
}

static void test_an_older_file_stays_until_the_commit(void **state) {
  (void)state;
  psac_h5_file *file = write_some(100);
  assert_ok(psac_h5_commit(&file));
  file = write_some(200);
  expect_some(NULL, 100);
  meet();
  psac_h5_abandon(&file);
  expect_some(NULL, 100);
  meet();
  file = write_some(300);
  assert_ok(psac_h5_commit(&file));
  expect_some(NULL, 300);
}

static void test_a_file_that_may_not_be_replaced_stays(void **state) {
  (void)state;
  const psac_access access = all_ranks();
  psac_h5_file *file = write_some(100), *other;
  assert_ok(psac_h5_commit(&file));
  assert_ok(psac_h5_create(&access, path, 0, &other));
  assert_int_equal(psac_h5_commit(&other), PSAC_ERR_IO);
  assert_message_has("File exists");
  assert_null(other);
  expect_some(NULL, 100);
  assert_int_equal(n_partial(), 0);
}

static int64_t resident_bytes(void) {
  long pages = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  assert_non_null(file);
  assert_int_equal(fscanf(file, "%*d %ld", &pages), 1);
  fclose(file);
  return (int64_t)pages * sysconf(_SC_PAGESIZE);
}

// A draft holds HDF5's own structures, however large the datasets are for which it has room, before and after them.
static void test_a_draft_takes_no_memory_for_the_data(void **state) {
  (void)state;
  const psac_access access = all_ranks();
  const int64_t n = INT64_C(1) << 30;
  psac_h5_file *file;
  char name[64];
  const int64_t before = resident_bytes();
  assert_ok(psac_h5_create(&access, path, 1, &file));
  for (int k = 0; k < 20; k++) {
    snprintf(name, sizeof name, "/large/number_%d", k);
    assert_ok(psac_h5_write(file, &(psac_field){name, PSAC_F64, 1, {n}, 0, 0, NULL, 0, "mV"}));
  }
  assert_ok(psac_h5_commit(&file));
  assert_true(resident_bytes() - before < 16 << 20);
  struct stat info;
  assert_int_equal(stat(path, &info), 0);
  assert_true(info.st_size > 20 * 8 * n);
  int64_t dims[1];
  assert_ok(psac_h5_open(NULL, path, &file));
  assert_ok(psac_h5_read_dims(file, "/large/number_19", 1, dims));
  assert_true(dims[0] == n);
  psac_h5_close(&file);
}

static void test_an_array_cannot_be_written_twice(void **state) {
  (void)state;
  psac_h5_file *file = write_some(100);
  int32_t data[64 * WIDTH];
  const psac_field again = make_field("/group/numbers", data, 0);
  assert_int_equal(psac_h5_write(file, &again), PSAC_ERR_IO);
  assert_message_has("/group/numbers");
  psac_h5_abandon(&file);
}

static void test_a_folder_that_does_not_exist_takes_no_file(void **state) {
  (void)state;
  const psac_access access = all_ranks();
  char nowhere[128];
  psac_h5_file *file;
  snprintf(nowhere, sizeof nowhere, "%s/no/file.h5", folder);
  assert_int_equal(psac_h5_create(&access, nowhere, 1, &file), PSAC_ERR_IO);
  assert_message_has("file.h5.partial-");
  assert_null(file);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      TEST(test_rows_of_all_ranks_make_one_array),
      TEST(test_attributes_read_back),
      TEST(test_scalars_texts_and_empty_arrays_are_written),
      TEST(test_numbers_are_converted_to_the_type_that_is_asked_for),
      TEST(test_each_rank_reads_rows_of_its_own_or_none),
      TEST(test_the_name_appears_with_the_commit),
      TEST(test_an_abandoned_file_leaves_nothing),
      TEST(test_an_older_file_stays_until_the_commit),
      TEST(test_a_file_that_may_not_be_replaced_stays),
      TEST(test_a_draft_takes_no_memory_for_the_data),
      TEST(test_an_array_cannot_be_written_twice),
      TEST(test_a_folder_that_does_not_exist_takes_no_file),
  };
  run_on_all_ranks("h5_file", tests);
}
