#define _GNU_SOURCE  // renameat2
#include "io/disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LARGEST_WRITE = 1 << 30 };  // Linux writes at most 2 GiB in one call

size_t psac_disk_stem(const char *path) {
  static const char ending[] = ".h5";
  const size_t n = strlen(path), m = strlen(ending);
  return n > m && strcmp(path + n - m, ending) == 0 ? n - m : n;
}

int psac_disk_open(const char *path, int flags) {
  struct stat info;
  const int fd = open(path, flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) return -1;
  if (fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && info.st_nlink == 1) return fd;
  close(fd);
  errno = ELOOP;
  return -1;
}

psac_status psac_disk_create(const char *path, char *name, int *fd) {
  enum { TRIES = 100 };
  *fd = -1;
  for (int k = 0; *fd < 0 && k < TRIES; k++) {
    uint32_t random = (uint32_t)getpid() + (uint32_t)k;  // fallback while the kernel has no entropy
    if (getrandom(&random, sizeof random, GRND_NONBLOCK) < 0) random *= 2654435761u;
    snprintf(name, PSAC_DISK_NAME_BYTES, "%s" PSAC_PARTIAL "%08x", path, random);
    *fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (*fd < 0 && errno != EEXIST) break;
  }
  return *fd < 0 ? psac_fail(PSAC_ERR_IO, "cannot create %s: %s", name, strerror(errno)) : PSAC_OK;
}

psac_status psac_disk_make(const char *path, int *fd) {
  *fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
  return *fd < 0 ? psac_fail(PSAC_ERR_IO, "cannot create %s: %s", path, strerror(errno)) : PSAC_OK;
}

psac_status psac_disk_join(const char *name, int *fd) {
  *fd = psac_disk_open(name, O_RDWR);
  return *fd < 0 ? psac_fail(PSAC_ERR_IO, "cannot open %s: %s", name, strerror(errno)) : PSAC_OK;
}

psac_status psac_disk_write(int fd, const char *path, const void *bytes, size_t n_bytes, int64_t offset) {
  for (size_t done = 0; done < n_bytes;) {
    const size_t left = n_bytes - done;
    const ssize_t n =
        pwrite(fd, (const char *)bytes + done, left < LARGEST_WRITE ? left : LARGEST_WRITE, offset + (int64_t)done);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0)
      return psac_fail(PSAC_ERR_IO, "cannot write %s: %s", path, n < 0 ? strerror(errno) : "the disk takes nothing");
    done += (size_t)n;
  }
  return PSAC_OK;
}

psac_status psac_disk_close(int fd, const char *path) {
  int failed = fsync(fd) != 0 ? errno : 0;
  if (close(fd) != 0 && !failed) failed = errno;
  return failed ? psac_fail(PSAC_ERR_IO, "cannot flush %s to the disk: %s", path, strerror(failed)) : PSAC_OK;
}

static psac_status sync_folder(const char *path) {
  char copy[PSAC_DISK_NAME_BYTES];
  snprintf(copy, sizeof copy, "%s", path);
  const char *folder = dirname(copy);
  const int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return psac_fail(PSAC_ERR_IO, "cannot flush %s to the disk: %s", folder, strerror(errno));
  return psac_disk_close(fd, folder);
}

// Not every file system supports RENAME_NOREPLACE; there a check before the rename has to suffice.
static int rename_new(const char *from, const char *to) {
  if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0) return 0;
  if (errno != EINVAL && errno != ENOSYS) return -1;
  struct stat info;
  if (lstat(to, &info) == 0) return errno = EEXIST, -1;
  return rename(from, to);
}

psac_status psac_disk_publish(const char *partial, const char *path, int replace) {
  const int fd = psac_disk_open(partial, O_RDWR);
  if (fd < 0) return psac_fail(PSAC_ERR_IO, "cannot flush %s to the disk: %s", partial, strerror(errno));
  PSAC_TRY(psac_disk_close(fd, partial));
  if ((replace ? rename(partial, path) : rename_new(partial, path)) != 0) {
    return psac_fail(PSAC_ERR_IO, "cannot rename %s to %s: %s", partial, path, strerror(errno));
  }
  return sync_folder(path);
}

void psac_disk_discard(const char *path) {
  const int fd = psac_disk_open(path, O_WRONLY);
  if (fd >= 0) {
    if (ftruncate(fd, 0) != 0) errno = 0;  // then its space is freed at the last close
    close(fd);
  }
  unlink(path);
}

void psac_disk_remove_partial(const char *path) {
  enum { RANDOM_DIGITS = 8 };
  char copy[2][PSAC_DISK_NAME_BYTES], name[PSAC_DISK_NAME_BYTES];
  for (int k = 0; k < 2; k++) snprintf(copy[k], sizeof copy[k], "%s" PSAC_PARTIAL, path);
  const char *folder = dirname(copy[0]), *base = basename(copy[1]);
  const size_t n = strlen(base);
  DIR *place = opendir(folder);
  if (!place) return;
  for (const struct dirent *entry; (entry = readdir(place)) != NULL;) {
    const char *random = entry->d_name + n;
    if (strncmp(entry->d_name, base, n) != 0 || strspn(random, "0123456789abcdef") != RANDOM_DIGITS ||
        random[RANDOM_DIGITS])
      continue;
    snprintf(name, sizeof name, "%s" PSAC_PARTIAL "%s", path, random);
    unlink(name);
  }
  closedir(place);
}

static psac_status check_names(const char *path, const char *folder, const char *base) {
  const long longest = pathconf(folder, _PC_NAME_MAX), most = (longest > 0 ? longest : 255) - PSAC_ENDING_BYTES;
  if ((long)strlen(base) <= most && strlen(path) < PSAC_PATH_BYTES) return PSAC_OK;
  return psac_fail(
      PSAC_ERR_INPUT,
      "output name %.40s... of %zu bytes is too long: File name too long for the files beside it, whose names "
      "are %d bytes longer; at most %ld",
      base, strlen(base), PSAC_ENDING_BYTES, most);
}

// access() is unreliable for root and for read-only and full file systems, so this writes a test file.
static psac_status probe(const char *path) {
  char name[PSAC_DISK_NAME_BYTES];
  int fd;
  if (psac_disk_create(path, name, &fd) != PSAC_OK) return psac_fail(PSAC_ERR_INPUT, "%s", psac_fail_message());
  const int full = write(fd, "", 1) != 1 ? errno : 0;
  close(fd);
  unlink(name);
  return full ? psac_fail(PSAC_ERR_IO, "cannot write %s: %s", path, strerror(full)) : PSAC_OK;
}

psac_status psac_disk_check(const char *path, int *exists) {
  char copy[2][PSAC_PATH_BYTES];
  struct stat info;
  if (strlen(path) >= PSAC_PATH_BYTES)
    return psac_fail(PSAC_ERR_INPUT, "output path of %zu bytes is too long", strlen(path));
  for (int k = 0; k < 2; k++) snprintf(copy[k], sizeof copy[k], "%s", path);
  const char *folder = dirname(copy[0]), *base = basename(copy[1]);
  *exists = lstat(path, &info) == 0;
  if (*exists && !S_ISREG(info.st_mode)) {  // a rename would replace /dev/null by a file
    const char *what = S_ISDIR(info.st_mode)   ? "a folder"
                       : S_ISLNK(info.st_mode) ? "a symbolic link"
                                               : "no ordinary file";
    return psac_fail(PSAC_ERR_INPUT, "output %s is %s; a file name is needed", path, what);
  }
  if (stat(folder, &info) != 0 || !S_ISDIR(info.st_mode)) {
    return psac_fail(PSAC_ERR_INPUT, "output folder %s does not exist", folder);
  }
  PSAC_TRY(check_names(path, folder, base));
  if (access(folder, W_OK | X_OK) != 0) {
    return psac_fail(PSAC_ERR_INPUT, "output folder %s is not writable: %s", folder, strerror(errno));
  }
  return probe(path);
}
