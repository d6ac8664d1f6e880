// What the tests of HDF5 files share: a folder of their own, and a file with some rows of every rank.
#ifndef PSAC_TESTS_H5_CASE_H
#define PSAC_TESTS_H5_CASE_H

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/disk.h"
#include "io/h5_file.h"
#include "parallel.h"

enum { WIDTH = 3 };

static char folder[64], path[128];

static inline psac_access all_ranks(void) { return (psac_access){ranks.rank, ranks.n_ranks, ranks.mpi_comm}; }

static inline int exists(const char *name) { return access(name, F_OK) == 0; }

// Files under temporary names.
static inline int n_partial(void) {
  int n = 0;
  DIR *place = opendir(folder);
  assert_non_null(place);
  for (const struct dirent *entry; (entry = readdir(place)) != NULL;) n += strstr(entry->d_name, PSAC_PARTIAL) != NULL;
  closedir(place);
  return n;
}

// Waits until every rank is here.
static inline void meet(void) {
  int64_t nothing = 0;
  assert_ok(psac_ranks_sum_i64(&ranks, &nothing, 1));
}

static inline int set_up(void **state) {
  (void)state;
  psac_h5_start();
  strcpy(folder, "/tmp/psac_test_h5_XXXXXX");
  if (ranks.rank == 0 && !mkdtemp(folder)) return -1;
  if (psac_ranks_broadcast(&ranks, folder, sizeof folder) != PSAC_OK) return -1;
  snprintf(path, sizeof path, "%s/file.h5", folder);
  return 0;
}

static inline int tear_down(void **state) {
  (void)state;
  char command[128];
  meet();
  snprintf(command, sizeof command, "rm -rf '%s'", folder);
  return ranks.rank == 0 ? system(command) : 0;
}

// Rank r holds r + 1 rows, but the last one none; element k of the whole array is value + k.
static inline int64_t rows_of(int rank) { return rank == ranks.n_ranks - 1 && rank > 0 ? 0 : rank + 1; }

static inline psac_field make_field(const char *name, int32_t *data, int32_t value) {
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
static inline psac_h5_file *write_some(int32_t value) {
  const psac_access access = all_ranks();
  int32_t data[64 * WIDTH];
  psac_h5_file *file;
  psac_field field = make_field("/group/numbers", data, value);
  field.units = "mV";
  assert_ok(psac_h5_create(&access, path, 1, &file));
  assert_ok(psac_h5_write(file, &field));
  assert_ok(psac_h5_write_text(file, "/", "text", "one line\nand another"));
  assert_ok(psac_h5_write_i64(file, "/group", "whole", INT64_MIN));
  assert_ok(psac_h5_write_f64(file, "/group/numbers", "real", 0.1));
  return file;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
