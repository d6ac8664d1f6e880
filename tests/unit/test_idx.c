// io/idx: IDX files are read exactly or refused with the reason. Every test has a folder of its own with small files.
#include "io/idx.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <zlib.h>

#define IMAGES "train-images-idx3-ubyte"
#define LABELS "train-labels-idx1-ubyte"

// Three images of 2 x 2 pixels.
static const uint8_t good_images[] = {0, 0, 8, 3, 0, 0, 0, 3, 0, 0, 0, 2,  0, 0, 0, 2,  // header
                                      1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 0, 255};
static const uint8_t good_labels[] = {0, 0, 8, 1, 0, 0, 0, 3, 7, 0, 9};
enum { HEADER_BYTES = 16, LABEL_HEADER_BYTES = 8 };

static char folder[64];

static const char *path_of(const char *name) {
  static char path[128];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  return path;
}

static void write_plain(const char *name, const uint8_t *bytes, size_t n_bytes) {
  FILE *file = fopen(path_of(name), "wb");
  assert_non_null(file);
  assert_int_equal(fwrite(bytes, 1, n_bytes, file), n_bytes);
  assert_int_equal(fclose(file), 0);
}

static void write_gzip(const char *name, const uint8_t *bytes, size_t n_bytes) {
  gzFile file = gzopen(path_of(name), "wb");
  assert_non_null(file);
  assert_int_equal(gzwrite(file, bytes, (unsigned)n_bytes), n_bytes);
  assert_int_equal(gzclose(file), Z_OK);
}

// Replaces the byte at `offset`, counted from the end where negative.
static void patch(const char *name, long offset, uint8_t byte) {
  FILE *file = fopen(path_of(name), "r+b");
  assert_non_null(file);
  assert_int_equal(fseek(file, offset, offset < 0 ? SEEK_END : SEEK_SET), 0);
  assert_int_equal(fputc(byte, file), byte);
  assert_int_equal(fclose(file), 0);
}

// Cuts off the last `n_bytes`.
static void shorten(const char *name, off_t n_bytes) {
  struct stat info;
  assert_int_equal(stat(path_of(name), &info), 0);
  assert_int_equal(truncate(path_of(name), info.st_size - n_bytes), 0);
}

static int set_up(void **state) {
  (void)state;
  strcpy(folder, "/tmp/psac_test_idx_XXXXXX");
  if (!mkdtemp(folder)) return -1;
  write_plain(IMAGES, good_images, sizeof good_images);
  write_plain(LABELS, good_labels, sizeof good_labels);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  char command[128];
  snprintf(command, sizeof command, "rm -rf '%s'", folder);
  return system(command);
}

static void expect_good(const psac_digits *digits, int64_t n) {
  assert_int_equal(digits->n, n);
  assert_int_equal(digits->height, 2);
  assert_int_equal(digits->width, 2);
  assert_memory_equal(digits->pixels, good_images + HEADER_BYTES, (size_t)(4 * n));
  assert_memory_equal(digits->labels, good_labels + LABEL_HEADER_BYTES, (size_t)n);
}

static void expect_read(psac_digit_set set, int64_t max_images, int64_t n) {
  psac_digits digits;
  psac_status status = psac_digits_read(folder, set, max_images, &digits);
  if (status != PSAC_OK) fail_msg("%s", psac_fail_message());
  expect_good(&digits, n);
  psac_digits_free(&digits);
}

// The folder is refused, with a message of one line that contains both parts.
static void expect_refused(int64_t max_images, const char *part, const char *other_part) {
  psac_digits digits;
  assert_int_equal(psac_digits_read(folder, PSAC_TRAIN_SET, max_images, &digits), PSAC_ERR_INPUT);
  const char *message = psac_fail_message();
  if (!strstr(message, part) || !strstr(message, other_part) || strchr(message, '\n')) {
    fail_msg("\"%s\" should contain \"%s\" and \"%s\" in one line", message, part, other_part);
  }
  assert_null(digits.pixels);
  assert_null(digits.labels);
  assert_int_equal(digits.n, 0);
}

static void test_plain_files_are_read(void **state) {
  (void)state;
  expect_read(PSAC_TRAIN_SET, 0, 3);
}

static void test_gzipped_files_are_read(void **state) {
  (void)state;
  write_gzip(IMAGES ".gz", good_images, sizeof good_images);
  write_gzip(LABELS ".gz", good_labels, sizeof good_labels);
  assert_int_equal(unlink(path_of(IMAGES)), 0);
  assert_int_equal(unlink(path_of(LABELS)), 0);
  expect_read(PSAC_TRAIN_SET, 0, 3);
}

static void test_plain_file_goes_before_its_gzipped_form(void **state) {
  (void)state;
  write_plain(IMAGES ".gz", good_labels, sizeof good_labels);
  expect_read(PSAC_TRAIN_SET, 0, 3);
}

static void test_test_set_is_read_from_the_t10k_files(void **state) {
  (void)state;
  write_plain("t10k-images-idx3-ubyte", good_images, sizeof good_images);
  write_plain("t10k-labels-idx1-ubyte", good_labels, sizeof good_labels);
  assert_int_equal(unlink(path_of(IMAGES)), 0);
  expect_read(PSAC_TEST_SET, 0, 3);
}

static void test_set_of_several_pieces_is_read_exactly(void **state) {
  (void)state;
  enum { N = 1500, SIDE = 64, N_BYTES = HEADER_BYTES + N * SIDE * SIDE };
  static uint8_t images[N_BYTES] = {0, 0, 8, 3, 0, 0, N >> 8, N & 255, 0, 0, 0, SIDE, 0, 0, 0, SIDE};
  static uint8_t labels[LABEL_HEADER_BYTES + N] = {0, 0, 8, 1, 0, 0, N >> 8, N & 255};
  for (int i = HEADER_BYTES; i < N_BYTES; i++) images[i] = (uint8_t)((uint32_t)i * 2654435761u >> 24);
  write_plain(IMAGES, images, sizeof images);
  write_plain(LABELS, labels, sizeof labels);
  psac_digits digits;
  assert_int_equal(psac_digits_read(folder, PSAC_TRAIN_SET, 0, &digits), PSAC_OK);
  assert_int_equal(digits.n, N);
  assert_int_equal(digits.width, SIDE);
  assert_memory_equal(digits.pixels, images + HEADER_BYTES, N_BYTES - HEADER_BYTES);
  psac_digits_free(&digits);
}

static void test_max_images_cuts_the_set_short(void **state) {
  (void)state;
  shorten(IMAGES, 4);  // the last image is not looked at
  patch(LABELS, -1, 10);
  expect_read(PSAC_TRAIN_SET, 2, 2);
}

static void test_max_images_above_the_count_reads_all(void **state) {
  (void)state;
  expect_read(PSAC_TRAIN_SET, 4, 3);
}

static void test_headers_must_agree_even_when_cut_short(void **state) {
  (void)state;
  patch(LABELS, 7, 2);
  expect_refused(1, "3 images", "2 labels");
}

static void test_missing_folder_is_named(void **state) {
  (void)state;
  assert_int_equal(tear_down(state), 0);
  expect_refused(0, folder, "No such file or directory; tools/get_mnist");
}

static void test_missing_file_is_named_in_both_forms(void **state) {
  (void)state;
  assert_int_equal(unlink(path_of(LABELS)), 0);
  expect_refused(0, "neither " LABELS " nor " LABELS ".gz", "tools/get_mnist");
}

static void test_overlong_folder_name_is_refused(void **state) {
  (void)state;
  static char longer[8192];
  memset(longer, 'x', sizeof longer - 1);
  psac_digits digits;
  assert_int_equal(psac_digits_read(longer, PSAC_TRAIN_SET, 0, &digits), PSAC_ERR_INPUT);
  assert_non_null(strstr(psac_fail_message(), "8191 bytes"));
}

static void test_directory_in_place_of_a_file_is_refused(void **state) {
  (void)state;
  assert_int_equal(unlink(path_of(IMAGES)), 0);
  assert_int_equal(mkdir(path_of(IMAGES), 0700), 0);
  expect_refused(0, IMAGES, "is not a regular file");
}

static void test_unreadable_file_is_refused(void **state) {
  (void)state;
  assert_int_equal(chmod(path_of(IMAGES), 0), 0);
  assert_int_equal(chmod(folder, 0755), 0);
  const uid_t user = geteuid();
  if (user == 0 && seteuid(65534) != 0) skip();  // root may read anything, so become nobody
  expect_refused(0, IMAGES, "Permission denied");
  assert_int_equal(seteuid(user), 0);
}

static void test_empty_file_is_refused(void **state) {
  (void)state;
  shorten(LABELS, sizeof good_labels);
  expect_refused(0, LABELS " ends after 0 bytes", "should have 8");
}

static void test_truncated_header_is_refused(void **state) {
  (void)state;
  shorten(IMAGES, 4 * 3 + 1);
  expect_refused(0, IMAGES " ends after 15 bytes", "should have 16");
}

static void test_truncated_data_is_refused(void **state) {
  (void)state;
  shorten(IMAGES, 1);
  expect_refused(0, IMAGES " ends after 27 bytes", "should have 28");
}

static void test_trailing_bytes_are_refused(void **state) {
  (void)state;
  uint8_t longer[sizeof good_labels + 1] = {0};
  memcpy(longer, good_labels, sizeof good_labels);
  write_plain(LABELS, longer, sizeof longer);
  expect_refused(0, LABELS " goes on after the 11 bytes", "promises");
}

static void test_wrong_magic_number_is_refused(void **state) {
  (void)state;
  patch(IMAGES, 3, 1);
  expect_refused(0, IMAGES " starts with 0x00000801", "should start with 0x00000803");
}

static void test_huge_promise_costs_no_memory(void **state) {
  (void)state;
  for (long offset = 4; offset < 8; offset++) {
    patch(IMAGES, offset, 255);
    patch(LABELS, offset, 255);
  }
  patch(IMAGES, 11, PSAC_DIGIT_SIDE_MAX);
  patch(IMAGES, 15, PSAC_DIGIT_SIDE_MAX);
  expect_refused(0, IMAGES " ends after 28 bytes", "should have 17592186040336");  // 16 TiB
}

static void test_zero_images_are_refused(void **state) {
  (void)state;
  patch(IMAGES, 7, 0);
  expect_refused(0, IMAGES, "0 images");
}

static void test_image_without_pixels_is_refused(void **state) {
  (void)state;
  patch(IMAGES, 15, 0);
  expect_refused(0, IMAGES, "2 x 0 pixels");
}

static void test_too_large_image_is_refused(void **state) {
  (void)state;
  patch(IMAGES, 11, PSAC_DIGIT_SIDE_MAX + 1);
  expect_refused(0, IMAGES, "65 x 2 pixels");
}

static void test_label_above_nine_is_named_with_its_index(void **state) {
  (void)state;
  patch(LABELS, LABEL_HEADER_BYTES + 1, 10);
  expect_refused(0, LABELS, "label 10 at index 1");
}

static void test_corrupt_gzip_is_refused_with_the_reason(void **state) {
  (void)state;
  write_gzip(LABELS ".gz", good_labels, sizeof good_labels);
  assert_int_equal(unlink(path_of(LABELS)), 0);
  patch(LABELS ".gz", -8, 0);  // first byte of the checksum, was 0xa5
  expect_refused(0, LABELS ".gz", "incorrect data check");
}

static void test_gzip_that_is_cut_off_is_refused(void **state) {
  (void)state;
  write_gzip(LABELS ".gz", good_labels, sizeof good_labels);
  assert_int_equal(unlink(path_of(LABELS)), 0);
  shorten(LABELS ".gz", 1);  // all data is there, the end of the trailer is not
  expect_refused(0, LABELS ".gz", "cut off");
  shorten(LABELS ".gz", 12);
  expect_refused(0, LABELS ".gz", "cut off");
}

static void test_free_zeroes_the_set_and_allows_null(void **state) {
  (void)state;
  psac_digits digits;
  assert_int_equal(psac_digits_read(folder, PSAC_TRAIN_SET, 0, &digits), PSAC_OK);
  psac_digits_free(&digits);
  assert_null(digits.pixels);
  assert_int_equal(digits.n, 0);
  psac_digits_free(&digits);
  psac_digits_free(NULL);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(test_plain_files_are_read),
      TEST(test_gzipped_files_are_read),
      TEST(test_plain_file_goes_before_its_gzipped_form),
      TEST(test_test_set_is_read_from_the_t10k_files),
      TEST(test_set_of_several_pieces_is_read_exactly),
      TEST(test_max_images_cuts_the_set_short),
      TEST(test_max_images_above_the_count_reads_all),
      TEST(test_headers_must_agree_even_when_cut_short),
      TEST(test_missing_folder_is_named),
      TEST(test_missing_file_is_named_in_both_forms),
      TEST(test_overlong_folder_name_is_refused),
      TEST(test_directory_in_place_of_a_file_is_refused),
      TEST(test_unreadable_file_is_refused),
      TEST(test_empty_file_is_refused),
      TEST(test_truncated_header_is_refused),
      TEST(test_truncated_data_is_refused),
      TEST(test_trailing_bytes_are_refused),
      TEST(test_wrong_magic_number_is_refused),
      TEST(test_huge_promise_costs_no_memory),
      TEST(test_zero_images_are_refused),
      TEST(test_image_without_pixels_is_refused),
      TEST(test_too_large_image_is_refused),
      TEST(test_label_above_nine_is_named_with_its_index),
      TEST(test_corrupt_gzip_is_refused_with_the_reason),
      TEST(test_gzip_that_is_cut_off_is_refused),
      TEST(test_free_zeroes_the_set_and_allows_null),
  };
  return cmocka_run_group_tests_name("idx", tests, NULL, NULL);
}
