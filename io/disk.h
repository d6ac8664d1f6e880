// Plain files: writes that are complete or fail with the reason, and names that appear only when the data is on the
// disk. Folders may be shared with strangers, so nothing is written through a link, into a file with a second name, or
// into a FIFO. Not collective.
#ifndef PSAC_IO_DISK_H
#define PSAC_IO_DISK_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

// Bytes of a path that a file may have here, and how much longer the names get that are derived from it.
enum { PSAC_PATH_BYTES = 4096, PSAC_ENDING_BYTES = 64, PSAC_DISK_NAME_BYTES = PSAC_PATH_BYTES + 2 * PSAC_ENDING_BYTES };

// Between a file's final name and the random part of its temporary one.
#define PSAC_PARTIAL ".partial-"

// Characters of a path without the ending .h5: what the names of the files beside a run file begin with.
size_t psac_disk_stem(const char *path);

// Creates an empty file beside `path`, under an unpredictable name: name[PSAC_DISK_NAME_BYTES]. *fd is closed
// with psac_disk_close.
psac_status psac_disk_create(const char *path, char *name, int *fd);

// Creates an empty file of just this name, which must be free.
psac_status psac_disk_make(const char *path, int *fd);

// Opens for writing a file that another process made.
psac_status psac_disk_join(const char *name, int *fd);

// Opens a regular file that has no other name, without following a link in its place and without waiting for a FIFO: -1
// with errno set, to ELOOP if it is anything else.
int psac_disk_open(const char *path, int flags);

// Writes n_bytes at `offset`; `path` names the file in messages.
psac_status psac_disk_write(int fd, const char *path, const void *bytes, size_t n_bytes, int64_t offset);

// Waits until what was written is on the disk, and closes.
psac_status psac_disk_close(int fd, const char *path);

// `partial`, whose writers have all closed it, takes the name `path`: first its data reaches the disk, then its name.
// With `replace` it takes the place of a file of that name; without, such a file is a failure and stays.
psac_status psac_disk_publish(const char *partial, const char *path, int replace);

// Removes a file that could not be completed, and frees its space at once even if somebody still has it open.
void psac_disk_discard(const char *path);

// Removes what processes that were killed have left of `path`: files of temporary names. For the owner of `path` only.
void psac_disk_remove_partial(const char *path);

// Refuses a place where `path`, and the files named after it, could not be written: no such folder, not writable, full,
// a name that gets too long, something of that name that is no regular file. *exists: a regular file has the name.
psac_status psac_disk_check(const char *path, int *exists);

#endif
