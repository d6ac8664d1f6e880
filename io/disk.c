#include "disk.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LARGEST_WRITE = 1 << 30 };  // Linux writes no more than 2 GiB at a time

psac_status psac_disk_open(const char *path, int create, int *fd) {
  *fd = open(path, O_WRONLY | O_CLOEXEC | (create ? O_CREAT | O_TRUNC : 0), 0666);
  return *fd < 0 ? psac_fail(PSAC_ERR_IO, "cannot %s %s: %s", create ? "create" : "open", path, strerror(errno)) : PSAC_OK;
}

psac_status psac_disk_write(int fd, const char *path, const void *bytes, size_t n_bytes, int64_t offset) {
  for (size_t done = 0; done < n_bytes;) {
    const size_t left = n_bytes - done;
    const ssize_t n = pwrite(fd, (const char *)bytes + done, left < LARGEST_WRITE ? left : LARGEST_WRITE, offset + (int64_t)done);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return psac_fail(PSAC_ERR_IO, "cannot write %s: %s", path, n < 0 ? strerror(errno) : "the disk takes nothing");
    done += (size_t)n;
  }
  return PSAC_OK;
}

psac_status psac_disk_close(int fd, const char *path) {
  int failed = fsync(fd) != 0 ? errno : 0;
  if (close(fd) != 0 && !failed) failed = errno;
  return failed ? psac_fail(PSAC_ERR_IO, "cannot flush %s to the disk: %s", path, strerror(failed)) : PSAC_OK;
}

static psac_status sync_path(const char *path, int flags) {
  const int fd = open(path, flags | O_CLOEXEC);
  if (fd < 0) return psac_fail(PSAC_ERR_IO, "cannot flush %s to the disk: %s", path, strerror(errno));
  return psac_disk_close(fd, path);
}

psac_status psac_disk_publish(const char *partial, const char *path) {
  PSAC_TRY(sync_path(partial, O_RDWR));
  if (rename(partial, path) != 0) return psac_fail(PSAC_ERR_IO, "cannot rename %s to %s: %s", partial, path, strerror(errno));
  char *folder = strdup(path);
  const psac_status status = folder ? sync_path(dirname(folder), O_RDONLY | O_DIRECTORY) : PSAC_OK;
  free(folder);
  return status;
}

void psac_disk_discard(const char *path) {
  if (truncate(path, 0) == 0 || errno != ENOENT) unlink(path);
}
