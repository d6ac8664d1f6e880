// disk: places that take no file are refused, and nothing is written through what a stranger has put in the way.
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "io/disk.h"

static char folder[64], path[128];

static int set_up(void **state) {
  (void)state;
  strcpy(folder, "/tmp/psac_test_disk_XXXXXX");
  if (!mkdtemp(folder)) return -1;
  snprintf(path, sizeof path, "%s/file.h5", folder);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  char command[128];
  snprintf(command, sizeof command, "rm -rf '%s'", folder);
  return system(command);
}

static void put(const char *name, const char *text) {
  FILE *file = fopen(name, "w");
  assert_non_null(file);
  fputs(text, file);
  fclose(file);
}

static void expect(const char *name, const char *text) {
  char found[64] = "";
  FILE *file = fopen(name, "r");
  assert_non_null(file);
  if (!fgets(found, sizeof found, file)) found[0] = '\0';
  fclose(file);
  assert_string_equal(found, text);
}

static void test_a_writable_place_is_left_as_it_was(void **state) {
  (void)state;
  int exists = 1;
  assert_ok(psac_disk_check(path, &exists));
  assert_false(exists);
  assert_int_equal(rmdir(folder), 0);  // it is empty
  assert_int_equal(mkdir(folder, 0700), 0);
  put(path, "old");
  assert_ok(psac_disk_check(path, &exists));
  assert_true(exists);
  expect(path, "old");
}

static void test_places_that_take_no_file_are_refused(void **state) {
  (void)state;
  int exists;
  char name[8192];
  assert_int_equal(psac_disk_check(folder, &exists), PSAC_ERR_INPUT);
  assert_message_has("is a folder");
  snprintf(name, sizeof name, "%s/pipe", folder);
  assert_int_equal(mkfifo(name, 0600), 0);
  assert_int_equal(psac_disk_check(name, &exists), PSAC_ERR_INPUT);
  assert_message_has("is no ordinary file");
  snprintf(name, sizeof name, "%s/link", folder);
  assert_int_equal(symlink("nowhere", name), 0);
  assert_int_equal(psac_disk_check(name, &exists), PSAC_ERR_INPUT);
  assert_message_has("is a symbolic link");
  snprintf(name, sizeof name, "%s/no/file.h5", folder);
  assert_int_equal(psac_disk_check(name, &exists), PSAC_ERR_INPUT);
  assert_message_has("does not exist");
  memset(name, 'x', sizeof name - 1);
  name[sizeof name - 1] = '\0';
  assert_int_equal(psac_disk_check(name, &exists), PSAC_ERR_INPUT);
  assert_message_has("too long");
}

// Whatever length is accepted, the files that are named after it can be made.
static void test_names_leave_room_for_those_of_the_files_beside(void **state) {
  (void)state;
  int n_accepted = 0;
  for (int n = 150; n < 260; n++) {
    char name[512], temporary[PSAC_DISK_NAME_BYTES];
    int exists, fd;
    snprintf(name, sizeof name, "%s/%0*d.h5", folder, n - 3, 7);
    if (psac_disk_check(name, &exists) != PSAC_OK) {
      assert_message_has("too long");
      continue;
    }
    n_accepted = n;
    snprintf(name, sizeof name, "%s/%0*d.ckpt-%018d.h5", folder, n - 3, 7, 1);
    assert_ok(psac_disk_create(name, temporary, &fd));
    assert_ok(psac_disk_close(fd, temporary));
    assert_int_equal(unlink(temporary), 0);
  }
  assert_in_range(n_accepted, 180, 230);
}

static void test_a_folder_without_permission_is_refused(void **state) {
  (void)state;
  int exists;
  assert_int_equal(chmod(folder, 0555), 0);
  const uid_t user = geteuid();
  if (user == 0 && seteuid(65534) != 0) skip();  // root may write anywhere, so become nobody
  const psac_status status = psac_disk_check(path, &exists);
  assert_int_equal(seteuid(user), 0);
  assert_int_equal(status, PSAC_ERR_INPUT);
  assert_message_has("Permission denied");
}

static void test_temporary_names_are_unique(void **state) {
  (void)state;
  enum { N = 50 };
  static char name[N][PSAC_DISK_NAME_BYTES];
  for (int k = 0; k < N; k++) {
    int fd, again;
    assert_ok(psac_disk_create(path, name[k], &fd));
    for (int j = 0; j < k; j++) assert_string_not_equal(name[j], name[k]);
    assert_ok(psac_disk_join(name[k], &again));
    assert_ok(psac_disk_write(again, name[k], "text", 4, 0));
    assert_ok(psac_disk_close(again, name[k]));
    assert_ok(psac_disk_close(fd, name[k]));
    expect(name[k], "text");
  }
  psac_disk_remove_partial(path);
  assert_int_equal(rmdir(folder), 0);
  assert_int_equal(mkdir(folder, 0700), 0);
}

static void test_a_name_that_is_taken_is_replaced_only_if_it_may_be(void **state) {
  (void)state;
  char name[PSAC_DISK_NAME_BYTES];
  int fd;
  put(path, "old");
  for (int replace = 0; replace < 2; replace++) {
    assert_ok(psac_disk_create(path, name, &fd));
    assert_ok(psac_disk_write(fd, name, "new", 3, 0));
    assert_ok(psac_disk_close(fd, name));
    assert_int_equal(psac_disk_publish(name, path, replace), replace ? PSAC_OK : PSAC_ERR_IO);
    if (!replace) assert_message_has("File exists");
    expect(path, replace ? "new" : "old");
    psac_disk_discard(name);
  }
}

// Where a stranger has replaced a temporary file, nothing is written through it, and nobody waits.
static void test_links_and_pipes_are_not_written_through(void **state) {
  (void)state;
  char victim[160], name[160];
  int fd;
  snprintf(victim, sizeof victim, "%s/victim", folder);
  snprintf(name, sizeof name, "%s" PSAC_PARTIAL "0123abcd", path);
  put(victim, "kept");
  for (int kind = 0; kind < 3; kind++) {
    const int made = kind == 0 ? symlink(victim, name) : kind == 1 ? link(victim, name) : mkfifo(name, 0600);
    assert_int_equal(made, 0);
    assert_int_equal(psac_disk_join(name, &fd), PSAC_ERR_IO);
    assert_int_equal(psac_disk_publish(name, path, 1), PSAC_ERR_IO);
    psac_disk_discard(name);
    expect(victim, "kept");
    assert_int_not_equal(access(name, F_OK), 0);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
      TEST(test_a_writable_place_is_left_as_it_was),
      TEST(test_places_that_take_no_file_are_refused),
      TEST(test_names_leave_room_for_those_of_the_files_beside),
      TEST(test_a_folder_without_permission_is_refused),
      TEST(test_temporary_names_are_unique),
      TEST(test_a_name_that_is_taken_is_replaced_only_if_it_may_be),
      TEST(test_links_and_pipes_are_not_written_through),
  };
  return cmocka_run_group_tests_name("disk", tests, NULL, NULL);
}
