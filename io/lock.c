#define _GNU_SOURCE  // flock, pthread_condattr_setclock
#include "io/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "io/disk.h"

enum { REFRESH_SECONDS = 5, STALE_SECONDS = 120, TEXT_BYTES = 1024, WORD_BYTES = 96, TRIES = 50 };

// Contents of a lock. `machine`: boot id and PID namespace; process ids are comparable only where it is equal. `born`:
// start of the process in clock ticks since boot, because process ids are reused. `token`: unique for every lock.
typedef struct owner {
  char host[WORD_BYTES], machine[WORD_BYTES], pid[WORD_BYTES], born[WORD_BYTES], started[WORD_BYTES], job[WORD_BYTES],
      restart[WORD_BYTES], token[WORD_BYTES];
} owner;

static const struct {
  const char *key;
  size_t offset;
} entry[] = {
    {"host", offsetof(owner, host)},       {"machine", offsetof(owner, machine)},
    {"pid", offsetof(owner, pid)},         {"born", offsetof(owner, born)},
    {"started", offsetof(owner, started)}, {"SLURM_JOB_ID", offsetof(owner, job)},
    {"token", offsetof(owner, token)},     {"SLURM_RESTART_COUNT", offsetof(owner, restart)},
};
enum { N_ENTRIES = sizeof entry / sizeof *entry };

struct psac_lock {
  char path[PSAC_DISK_NAME_BYTES];
  char text[TEXT_BYTES];
  pthread_t thread;
  pthread_mutex_t mutex;
  pthread_cond_t end;
  int is_over;
};

static char path_in_handler[PSAC_DISK_NAME_BYTES];
static volatile sig_atomic_t is_dropped_in_handler;
static pid_t owner_in_handler;  // a forked child must not remove the lock

// ---------------------------------------------------------------- owner

// Reads a small file as text, at most n_bytes - 1 of it; "" if there is none.
static void read_text(int fd, char *text, size_t n_bytes) {
  const ssize_t n = fd < 0 ? 0 : pread(fd, text, n_bytes - 1, 0);
  text[n > 0 ? n : 0] = '\0';
}

static void read_text_of(const char *path, char *text, size_t n_bytes) {
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  read_text(fd, text, n_bytes);
  if (fd >= 0) close(fd);
}

// Start of a process in clock ticks since boot, "" if it has ended: field 22 of its stat. Field 2, a name in
// parentheses, may contain any character.
static void find_birth(const char *pid, char born[WORD_BYTES]) {
  char path[WORD_BYTES + 16], text[TEXT_BYTES];
  snprintf(path, sizeof path, "/proc/%s/stat", pid);
  read_text_of(path, text, sizeof text);
  char *field = strrchr(text, ')');
  born[0] = '\0';
  if (!field || strchr("ZX", field[2])) return;  // a zombie has ended
  for (int k = 2; field && k < 22; k++) field = strchr(field + 1, ' ');
  if (field) sscanf(field, "%95s", born);
}

static void copy_word(char word[WORD_BYTES], const char *from) { snprintf(word, WORD_BYTES, "%s", from ? from : ""); }

static void describe_self(owner *self) {
  char boot[WORD_BYTES], space[48] = "";
  uint64_t token = (uint64_t)time(NULL);
  memset(self, 0, sizeof *self);
  gethostname(self->host, sizeof self->host - 1);
  read_text_of("/proc/sys/kernel/random/boot_id", boot, sizeof boot);
  boot[strcspn(boot, "\n")] = '\0';
  if (readlink("/proc/self/ns/pid", space, sizeof space - 1) < 0) space[0] = '\0';
  snprintf(self->machine, sizeof self->machine, "%.40s/%.40s", boot, space);
  snprintf(self->pid, sizeof self->pid, "%ld", (long)getpid());
  find_birth("self", self->born);
  psac_clock_utc(self->started);
  copy_word(self->job, getenv("SLURM_JOB_ID"));
  copy_word(self->restart, getenv("SLURM_RESTART_COUNT"));
  if (getrandom(&token, sizeof token, GRND_NONBLOCK) < 0) token ^= (uint64_t)getpid() << 40;
  snprintf(self->token, sizeof self->token, "%016llx", (unsigned long long)token);
}

static void print_owner(const owner *of, char text[TEXT_BYTES]) {
  size_t n = 0;
  for (int k = 0; k < N_ENTRIES; k++) {
    n += (size_t)snprintf(text + n, TEXT_BYTES - n, "%s %s\n", entry[k].key, (const char *)of + entry[k].offset);
  }
}

// Parses the text of a lock. Entries that are missing or malformed stay "".
static void read_owner(const char *text, owner *of) {
  memset(of, 0, sizeof *of);
  for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
    for (int k = 0; k < N_ENTRIES; k++) {
      const size_t n = strlen(entry[k].key);
      if (strncmp(line, entry[k].key, n) != 0 || line[n] != ' ') continue;
      snprintf((char *)of + entry[k].offset, WORD_BYTES, "%.*s", (int)strcspn(line + n + 1, "\n"), line + n + 1);
    }
  }
  for (char *c = (char *)of; c < (char *)(of + 1); c++) {
    if (*c && (*c < ' ' || *c > '~')) *c = '?';  // it goes into messages
  }
  if (strspn(of->pid, "0123456789") != strlen(of->pid)) of->pid[0] = '\0';  // it becomes a part of a path
}

// Returns why a lock is stale; NULL if its owner may be alive. `age`: seconds since it was refreshed.
static const char *why_stale(const owner *of, const owner *self, double age) {
  char born[WORD_BYTES] = "";
  const int is_here = of->pid[0] && strcmp(of->machine, self->machine) == 0;
  if (is_here) find_birth(of->pid, born);
  if (is_here && (!born[0] || strcmp(born, of->born) != 0)) return "its process is gone";
  if (age > STALE_SECONDS) return "it has not been refreshed for two minutes";
  const int is_this_job = of->job[0] && strcmp(of->job, self->job) == 0;
  if (is_this_job && !(is_here && strcmp(of->restart, self->restart) == 0))
    return "it is this job's own, from before it was requeued";
  return NULL;
}

// ---------------------------------------------------------------- the file

// Current time on the clock of the file system, which stamps the lock and may be a file server's.
static double time_beside(const char *path) {
  char name[PSAC_DISK_NAME_BYTES];
  struct stat info = {.st_mtim.tv_sec = time(NULL)};
  int fd;
  if (psac_disk_create(path, name, &fd) != PSAC_OK) return (double)info.st_mtim.tv_sec;
  fstat(fd, &info);
  close(fd);
  unlink(name);
  return (double)info.st_mtim.tv_sec + 1e-9 * (double)info.st_mtim.tv_nsec;
}

static psac_status write_lock(int fd, const psac_lock *lock) {
  PSAC_TRY(psac_disk_write(fd, lock->path, lock->text, strlen(lock->text), 0));
  return ftruncate(fd, (off_t)strlen(lock->text)) == 0
             ? PSAC_OK
             : psac_fail(PSAC_ERR_IO, "cannot write %s: %s", lock->path, strerror(errno));
}

static psac_status create(const psac_lock *lock, int *is_made) {
  const int fd = open(lock->path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
  *is_made = fd >= 0;
  if (fd < 0)
    return errno == EEXIST ? PSAC_OK : psac_fail(PSAC_ERR_INPUT, "cannot create %s: %s", lock->path, strerror(errno));
  psac_status status = write_lock(fd, lock);
  close(fd);
  if (status != PSAC_OK) unlink(lock->path);
  return status;
}

static int is_same_file(int fd, const char *path) {
  struct stat mine, there;
  return fstat(fd, &mine) == 0 && lstat(path, &there) == 0 && mine.st_ino == there.st_ino &&
         mine.st_dev == there.st_dev;
}

// Decides on an existing lock: fails if it is held, takes it over in place if it is stale. flock serializes processes
// that find it stale.
static psac_status judge(const psac_lock *lock, const char *path, const owner *self, int fd, int *is_mine) {
  char text[TEXT_BYTES];
  owner of;
  struct stat info;
  const double now = time_beside(path);
  if (flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) return PSAC_OK;  // another process is deciding on it
  if (fstat(fd, &info) != 0 || !is_same_file(fd, lock->path)) return PSAC_OK;     // it was removed or replaced
  read_text(fd, text, sizeof text);
  read_owner(text, &of);
  const double age = now - ((double)info.st_mtim.tv_sec + 1e-9 * (double)info.st_mtim.tv_nsec);
  const char *stale = why_stale(&of, self, age);
  char job[WORD_BYTES + 16] = "";
  if (of.job[0]) snprintf(job, sizeof job, ", Slurm job %s", of.job);
  if (!stale) {
    return psac_fail(
        PSAC_ERR_INPUT,
        "%s is being written by process %s on %s%s, since %s; use another --out (if that process is no more, the "
        "lock %s is free after two minutes)",
        path, of.pid, of.host, job, of.started, lock->path);
  }
  PSAC_TRY(write_lock(fd, lock));
  psac_log("psac_dist: taking over %s from process %s on %s%s: %s", lock->path, of.pid, of.host, job, stale);
  *is_mine = 1;
  return PSAC_OK;
}

static psac_status take(const psac_lock *lock, const char *path, const owner *self) {
  const struct timespec moment = {.tv_nsec = 20000000};
  for (int k = 0; k < TRIES; k++) {
    int is_mine = 0;
    PSAC_TRY(create(lock, &is_mine));
    if (is_mine) return PSAC_OK;
    const int fd = psac_disk_open(lock->path, O_RDWR);
    if (fd < 0 && errno != ENOENT) {
      return psac_fail(PSAC_ERR_INPUT, "the lock %s cannot be read: %s; remove it if no run writes %s", lock->path,
                       strerror(errno), path);
    }
    const psac_status status = fd < 0 ? PSAC_OK : judge(lock, path, self, fd, &is_mine);
    if (fd >= 0) close(fd);
    if (status != PSAC_OK || is_mine) return status;
    nanosleep(&moment, NULL);
  }
  return psac_fail(PSAC_ERR_INPUT, "the lock %s changes hands all the time; use another --out", lock->path);
}

// ---------------------------------------------------------------- while it is held

// 1 = this process's lock exists, 0 = there is no lock, -1 = another process's lock exists. `refresh` updates the time
// stamp of this process's lock.
static int look(const psac_lock *lock, int refresh) {
  char text[TEXT_BYTES];
  const int fd = psac_disk_open(lock->path, O_RDWR);
  if (fd < 0) return errno == ELOOP ? -1 : 0;
  read_text(fd, text, sizeof text);
  const int is_mine = strcmp(text, lock->text) == 0;
  if (is_mine && refresh) futimens(fd, NULL);
  close(fd);
  return is_mine ? 1 : -1;
}

static void *keep_fresh(void *self) {
  psac_lock *lock = self;
  struct timespec next;
  pthread_mutex_lock(&lock->mutex);
  clock_gettime(CLOCK_MONOTONIC, &next);
  while (!lock->is_over) {
    next.tv_sec += REFRESH_SECONDS;
    while (!lock->is_over && pthread_cond_timedwait(&lock->end, &lock->mutex, &next) != ETIMEDOUT) {
    }
    clock_gettime(CLOCK_MONOTONIC, &next);
    int is_made;
    if (!lock->is_over && look(lock, 1) == 0) create(lock, &is_made);  // it was removed
  }
  pthread_mutex_unlock(&lock->mutex);
  return NULL;
}

// The thread blocks all signals; the main thread handles them.
static int start_thread(psac_lock *lock) {
  sigset_t all, before;
  pthread_condattr_t clock;
  pthread_condattr_init(&clock);
  pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
  pthread_cond_init(&lock->end, &clock);
  pthread_condattr_destroy(&clock);
  pthread_mutex_init(&lock->mutex, NULL);
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const int failed = pthread_create(&lock->thread, NULL, keep_fresh, lock);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return !failed;
}

psac_status psac_lock_take(const char *path, psac_lock **lock) {
  owner self;
  psac_lock *made = calloc(1, sizeof *made);
  *lock = NULL;
  if (!made) return psac_fail(PSAC_ERR_MEMORY, "out of memory for the lock of %s", path);
  describe_self(&self);
  print_owner(&self, made->text);
  snprintf(made->path, sizeof made->path, "%.*s.lock", (int)psac_disk_stem(path), path);
  psac_status status = take(made, path, &self);
  if (status == PSAC_OK && !start_thread(made)) {
    unlink(made->path);
    status = psac_fail(PSAC_ERR_MEMORY, "no thread to refresh %s", made->path);
  }
  if (status != PSAC_OK) return free(made), status;
  snprintf(path_in_handler, sizeof path_in_handler, "%s", made->path);
  owner_in_handler = getpid();
  is_dropped_in_handler = 1;
  *lock = made;
  return PSAC_OK;
}

psac_status psac_lock_check(psac_lock *lock) {
  if (!lock || look(lock, 0) >= 0) return PSAC_OK;
  return psac_fail(
      PSAC_ERR_INTERNAL,
      "%s was taken over by another process while this one did not run; this run ends and leaves its files "
      "alone",
      lock->path);
}

void psac_lock_release(psac_lock **lock) {
  if (!*lock) return;
  psac_lock *held = *lock;
  pthread_mutex_lock(&held->mutex);
  held->is_over = 1;
  pthread_cond_signal(&held->end);
  pthread_mutex_unlock(&held->mutex);
  pthread_join(held->thread, NULL);
  is_dropped_in_handler = 0;
  if (look(held, 0) == 1) unlink(held->path);
  pthread_cond_destroy(&held->end);
  pthread_mutex_destroy(&held->mutex);
  free(held);
  *lock = NULL;
}

void psac_lock_drop_in_handler(void) {
  if (is_dropped_in_handler && getpid() == owner_in_handler) unlink(path_in_handler);
}
