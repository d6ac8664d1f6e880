#include "base/host_memory.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { PATH_BYTES = 4096, NAME_BYTES = 2048 };

// Mount points and file names of one cgroup version.
typedef struct cgroup_version {
  const char *const *mount;  // NULL-terminated
  const char *limit, *usage, *cache[2];
} cgroup_version;

static const char *const mounts_1[] = {"/sys/fs/cgroup/memory", NULL};
static const char *const mounts_2[] = {"/sys/fs/cgroup", "/sys/fs/cgroup/unified", NULL};
static const cgroup_version version_1 = {
    mounts_1, "memory.limit_in_bytes", "memory.usage_in_bytes", {"total_inactive_file", "total_active_file"}};
static const cgroup_version version_2 = {mounts_2, "memory.max", "memory.current", {"inactive_file", "active_file"}};

static FILE *open_file(const char *root, const char *folder, const char *name) {
  char path[2 * PATH_BYTES];
  snprintf(path, sizeof path, "%s%s/%s", root, folder, name);
  return fopen(path, "re");
}

// Returns the number after `key` at the start of a line; an empty key is for a file that consists of one number. -1 if
// there is none.
static double read_number(const char *root, const char *folder, const char *name, const char *key) {
  FILE *file = open_file(root, folder, name);
  char line[256];
  double value = -1.0;
  while (file && value < 0.0 && fgets(line, sizeof line, file)) {
    const size_t n = strlen(key);
    char *end;
    if (strncmp(line, key, n) != 0) continue;
    const double number = strtod(line + n, &end);
    if (end > line + n) value = number;
  }
  if (file) fclose(file);
  return value;
}

static void look_at_cgroup(const char *root, const cgroup_version *version, const char *folder,
                           psac_host_memory *memory) {
  const double limit = read_number(root, folder, version->limit, "");
  const double usage = read_number(root, folder, version->usage, "");
  if (limit < 0.0 || usage < 0.0 || limit >= 0x1p62) return;  // no limit: "max", or a huge number in version 1
  double left = limit - usage;
  for (int k = 0; k < 2; k++) left += fmax(read_number(root, folder, "memory.stat", version->cache[k]), 0.0);
  left = fmin(fmax(left, 0.0), limit);
  memory->total = fmin(memory->total, limit);
  if (left >= memory->shared) return;
  memory->shared = left;
  snprintf(memory->limited_by, sizeof memory->limited_by, "cgroup %.150s", folder);
}

// Visits the cgroup `name` and its ancestors. In a container `name` may be the path on the host, so folders that do not
// exist are skipped.
static void walk_up(const char *root, const cgroup_version *version, const char *name, psac_host_memory *memory) {
  for (const char *const *mount = version->mount; *mount; mount++) {
    char folder[PATH_BYTES];
    snprintf(folder, sizeof folder, "%s%s", *mount, strcmp(name, "/") == 0 ? "" : name);
    while (strlen(folder) >= strlen(*mount)) {
      look_at_cgroup(root, version, folder, memory);
      *strrchr(folder, '/') = '\0';
    }
  }
}

// Lines of /proc/self/cgroup: "0::/name" is version 2. "4:memory:/name" is version 1; its second field may list several
// controllers.
static void look_at_cgroups(const char *root, psac_host_memory *memory) {
  FILE *file = open_file(root, "/proc/self", "cgroup");
  char line[NAME_BYTES];
  while (file && fgets(line, sizeof line, file)) {
    line[strcspn(line, "\n")] = '\0';
    char *controllers = strchr(line, ':'), *name = controllers ? strchr(controllers + 1, ':') : NULL;
    if (!name) continue;
    *name++ = '\0';
    controllers++;
    if (!controllers[0]) walk_up(root, &version_2, name, memory);
    for (char *each = strtok(controllers, ","); each; each = strtok(NULL, ",")) {
      if (strcmp(each, "memory") == 0) walk_up(root, &version_1, name, memory);
    }
  }
  if (file) fclose(file);
}

psac_host_memory psac_host_memory_read(const char *root) {
  psac_host_memory memory = {.total = HUGE_VAL, .shared = HUGE_VAL, .own = HUGE_VAL, .limited_by = "unknown"};
  const double total = read_number(root, "/proc", "meminfo", "MemTotal:");
  const double free = read_number(root, "/proc", "meminfo", "MemAvailable:");
  if (total > 0.0) memory.total = 1024.0 * total;
  if (free > 0.0) {
    memory.shared = 1024.0 * free;
    snprintf(memory.limited_by, sizeof memory.limited_by, "MemAvailable");
  }
  look_at_cgroups(root, &memory);
  struct rlimit limit;
  const double pages = read_number(root, "/proc/self", "statm", "");
  if (getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY && pages >= 0.0) {
    memory.own = fmax((double)limit.rlim_cur - pages * (double)sysconf(_SC_PAGESIZE), 0.0);
  }
  return memory;
}

double psac_host_resident(void) { return 1024.0 * fmax(read_number("", "/proc/self", "status", "VmRSS:"), 0.0); }

double psac_host_peak(void) { return 1024.0 * fmax(read_number("", "/proc/self", "status", "VmHWM:"), 0.0); }
