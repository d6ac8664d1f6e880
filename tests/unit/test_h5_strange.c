// h5_file: nothing in a file is believed unchecked.
#include <hdf5.h>

#include "h5_case.h"

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
  for (size_t k = 0; k < COUNT(names); k++)
    assert_int_equal(psac_h5_has(file, names[k]), strcmp(names[k], "/soft_group/numbers") != 0);
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
  refuse_to_open(
      -1, "This is no HDF5 file, but long enough to have the header of one, if a reader did not look at it at all.");
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

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      TEST(test_links_that_may_lead_elsewhere_are_not_followed),
      TEST(test_objects_that_are_no_arrays_of_numbers_are_refused),
      TEST(test_wrong_numbers_of_dimensions_are_refused),
      TEST(test_rows_beyond_the_end_are_refused),
      TEST(test_attributes_that_are_missing_or_of_another_kind_are_refused),
      TEST(test_files_that_are_not_whole_hdf5_files_are_refused),
      TEST(test_folders_and_missing_files_are_refused),
  };
  run_on_all_ranks("h5_strange", tests);
}
