// Shared by the HDF5 reader and writer. Internal to io/.
#ifndef PSAC_IO_H5_INTERNAL_H
#define PSAC_IO_H5_INTERNAL_H

#include <hdf5.h>

#include "base/watch.h"
#include "h5_file.h"

enum { PSAC_H5_ROOMS = 8 };

typedef struct psac_h5_room {
  int64_t offset, n_bytes;  // in the file
} psac_h5_room;

struct psac_h5_file {
  psac_access access;
  hid_t id;
  int parallel;   // opened by all ranks together
  char *path;     // final name
  char *partial;  // name while it is being written; NULL for reading and for a draft
  int memory;     // of a draft: the descriptor of its memory
  psac_h5_room room[PSAC_H5_ROOMS];  // of a draft: where its large datasets will be
  int n_rooms;
};

// Records the failure of `call` on a file, with HDF5's own innermost reason.
psac_status psac_h5_failure(const psac_h5_file *file, psac_status status, const char *what, const char *object);

// Makes the groups above `path`.
psac_status psac_h5_make_groups(psac_h5_file *file, const char *path);

hid_t psac_h5_memory_type(psac_type type, size_t text_bytes);  // PSAC_TEXT: to be closed by the caller

// A call that waits for other ranks, if the file is theirs, too; for the watchdog.
#define PSAC_H5_TOGETHER(file, result, call)        \
  do {                                              \
    if ((file)->parallel) psac_watch_enter(#call);  \
    result = (call);                                \
    if ((file)->parallel) psac_watch_leave();       \
  } while (0)

#define PSAC_H5(file, call, what, object) \
  do {                                    \
    if ((call) < 0) return psac_h5_failure(file, PSAC_ERR_IO, what, object); \
  } while (0)

#endif
