// Shared by the HDF5 reader and writer. Internal to io/.
#ifndef PSAC_IO_H5_INTERNAL_H
#define PSAC_IO_H5_INTERNAL_H

#include <hdf5.h>

#include "base/watch.h"
#include "h5_file.h"

typedef struct psac_h5_room {
  int64_t offset, n_bytes;  // in the file
} psac_h5_room;

struct psac_h5_file {
  psac_access access;
  hid_t id;       // -1 where another rank has it
  int parallel;   // opened for reading by all ranks together
  char *path;     // final name
  char *partial;  // name while it is being written; NULL for reading and for a draft of one rank's own

  // writing
  int fd;               // of the file on the disk; -1 = not this file's business
  int memory;           // the draft, which only its rank has: descriptor of its memory, or -1
  psac_h5_room *room;   // [n_rooms] where in the file the datasets lie that are not in the draft
  int n_rooms;
  psac_status failed;   // the first failure of this rank's disk, ...
  char message[512];    // ... and its message
};

// Records the failure of `call` on a file, with HDF5's own innermost reason.
psac_status psac_h5_failure(const psac_h5_file *file, psac_status status, const char *what, const char *object);

// The draft of a file that is being written: made in memory (with_checksums: HDF5's own structures carry checksums, which readers from
// before HDF5 1.10 do not know); given room for a dataset; closed and copied into `fd`, called `name`; let go.
psac_status psac_h5_draft_create(psac_h5_file *file, int with_checksums);
psac_status psac_h5_draft_copy(psac_h5_file *file, int fd, const char *name);
void psac_h5_draft_free(psac_h5_file *file);

psac_h5_file *psac_h5_new_file(const char *path);  // NULL = out of memory
void psac_h5_free_file(psac_h5_file **file);       // NULL-safe

hid_t psac_h5_memory_type(psac_type type, size_t text_bytes);  // PSAC_TEXT: to be closed by the caller

// A call that waits for other ranks; for the watchdog.
#define PSAC_H5_TOGETHER(result, call) \
  do {                                 \
    psac_watch_enter(#call);           \
    result = (call);                   \
    psac_watch_leave();                \
  } while (0)

#endif
