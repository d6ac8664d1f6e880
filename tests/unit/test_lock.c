// lock: an output has one owner, and what a dead one has left does not keep others away.
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "io/lock.h"

static char folder[64], path[128], file[160];

static int set_up(void **state) {
  (void)state;
  strcpy(folder, "/tmp/psac_test_lock_XXXXXX");
  if (!mkdtemp(folder)) return -1;
  snprintf(path, sizeof path, "%s/run.h5", folder);
  snprintf(file, sizeof file, "%s/run.lock", folder);
  unsetenv("SLURM_JOB_ID");
  unsetenv("SLURM_RESTART_COUNT");
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  char command[128];
  snprintf(command, sizeof command, "rm -rf '%s'", folder);
  return system(command);
}

static void read_lock(char text[2048]) {
  FILE *lock = fopen(file, "r");
  assert_non_null(lock);
  const size_t n = fread(text, 1, 2047, lock);
  text[n] = '\0';
  fclose(lock);
}

static void write_lock(const char *text) {
  FILE *lock = fopen(file, "w");
  assert_non_null(lock);
  fputs(text, lock);
  fclose(lock);
}

// As if it had been refreshed so long ago.
static void make_older(long seconds) {
  struct timespec times[2];
  clock_gettime(CLOCK_REALTIME, &times[0]);
  times[0].tv_sec -= seconds;
  times[1] = times[0];
  assert_int_equal(utimensat(AT_FDCWD, file, times, 0), 0);
}

// A lock that another process has taken and left: killed, or alive on a machine of another name.
static void leave_lock(int on_another_machine) {
  const pid_t child = fork();
  if (child == 0) {
    psac_lock *lock;
    _exit(psac_lock_take(path, &lock) != PSAC_OK);
  }
  int status;
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_int_equal(status, 0);
  if (!on_another_machine) return;
  char text[2048];
  read_lock(text);
  char *machine = strstr(text, "machine ");
  assert_non_null(machine);
  machine[strlen("machine ")] = 'x';
  write_lock(text);
}

static void expect_refused(const char *part) {
  psac_lock *lock;
  assert_int_equal(psac_lock_take(path, &lock), PSAC_ERR_INPUT);
  assert_message_has(part);
  assert_null(lock);
}

static void expect_taken(void) {
  psac_lock *lock;
  assert_ok(psac_lock_take(path, &lock));
  assert_ok(psac_lock_check(lock));
  psac_lock_release(&lock);
  assert_null(lock);
  assert_int_not_equal(access(file, F_OK), 0);
}

static void test_one_process_owns_an_output(void **state) {
  (void)state;
  psac_lock *lock;
  char text[2048], host[128] = "", pid[64];
  gethostname(host, sizeof host - 1);
  snprintf(pid, sizeof pid, "process %ld on", (long)getpid());
  setenv("SLURM_JOB_ID", "77", 1);
  assert_ok(psac_lock_take(path, &lock));
  read_lock(text);
  assert_true(strstr(text, host) && strstr(text, "pid ") && strstr(text, "started 2") &&
              strstr(text, "SLURM_JOB_ID 77\n"));
  unsetenv("SLURM_JOB_ID");
  expect_refused(pid);
  assert_message_has(host);
  assert_message_has("Slurm job 77");
  psac_lock_release(&lock);
  expect_taken();
}

static void test_a_lock_whose_process_is_gone_is_taken_over(void **state) {
  (void)state;
  leave_lock(0);
  expect_taken();
}

// The process's id may be another one's by now.
static void test_a_process_of_the_same_number_is_not_the_owner(void **state) {
  (void)state;
  psac_lock *lock;
  char text[2048];
  assert_ok(psac_lock_take(path, &lock));
  read_lock(text);
  psac_lock_release(&lock);
  char *born = strstr(text, "born ");
  assert_non_null(born);
  born[strlen("born ")] ^= 1;  // another digit
  write_lock(text);
  expect_taken();
}

static void test_a_lock_of_elsewhere_is_stale_after_two_minutes(void **state) {
  (void)state;
  leave_lock(1);
  make_older(100);
  expect_refused("is being written by process");
  make_older(125);
  expect_taken();
}

static void test_a_job_that_was_requeued_takes_over_its_own(void **state) {
  (void)state;
  setenv("SLURM_JOB_ID", "77", 1);
  leave_lock(1);
  setenv("SLURM_JOB_ID", "78", 1);
  expect_refused("Slurm job 77");
  setenv("SLURM_JOB_ID", "77", 1);
  expect_taken();
}

static void test_two_steps_of_one_job_are_two(void **state) {
  (void)state;
  psac_lock *lock;
  setenv("SLURM_JOB_ID", "77", 1);
  assert_ok(psac_lock_take(path, &lock));
  expect_refused("Slurm job 77");
  setenv("SLURM_RESTART_COUNT", "1", 1);
  expect_taken();
  psac_lock_release(&lock);
}

static void test_who_was_taken_over_notices(void **state) {
  (void)state;
  psac_lock *lock;
  assert_ok(psac_lock_take(path, &lock));
  write_lock("host other\npid 1\n");
  assert_int_equal(psac_lock_check(lock), PSAC_ERR_INTERNAL);
  assert_message_has("taken over");
  psac_lock_release(&lock);
  assert_int_equal(access(file, F_OK), 0);  // the other one's
}

static void test_what_is_no_lock_is_refused_without_waiting(void **state) {
  (void)state;
  char victim[160];
  snprintf(victim, sizeof victim, "%s/victim", folder);
  fclose(fopen(victim, "w"));
  for (int kind = 0; kind < 3; kind++) {
    const int made = kind == 0 ? symlink(victim, file) : kind == 1 ? link(victim, file) : mkfifo(file, 0600);
    assert_int_equal(made, 0);
    expect_refused("cannot be read");
    assert_int_equal(unlink(file), 0);
  }
  write_lock("");  // its owner is just about to write it
  expect_refused("is being written");
  write_lock("pid ../../etc\nhost \001\033[31m\nmachine \n\n\xff\xfe");
  expect_refused("is being written");
  make_older(125);
  expect_taken();
  struct stat info;
  assert_int_equal(stat(victim, &info), 0);
  assert_int_equal(info.st_size, 0);
}

// Of many that find the same stale lock, one takes it over.
static void test_one_of_many_takes_over(void **state) {
  (void)state;
  enum { N = 12 };
  int go[2];
  leave_lock(1);
  make_older(200);
  assert_int_equal(pipe(go), 0);
  pid_t child[N];
  for (int k = 0; k < N; k++) {
    if ((child[k] = fork()) != 0) continue;
    char byte;
    psac_lock *lock;
    close(go[1]);
    if (read(go[0], &byte, 1) != 0) _exit(2);
    if (psac_lock_take(path, &lock) == PSAC_OK) pause();
    _exit(0);
  }
  close(go[0]);
  close(go[1]);
  alarm(50);  // if there are two owners
  for (int n = 0; n < N - 1; n++) {
    const pid_t ended = wait(NULL);
    for (int k = 0; k < N; k++) child[k] = child[k] == ended ? 0 : child[k];
  }
  alarm(0);
  for (int k = 0; k < N; k++) {
    int status;
    if (!child[k]) continue;
    assert_int_equal(kill(child[k], SIGKILL), 0);
    assert_int_equal(waitpid(child[k], &status, 0), child[k]);
    assert_true(WIFSIGNALED(status));
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
      TEST(test_one_process_owns_an_output),
      TEST(test_a_lock_whose_process_is_gone_is_taken_over),
      TEST(test_a_process_of_the_same_number_is_not_the_owner),
      TEST(test_a_lock_of_elsewhere_is_stale_after_two_minutes),
      TEST(test_a_job_that_was_requeued_takes_over_its_own),
      TEST(test_two_steps_of_one_job_are_two),
      TEST(test_who_was_taken_over_notices),
      TEST(test_what_is_no_lock_is_refused_without_waiting),
      TEST(test_one_of_many_takes_over),
  };
  return cmocka_run_group_tests_name("lock", tests, NULL, NULL);
}
