// checkpoint_names: where checkpoints lie, which belong to a run, and which are removed.
#include "src/run/checkpoint/checkpoint_names.h"

#include <dirent.h>
#include <unistd.h>

#include "check.h"

static char folder[64], out[96];

static int set_up(void **state) {
  (void)state;
  strcpy(folder, "/tmp/psac_test_names_XXXXXX");
  if (!mkdtemp(folder)) return -1;
  snprintf(out, sizeof out, "%s/run.h5", folder);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  char command[96];
  snprintf(command, sizeof command, "rm -rf '%s'", folder);
  return system(command);
}

static void touch(const char *name) {
  char path[256];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  FILE *file = fopen(path, "w");
  assert_non_null(file);
  fclose(file);
}

static int exists(const char *name) {
  char path[256];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  return access(path, F_OK) == 0;
}

static void test_a_name_leads_back_to_its_run(void **state) {
  (void)state;
  static const char *const runs[] = {"runs/full.h5", "a.h5", "/x y/b.ckpt-7.h5"};
  char path[PSAC_CHECKPOINT_PATH_BYTES], owner[PSAC_CHECKPOINT_PATH_BYTES];
  psac_checkpoint_name("runs/full.h5", 64000, path);
  assert_string_equal(path, "runs/full.ckpt-000000064000.h5");
  for (size_t k = 0; k < COUNT(runs); k++) {
    for (int64_t trials = 0; trials < 999999999999999999 / 1000; trials = 1000 * trials + 1) {
      psac_checkpoint_name(runs[k], trials, path);
      assert_true(psac_checkpoint_owner(path, owner));
      assert_string_equal(owner, runs[k]);
    }
    psac_checkpoint_final_name(runs[k], path);
    assert_true(psac_checkpoint_owner(path, owner));
    assert_string_equal(owner, runs[k]);
  }
}

static void test_other_names_have_no_run(void **state) {
  (void)state;
  static const char *const names[] = {"",
                                      "full.h5",
                                      "full.ckpt-12.h5",
                                      ".ckpt-000000000012.h5",
                                      "full.ckpt-00000000001x.h5",
                                      "full.ckpt-000000000012.h5.partial-00000000",
                                      "full.ckpt-000000000012"};
  char owner[PSAC_CHECKPOINT_PATH_BYTES];
  for (size_t k = 0; k < COUNT(names); k++) assert_false(psac_checkpoint_owner(names[k], owner));
}

static void test_only_the_run_s_own_are_listed_the_newest_first(void **state) {
  (void)state;
  int64_t *trials, n;
  assert_ok(psac_checkpoint_list(out, &trials, &n));
  assert_int_equal(n, 0);
  free(trials);
  touch("run.ckpt-000000000005.h5");
  touch("run.ckpt-000000000200.h5");
  touch("run.ckpt-000000000030.h5");
  touch("run.ckpt-000000000300.h5.partial-0123abcd");
  touch("run.ckpt-000000000300.h5.partial-mine");
  touch("run.final.h5.partial-0123abcd");
  touch("run.h5.partial-0123abcd");
  touch("run2.h5.partial-0123abcd");
  touch("run.ckpt-1.h5");                        // not as psac_checkpoint_name writes it, ...
  touch("run.ckpt-00000000000000000000007.h5");  // ... as these are not
  touch("run.ckpt-0000000000031.h5");
  touch("run2.ckpt-000000000400.h5");
  touch("run.ckpt-000000000500.txt");
  touch("run.ckpt-.h5");
  assert_ok(psac_checkpoint_list(out, &trials, &n));
  assert_int_equal(n, 3);
  assert_int_equal(trials[0], 200);
  assert_int_equal(trials[1], 30);
  assert_int_equal(trials[2], 5);
  free(trials);
}

static void test_old_ones_and_incomplete_ones_are_removed_and_nothing_else(void **state) {
  (void)state;
  psac_checkpoint_prune(out, 30, 1);  // 200 is not this run's past
  assert_true(exists("run.ckpt-000000000200.h5") && exists("run.ckpt-000000000030.h5"));
  assert_false(exists("run.ckpt-000000000005.h5"));
  psac_checkpoint_prune(out, INT64_MAX, 0);
  assert_false(exists("run.ckpt-000000000200.h5") || exists("run.ckpt-000000000030.h5"));
  assert_true(exists("run2.ckpt-000000000400.h5") && exists("run.ckpt-000000000500.txt") && exists("run.ckpt-.h5"));
  assert_true(exists("run.ckpt-1.h5") && exists("run.ckpt-00000000000000000000007.h5") &&
              exists("run.ckpt-0000000000031.h5"));
  assert_true(exists("run.h5.partial-0123abcd"));
  psac_checkpoint_remove_partial(out);
  assert_false(exists("run.ckpt-000000000300.h5.partial-0123abcd") || exists("run.final.h5.partial-0123abcd"));
  assert_false(exists("run.h5.partial-0123abcd"));
  assert_true(exists("run2.h5.partial-0123abcd") && exists("run.ckpt-000000000300.h5.partial-mine"));
}

static void test_a_folder_that_is_not_there_is_named(void **state) {
  (void)state;
  int64_t *trials, n;
  assert_int_equal(psac_checkpoint_list("/no/such/folder/run.h5", &trials, &n), PSAC_ERR_INPUT);
  assert_message_has("/no/such/folder");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_a_name_leads_back_to_its_run),
      cmocka_unit_test(test_other_names_have_no_run),
      cmocka_unit_test(test_only_the_run_s_own_are_listed_the_newest_first),
      cmocka_unit_test(test_old_ones_and_incomplete_ones_are_removed_and_nothing_else),
      cmocka_unit_test(test_a_folder_that_is_not_there_is_named),
  };
  return cmocka_run_group_tests_name("checkpoint_names", tests, set_up, tear_down);
}
