// Plain files: a write completes or fails with the reason, and a file gets its final name only when its data is on
// disk. Folders may be shared with untrusted users, so nothing is written through a symbolic link, into a file with
// several hard links, or into a FIFO. Not collective.
#ifndef PSAC_IO_DISK_H
#define PSAC_IO_DISK_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

// Maximum bytes of the path of a file, and of the suffix of the names that are derived from it.
enum { PSAC_PATH_BYTES = 4096, PSAC_ENDING_BYTES = 64, PSAC_DISK_NAME_BYTES = PSAC_PATH_BYTES + 2 * PSAC_ENDING_BYTES };

// Between a file's final name and the random part of its temporary one.
#define PSAC_PARTIAL ".partial-"

// Length of `path` without the extension .h5: the prefix of the names of the other files of a run (lock, checkpoints).
size_t psac_disk_stem(const char *path);

// Creates an empty file in the folder of `path`, under an unpredictable name that is written to
// name[PSAC_DISK_NAME_BYTES]. The caller closes *fd with psac_disk_close. PSAC_ERR_IO.
psac_status psac_disk_create(const char *path, char *name, int *fd);

// Creates the empty file `path`, which must not exist. The caller closes *fd with psac_disk_close. PSAC_ERR_IO.
psac_status psac_disk_make(const char *path, int *fd);

// Opens a file that another process has created, for reading and writing. The caller closes *fd. PSAC_ERR_IO.
psac_status psac_disk_join(const char *name, int *fd);

// Opens a regular file with one hard link. Does not follow a symbolic link in its place and does not block on a FIFO.
// Returns the descriptor, or -1 with errno set: ELOOP if `path` is anything else.
int psac_disk_open(const char *path, int flags);

// Writes n_bytes at `offset`; `path` names the file in messages. PSAC_ERR_IO.
psac_status psac_disk_write(int fd, const char *path, const void *bytes, size_t n_bytes, int64_t offset);

// Flushes the file to disk (fsync) and closes it, also after a failure. PSAC_ERR_IO.
psac_status psac_disk_close(int fd, const char *path);

// Renames `partial`, which all writers have closed, to `path`: first its data is flushed to disk, then its new name.
// With `replace` an existing file `path` is replaced; without, it is kept and the call fails. PSAC_ERR_IO.
psac_status psac_disk_publish(const char *partial, const char *path, int replace);

// Removes an incomplete file and frees its space at once, even if another process still has it open.
void psac_disk_discard(const char *path);

// Removes the temporary files of `path` that killed processes have left. Only for the owner of `path` (lock.h).
void psac_disk_remove_partial(const char *path);

// Checks that `path`, and the files named after it, can be written. PSAC_ERR_INPUT: the folder is missing or not
// writable, a name is too long, or `path` exists and is not a regular file. PSAC_ERR_IO: a test file cannot be written,
// as on a full disk. *exists: whether `path` exists.
psac_status psac_disk_check(const char *path, int *exists);

#endif
