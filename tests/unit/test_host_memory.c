// What a process may still take: /proc and cgroups, made up in a folder, and the limit that ulimit sets.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/host_memory.h"
#include "check.h"

static char root[] = "/tmp/psac_memory_XXXXXX";

static void make(const char *path, const char *text) {
  char whole[512];
  for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
    snprintf(whole, sizeof whole, "%s%.*s", root, (int)(slash - path), path);
    mkdir(whole, 0777);
  }
  snprintf(whole, sizeof whole, "%s%s", root, path);
  FILE *file = fopen(whole, "w");
  assert_non_null(file);
  fputs(text, file);
  fclose(file);
}

static int clear(void **state) {
  (void)state;
  char command[64];
  snprintf(command, sizeof command, "rm -rf %s/*", root);
  assert_int_equal(system(command), 0);
  make("/proc/meminfo", "MemTotal:       16000 kB\nMemFree: 100 kB\nMemAvailable:    8000 kB\n");
  return 0;
}

static int make_root(void **state) {
  (void)state;
  return mkdtemp(root) ? 0 : -1;
}

static int remove_root(void **state) {
  char command[64];
  (void)state;
  snprintf(command, sizeof command, "rm -rf %s", root);
  return system(command);
}

static void expect(double shared, const char *limited_by) {
  const psac_host_memory memory = psac_host_memory_read(root);
  assert_true(memory.shared == shared);
  assert_string_equal(memory.limited_by, limited_by);
}

static void test_without_cgroups_it_is_what_the_host_has(void **state) {
  (void)state;
  expect(8000.0 * 1024, "MemAvailable");
  assert_true(psac_host_memory_read(root).total == 16000.0 * 1024);
  make("/proc/meminfo", "nothing\n");
  expect(HUGE_VAL, "unknown");
}

static void test_version_2(void **state) {
  (void)state;
  make("/proc/self/cgroup", "0::/slurm/job_12/step_0\n");
  expect(8000.0 * 1024, "MemAvailable");
  make("/sys/fs/cgroup/slurm/job_12/memory.max", "5000000\n");
  make("/sys/fs/cgroup/slurm/job_12/memory.current", "4000000\n");
  make("/sys/fs/cgroup/slurm/job_12/memory.stat",
       "anon 3700000\nfile 300000\ninactive_file 200000\nactive_file 50000\n");
  make("/sys/fs/cgroup/slurm/job_12/step_0/memory.max", "max\n");
  make("/sys/fs/cgroup/slurm/job_12/step_0/memory.current", "4000000\n");
  expect(1250000.0,
         "cgroup /sys/fs/cgroup/slurm/job_12");  // the step has no limit, the job has; page cache can be given back
  assert_true(psac_host_memory_read(root).total == 5000000.0);
  make("/sys/fs/cgroup/slurm/job_12/step_0/memory.max", "4100000\n");
  expect(100000.0, "cgroup /sys/fs/cgroup/slurm/job_12/step_0");
  make("/sys/fs/cgroup/slurm/job_12/step_0/memory.max", "3000000\n");  // lowered below what is used
  expect(0.0, "cgroup /sys/fs/cgroup/slurm/job_12/step_0");
}

static void test_version_1_beside_version_2(void **state) {
  (void)state;
  make("/proc/self/cgroup", "5:cpuset:/x\n4:cpuacct,memory:/slurm/uid_0/job_1\n1:name=systemd:/memory\n0::/\n");
  make("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");  // none
  make("/sys/fs/cgroup/memory/memory.usage_in_bytes", "7000000\n");
  expect(8000.0 * 1024, "MemAvailable");
  make("/sys/fs/cgroup/memory/slurm/uid_0/memory.limit_in_bytes", "2000000\n");
  make("/sys/fs/cgroup/memory/slurm/uid_0/memory.usage_in_bytes", "1500000\n");
  make("/sys/fs/cgroup/memory/slurm/uid_0/memory.stat",
       "cache 9\ninactive_file 1\ntotal_inactive_file 300000\ntotal_active_file 5\n");
  expect(800005.0, "cgroup /sys/fs/cgroup/memory/slurm/uid_0");
}

static void test_a_container_whose_folders_begin_at_its_own_cgroup(void **state) {
  (void)state;
  make("/proc/self/cgroup", "0::/docker/0123456789abcdef\n");  // a name outside, which is not there
  make("/sys/fs/cgroup/memory.max", "1000000\n");
  make("/sys/fs/cgroup/memory.current", "400000\n");
  expect(600000.0, "cgroup /sys/fs/cgroup");
}

static void test_the_limit_of_the_process(void **state) {
  (void)state;
  struct rlimit before, limit;
  assert_true(isinf(psac_host_memory_read(root).own));
  make("/proc/self/statm", "1000 1 1 1 0 1 0\n");
  assert_int_equal(getrlimit(RLIMIT_AS, &before), 0);
  limit = before;
  limit.rlim_cur = (rlim_t)1 << 40;
  assert_int_equal(setrlimit(RLIMIT_AS, &limit), 0);
  const double page = (double)sysconf(_SC_PAGESIZE);
  assert_true(psac_host_memory_read(root).own == 0x1p40 - 1000.0 * page);
  assert_int_equal(setrlimit(RLIMIT_AS, &before), 0);
}

static void test_the_peak_is_not_below_what_is_resident(void **state) {
  (void)state;
  assert_true(psac_host_resident() > 1e5);
  assert_true(psac_host_peak() >= psac_host_resident());
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup(test_without_cgroups_it_is_what_the_host_has, clear),
      cmocka_unit_test_setup(test_version_2, clear),
      cmocka_unit_test_setup(test_version_1_beside_version_2, clear),
      cmocka_unit_test_setup(test_a_container_whose_folders_begin_at_its_own_cgroup, clear),
      cmocka_unit_test_setup(test_the_limit_of_the_process, clear),
      cmocka_unit_test(test_the_peak_is_not_below_what_is_resident),
  };
  return cmocka_run_group_tests_name("host_memory", tests, make_root, remove_root);
}
