// Preloaded by the tests of this folder: makes calls of psac_dist fail.
//
// PSAC_FAULT is CALL:ACTION:NUMBER:PART, for example pwrite:ENOSPC:3:.ckpt- : the third call of pwrite on a file whose
// name has this part does that; with NUMBER "3+" all from the third on. CALL is pwrite (write and writev count as
// well), fsync, rename, or MPI_Allreduce, whose PART is empty. ACTION is an error (ENOSPC, EIO, EROFS), short (only
// half is written), kill, stop, term (SIGTERM to itself), or for an MPI call fail. PSAC_FAULT_RANK is the rank that it
// happens on, all if it is not set. With PSAC_FAULT_CLOCK the wall clock jumps by this number of seconds back or forth
// at every reading, once MPI has started.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <mpi.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { NOTHING, SHORT, FAIL };  // what happens to a call

typedef struct fault {
  char call[32], action[16], part[64];
  int number, and_all_later, is_on;
} fault;

// Declares `found`, the function that this one stands in front of.
#define NEXT(result, name, arguments)      \
  static result(*found) arguments;         \
  if (!found) {                            \
    void *symbol = dlsym(RTLD_NEXT, name); \
    memcpy(&found, &symbol, sizeof found); \
  }

static int is_ours(void) {
  const char *wanted = getenv("PSAC_FAULT_RANK"), *rank = getenv("OMPI_COMM_WORLD_RANK");
  return strcmp(program_invocation_short_name, "psac_dist") == 0 && (!wanted || strcmp(wanted, rank ? rank : "0") == 0);
}

static const fault *the_fault(void) {
  static fault made;
  static int is_read;
  if (is_read) return &made;
  is_read = 1;
  const char *text = getenv("PSAC_FAULT");
  char number[16] = "";
  made.is_on =
      text && is_ours() && sscanf(text, "%31[^:]:%15[^:]:%15[^:]:%63s", made.call, made.action, number, made.part) >= 3;
  made.number = atoi(number);
  made.and_all_later = strchr(number, '+') != NULL;
  return &made;
}

static int error_of(const char *action) {
  return strcmp(action, "ENOSPC") == 0 ? ENOSPC : strcmp(action, "EROFS") == 0 ? EROFS : EIO;
}

// This call, on this file, is the one: what happens to it; errno is set for FAIL.
static int happens(const char *call, const char *name) {
  static atomic_int n_calls;
  const fault *f = the_fault();
  if (!f->is_on || strcmp(f->call, call) != 0 || !strstr(name, f->part)) return NOTHING;
  const int number = atomic_fetch_add(&n_calls, 1) + 1;
  if (number != f->number && !(f->and_all_later && number > f->number)) return NOTHING;
  if (strcmp(f->action, "kill") == 0) raise(SIGKILL);
  const int number_of_signal = strcmp(f->action, "stop") == 0 ? SIGSTOP : strcmp(f->action, "term") == 0 ? SIGTERM : 0;
  if (number_of_signal) return raise(number_of_signal), NOTHING;
  if (strcmp(f->action, "short") == 0) return SHORT;
  errno = error_of(f->action);
  return FAIL;
}

static int happens_to(const char *call, int fd) {
  if (!the_fault()->is_on) return NOTHING;
  char link[64], name[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const ssize_t n = readlink(link, name, sizeof name - 1);
  if (n < 0) return NOTHING;
  name[n] = '\0';
  return happens(call, name);
}

#define WRITE(name, arguments, list, size)     \
  ssize_t name arguments {                     \
    NEXT(ssize_t, #name, arguments)            \
    const int what = happens_to("pwrite", fd); \
    if (what == FAIL) return -1;               \
    if (what == SHORT && size > 1) size /= 2;  \
    return found list;                         \
  }

WRITE(pwrite, (int fd, const void *bytes, size_t n, off_t at), (fd, bytes, n, at), n)
WRITE(pwrite64, (int fd, const void *bytes, size_t n, off64_t at), (fd, bytes, n, at), n)
WRITE(write, (int fd, const void *bytes, size_t n), (fd, bytes, n), n)
WRITE(writev, (int fd, const struct iovec *part, int n), (fd, part, n), n)

int fsync(int fd) {
  NEXT(int, "fsync", (int))
  return happens_to("fsync", fd) == FAIL ? -1 : found(fd);
}

int rename(const char *from, const char *to) {
  NEXT(int, "rename", (const char *, const char *))
  return happens("rename", to) == FAIL ? -1 : found(from, to);
}

int renameat2(int from_folder, const char *from, int to_folder, const char *to, unsigned flags) {
  NEXT(int, "renameat2", (int, const char *, int, const char *, unsigned))
  return happens("rename", to) == FAIL ? -1 : found(from_folder, from, to_folder, to, flags);
}

int MPI_Allreduce(const void *from, void *to, int n, MPI_Datatype type, MPI_Op op, MPI_Comm comm) {
  return happens("MPI_Allreduce", "") == FAIL ? MPI_ERR_OTHER : PMPI_Allreduce(from, to, n, type, op, comm);
}

static atomic_int mpi_has_started;

int MPI_Init_thread(int *argc, char ***argv, int required, int *provided) {
  const int code = PMPI_Init_thread(argc, argv, required, provided);
  mpi_has_started = 1;
  return code;
}

// Not before MPI has started: the libraries of its networks (psm2) measure the clock as they are loaded, and complain.
static time_t jump(void) {
  if (!mpi_has_started) return 0;
  static atomic_int n_readings;
  static int seconds = -1;
  if (seconds < 0) {
    const char *text = getenv("PSAC_FAULT_CLOCK");
    seconds = text && is_ours() ? atoi(text) : 0;
  }
  return seconds * (atomic_fetch_add(&n_readings, 1) % 2 ? 1 : -1);
}

int clock_gettime(clockid_t clock, struct timespec *now) {
  NEXT(int, "clock_gettime", (clockid_t, struct timespec *))
  const int result = found(clock, now);
  if (clock == CLOCK_REALTIME) now->tv_sec += jump();
  return result;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
  NEXT(int, "gettimeofday", (struct timeval *, void *))
  const int result = found(now, zone);
  now->tv_sec += jump();
  return result;
}

time_t time(time_t *now) {
  NEXT(time_t, "time", (time_t *))
  const time_t result = found(NULL) + jump();
  if (now) *now = result;
  return result;
}
