// h5_file: what all ranks write together reads back; nothing is left of a file that is not complete; nothing is believed unchecked.
#include "h5_file.h"

#include <hdf5.h>
#include <sys/stat.h>
#include <unistd.h>

#include "parallel.h"

enum { WIDTH = 3 };

static char folder[64], path[128], partial[160];

static psac_access all_ranks(void) { return (psac_access){ranks.rank, ranks.n_ranks, ranks.mpi_comm}; }

static int exists(const char *name) { return access(name, F_OK) == 0; }

// Waits until every rank is here.
static void meet(void) {
  int64_t nothing = 0;
  assert_ok(psac_ranks_sum_i64(&ranks, &nothing, 1));
}

static int set_up(void **state) {
  (void)state;
  psac_h5_start();
  strcpy(folder, "/tmp/psac_test_h5_XXXXXX");
  if (ranks.rank == 0 && !mkdtemp(folder)) return -1;
  if (psac_ranks_broadcast(&ranks, folder, sizeof folder) != PSAC_OK) return -1;
  snprintf(path, sizeof path, "%s/file.h5", folder);
  snprintf(partial, sizeof partial, "%s.partial", path);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  char command[128];
  meet();
  snprintf(command, sizeof command, "rm -rf '%s'", folder);
  return ranks.rank == 0 ? system(command) : 0;
}

// --- writing --------------------------------------------------------------------------------------------------------

// Rank r holds r + 1 rows, but the last one none; element k of the whole array is value + k.
static int64_t rows_of(int rank) { return rank == ranks.n_ranks - 1 && rank > 0 ? 0 : rank + 1; }

static psac_field make_field(const char *name, int32_t *data, int32_t value) {
  psac_field field = {.path = name, .type = PSAC_I32, .n_dims = 2, .dims = {0, WIDTH}, .n_rows = rows_of(ranks.rank)};
  for (int r = 0; r < ranks.n_ranks; r++) {
    if (r < ranks.rank) field.first_row += rows_of(r);
    field.dims[0] += rows_of(r);
  }
  for (int64_t k = 0; k < field.n_rows * WIDTH; k++) data[k] = value + (int32_t)(field.first_row * WIDTH + k);
  field.data = field.n_rows > 0 ? data : NULL;
  return field;
}

// A file with one array under /group/numbers and some attributes, not yet complete.
static psac_h5_file *write_some(int32_t value) {
  const psac_access access = all_ranks();
  int32_t data[64 * WIDTH];
  psac_h5_file *file;
  psac_field field = make_field("/group/numbers", data, value);
  field.units = "mV";
  assert_ok(psac_h5_create(&access, path, &file));
  assert_ok(psac_h5_write(file, &field));
  assert_ok(psac_h5_write_text(file, "/", "text", "one line\nand another"));
  assert_ok(psac_h5_write_i64(file, "/group", "whole", INT64_MIN));
  assert_ok(psac_h5_write_f64(file, "/group/numbers", "real", 0.1));
  return file;
}

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
  assert_ok(psac_h5_create(&access, path, &file));
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
  assert_ok(psac_h5_read_rows(file, "/group/numbers", PSAC_I32, mine.first_row, mine.n_rows, mine.n_rows > 0 ? data : NULL));
  for (int64_t k = 0; k < mine.n_rows * WIDTH; k++) assert_int_equal(data[k], mine.first_row * WIDTH + k);
  psac_h5_close(&file);
}

// --- complete or not at all -----------------------------------------------------------------------------------------

static void test_the_name_appears_with_the_commit(void **state) {
  (void)state;
  psac_h5_file *file = write_some(100);
  meet();
  assert_false(exists(path));
  assert_true(exists(partial));
  meet();
  assert_ok(psac_h5_commit(&file));
  assert_true(exists(path));
  assert_false(exists(partial));
}

static void test_an_abandoned_file_leaves_nothing(void **state) {
  (void)state;
  psac_h5_file *file = write_some(100);
  psac_h5_abandon(&file);
  assert_null(file);
  meet();
  assert_false(exists(path));
  assert_false(exists(partial));
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

static void test_what_a_killed_run_left_is_written_over(void **state) {
  (void)state;
  if (ranks.rank == 0) {
    FILE *left = fopen(partial, "w");
    assert_non_null(left);
    fputs("half a file", left);
    fclose(left);
  }
  meet();
  psac_h5_file *file = write_some(100);
  assert_ok(psac_h5_commit(&file));
  expect_some(NULL, 100);
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
  assert_int_equal(psac_h5_create(&access, nowhere, &file), PSAC_ERR_IO);
  assert_message_has("file.h5.partial");
  assert_null(file);
}

// --- places to write ------------------------------------------------------------------------------------------------

static void test_a_writable_place_is_left_as_it_was(void **state) {
  (void)state;
  if (ranks.rank > 0) return;
  assert_ok(psac_h5_check_writable(path));
  assert_false(exists(path) || exists(partial));
  FILE *old = fopen(path, "w");
  assert_non_null(old);
  fputs("old", old);
  fclose(old);
  assert_ok(psac_h5_check_writable(path));
  struct stat info;
  assert_int_equal(stat(path, &info), 0);
  assert_int_equal(info.st_size, 3);
}

static void test_places_that_take_no_file_are_refused(void **state) {
  (void)state;
  if (ranks.rank > 0) return;
  char name[8192];
  assert_int_equal(psac_h5_check_writable(folder), PSAC_ERR_INPUT);
  assert_message_has("is a folder");
  snprintf(name, sizeof name, "%s/no/file.h5", folder);
  assert_int_equal(psac_h5_check_writable(name), PSAC_ERR_INPUT);
  assert_message_has("does not exist");
  memset(name, 'x', sizeof name - 1);
  name[sizeof name - 1] = '\0';
  assert_int_equal(psac_h5_check_writable(name), PSAC_ERR_INPUT);
  assert_message_has("too long");
}

static void test_a_folder_without_permission_is_refused(void **state) {
  (void)state;
  if (ranks.rank > 0) return;
  assert_int_equal(chmod(folder, 0555), 0);
  const uid_t user = geteuid();
  if (user == 0 && seteuid(65534) != 0) skip();  // root may write anywhere, so become nobody
  const psac_status status = psac_h5_check_writable(path);
  assert_int_equal(seteuid(user), 0);
  assert_int_equal(status, PSAC_ERR_INPUT);
  assert_message_has("Permission denied");
}

// --- files that are not to be believed ------------------------------------------------------------------------------

// Rank 0 makes the file by itself; all meet afterwards.
static void make_by_hand(void (*fill)(hid_t file)) {
  if (ranks.rank == 0) {
    const hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(file >= 0);
    fill(file);
    H5Fclose(file);
  }
  meet();
}

static void add_numbers(hid_t file, const char *name, hid_t type) {
  const hsize_t dims[2] = {2, WIDTH};
  const hid_t space = H5Screate_simple(2, dims, NULL), properties = H5Pcreate(H5P_DATASET_CREATE);
  H5Pset_alloc_time(properties, H5D_ALLOC_TIME_EARLY);
  H5Dclose(H5Dcreate2(file, name, type, space, H5P_DEFAULT, properties, H5P_DEFAULT));
  H5Pclose(properties);
  H5Sclose(space);
}

static void refuse_dims(const char *name, int n_dims, const char *part) {
  psac_h5_file *file;
  int64_t dims[4];
  assert_ok(psac_h5_open(NULL, path, &file));
  assert_int_equal(psac_h5_read_dims(file, name, n_dims, dims), PSAC_ERR_INPUT);
  assert_message_has(part);
  assert_message_has(path);
  psac_h5_close(&file);
}

static void refuse_rows(const char *name, int64_t first, int64_t n) {
  psac_h5_file *file;
  int32_t data[100 * WIDTH];
  assert_ok(psac_h5_open(NULL, path, &file));
  assert_int_equal(psac_h5_read_rows(file, name, PSAC_I32, first, n, data), PSAC_ERR_INPUT);
  assert_message_has(path);
  psac_h5_close(&file);
}

static void fill_with_links(hid_t file) {
  H5Gclose(H5Gcreate2(file, "/real", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
  add_numbers(file, "/real/numbers", H5T_NATIVE_INT32);
  H5Lcreate_soft("/real/numbers", file, "/soft", H5P_DEFAULT, H5P_DEFAULT);
  H5Lcreate_soft("/real", file, "/soft_group", H5P_DEFAULT, H5P_DEFAULT);
  H5Lcreate_soft("/nowhere", file, "/dangling", H5P_DEFAULT, H5P_DEFAULT);
  H5Lcreate_external(path, "/real/numbers", file, "/external", H5P_DEFAULT, H5P_DEFAULT);
  H5Lcreate_external("/etc/passwd", "/x", file, "/elsewhere", H5P_DEFAULT, H5P_DEFAULT);
}

static void test_links_that_may_lead_elsewhere_are_not_followed(void **state) {
  (void)state;
  static const char *const names[] = {"/soft", "/soft_group/numbers", "/dangling", "/external", "/elsewhere"};
  make_by_hand(fill_with_links);
  psac_h5_file *file;
  int64_t dims[2];
  assert_ok(psac_h5_open(NULL, path, &file));
  assert_true(psac_h5_has(file, "/real/numbers"));
  assert_ok(psac_h5_read_dims(file, "/real/numbers", 2, dims));
  for (size_t k = 0; k < COUNT(names); k++) assert_int_equal(psac_h5_has(file, names[k]), strcmp(names[k], "/soft_group/numbers") != 0);
  psac_h5_close(&file);
  for (size_t k = 0; k < COUNT(names); k++) refuse_dims(names[k], 2, "is a link to somewhere else");
}

static void fill_with_strange_things(hid_t file) {
  H5Gclose(H5Gcreate2(file, "/group", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
  add_numbers(file, "/numbers", H5T_NATIVE_INT32);
  const hid_t text = H5Tcopy(H5T_C_S1);
  add_numbers(file, "/texts", text);
  H5Tclose(text);
  const hsize_t dims[2] = {2, WIDTH};
  const hid_t space = H5Screate_simple(2, dims, NULL), properties = H5Pcreate(H5P_DATASET_CREATE);
  H5Pset_external(properties, "/etc/passwd", 0, sizeof(int32_t) * 2 * WIDTH);
  H5Dclose(H5Dcreate2(file, "/elsewhere", H5T_NATIVE_INT32, space, H5P_DEFAULT, properties, H5P_DEFAULT));
  H5Pclose(properties);
  H5Sclose(space);
}

static void test_objects_that_are_no_arrays_of_numbers_are_refused(void **state) {
  (void)state;
  make_by_hand(fill_with_strange_things);
  refuse_dims("/nothing", 2, "/nothing is missing");
  refuse_dims("/group", 2, "/group is not a readable dataset");
  refuse_dims("/texts", 2, "/texts does not hold numbers");
  refuse_dims("/elsewhere", 2, "/elsewhere keeps its data in another file");
  refuse_rows("/elsewhere", 0, 1);
}

static void test_wrong_numbers_of_dimensions_are_refused(void **state) {
  (void)state;
  make_by_hand(fill_with_strange_things);
  refuse_dims("/numbers", 1, "has 2 dimensions; 1 are needed");
  refuse_dims("/numbers", 3, "has 2 dimensions; 3 are needed");
}

static void test_rows_beyond_the_end_are_refused(void **state) {
  (void)state;
  make_by_hand(fill_with_strange_things);
  refuse_rows("/numbers", 0, 3);
  refuse_rows("/numbers", 2, 1);
  refuse_rows("/numbers", 1000, 1);
}

static void add_attribute(hid_t file, const char *name, hid_t type, int n, const void *value) {
  const hsize_t dims = (hsize_t)n;
  const hid_t space = n > 0 ? H5Screate_simple(1, &dims, NULL) : H5Screate(H5S_SCALAR);
  const hid_t id = H5Acreate2(file, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
  assert_true(H5Awrite(id, type, value) >= 0);
  H5Aclose(id);
  H5Sclose(space);
}

static void fill_with_attributes(hid_t file) {
  const int64_t two[2] = {1, 2};
  const char *text = "variable";
  const hid_t fixed = H5Tcopy(H5T_C_S1), variable = H5Tcopy(H5T_C_S1);
  H5Tset_size(fixed, 8);
  H5Tset_size(variable, H5T_VARIABLE);
  add_attribute(file, "two", H5T_NATIVE_INT64, 2, two);
  add_attribute(file, "fixed", fixed, 0, "eight...");
  add_attribute(file, "variable", variable, 0, &text);
  H5Tclose(fixed);
  H5Tclose(variable);
}

static void test_attributes_that_are_missing_or_of_another_kind_are_refused(void **state) {
  (void)state;
  make_by_hand(fill_with_attributes);
  psac_h5_file *file;
  int64_t whole;
  double real;
  char *text;
  assert_ok(psac_h5_open(NULL, path, &file));
  assert_int_equal(psac_h5_read_i64(file, "/", "none", &whole), PSAC_ERR_INPUT);
  assert_message_has("attribute none of / is missing");
  assert_int_equal(psac_h5_read_i64(file, "/", "two", &whole), PSAC_ERR_INPUT);
  assert_int_equal(psac_h5_read_f64(file, "/", "fixed", &real), PSAC_ERR_INPUT);
  assert_message_has("is not one number");
  assert_int_equal(psac_h5_read_text(file, "/", "two", &text), PSAC_ERR_INPUT);
  assert_message_has("is not a fixed-length text");
  assert_null(text);
  assert_int_equal(psac_h5_read_text(file, "/", "variable", &text), PSAC_ERR_INPUT);
  assert_int_equal(psac_h5_read_text(file, "/", "none", &text), PSAC_ERR_INPUT);
  assert_ok(psac_h5_read_text(file, "/", "fixed", &text));
  assert_string_equal(text, "eight...");  // without a final 0 in the file
  free(text);
  psac_h5_close(&file);
}

// The file is made by rank 0, then cut to `size` bytes or filled with `garbage`.
static void refuse_to_open(off_t size, const char *garbage) {
  const psac_access access = all_ranks();
  if (ranks.rank == 0) {
    if (garbage) {
      FILE *file = fopen(path, "w");
      assert_non_null(file);
      fputs(garbage, file);
      fclose(file);
    }
    if (size >= 0) assert_int_equal(truncate(path, size), 0);
  }
  meet();
  psac_h5_file *file;
  assert_int_equal(psac_h5_open(NULL, path, &file), PSAC_ERR_INPUT);
  assert_message_has(path);
  assert_null(file);
  assert_int_equal(psac_h5_open(&access, path, &file), PSAC_ERR_INPUT);
  assert_null(file);
  meet();
}

static void test_files_that_are_not_whole_hdf5_files_are_refused(void **state) {
  (void)state;
  refuse_to_open(-1, "");
  refuse_to_open(-1, "This is no HDF5 file, but long enough to have the header of one, if a reader did not look at it at all.");
  psac_h5_file *file = write_some(100);
  assert_ok(psac_h5_commit(&file));
  refuse_to_open(1000, NULL);
  refuse_to_open(50, NULL);
}

static void test_folders_and_missing_files_are_refused(void **state) {
  (void)state;
  psac_h5_file *file;
  assert_int_equal(psac_h5_open(NULL, path, &file), PSAC_ERR_INPUT);
  assert_message_has("does not exist or is not a file");
  assert_int_equal(psac_h5_open(NULL, folder, &file), PSAC_ERR_INPUT);
  assert_message_has("does not exist or is not a file");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

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
      TEST(test_what_a_killed_run_left_is_written_over),
      TEST(test_an_array_cannot_be_written_twice),
      TEST(test_a_folder_that_does_not_exist_takes_no_file),
      TEST(test_a_writable_place_is_left_as_it_was),
      TEST(test_places_that_take_no_file_are_refused),
      TEST(test_a_folder_without_permission_is_refused),
      TEST(test_links_that_may_lead_elsewhere_are_not_followed),
      TEST(test_objects_that_are_no_arrays_of_numbers_are_refused),
      TEST(test_wrong_numbers_of_dimensions_are_refused),
      TEST(test_rows_beyond_the_end_are_refused),
      TEST(test_attributes_that_are_missing_or_of_another_kind_are_refused),
      TEST(test_files_that_are_not_whole_hdf5_files_are_refused),
      TEST(test_folders_and_missing_files_are_refused),
  };
  run_on_all_ranks("h5_file", tests);
}
