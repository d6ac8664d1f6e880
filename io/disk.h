// Plain files, where every byte counts: writes that are complete or fail with the reason, and names that appear only when the data is
// on the disk. Not collective.
#ifndef PSAC_IO_DISK_H
#define PSAC_IO_DISK_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

// Opens `path` for writing; `create` makes it, or empties it. *fd is to be closed with psac_disk_close.
psac_status psac_disk_open(const char *path, int create, int *fd);

// Writes n_bytes at `offset`; `path` names the file in messages.
psac_status psac_disk_write(int fd, const char *path, const void *bytes, size_t n_bytes, int64_t offset);

// Waits until what was written is on the disk, and closes.
psac_status psac_disk_close(int fd, const char *path);

// `partial`, which nobody writes any more, takes the name `path`: first its data reaches the disk, then its name.
psac_status psac_disk_publish(const char *partial, const char *path);

// Removes a file that could not be completed, and frees its space at once even if somebody still has it open.
void psac_disk_discard(const char *path);

#endif
