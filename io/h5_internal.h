// Shared by the HDF5 reader and writer. Internal to io/.
#ifndef PSAC_IO_H5_INTERNAL_H
#define PSAC_IO_H5_INTERNAL_H

#include <hdf5.h>

#include "base/wait.h"
#include "io/disk.h"
#include "io/h5_file.h"
#include "io/h5_memory.h"

typedef struct psac_h5_room {
  int64_t offset, n_bytes;  // in the file
} psac_h5_room;

struct psac_h5_file {
  psac_access access;
  hid_t id;       // -1 where another rank has it
  int parallel;   // opened for reading by all ranks together
  char *path;     // final name
  char *partial;  // [PSAC_DISK_NAME_BYTES] name while it is being written; NULL for reading and for a draft of one
                  // rank's own
  int replace;    // it may take the place of a file of that name

  // writing
  int fd;                  // of the file on the disk; -1 = not this file's business
  psac_h5_memory *memory;  // the draft's bytes, which only its rank has; NULL = none
  psac_h5_room *room;      // [n_rooms] where in the file the datasets lie that are not in the draft
  int n_rooms;
  psac_status failed;  // the first failure of this rank's disk, ...
  char message[512];   // ... and its message
};

// Records the failure of `call` on a file, with HDF5's own innermost reason.
psac_status psac_h5_failure(const psac_h5_file *file, psac_status status, const char *what, const char *object);

// What is wrong with an object's place in the file: some link on the way to it is missing or soft or leads elsewhere,
// or it has several names. NULL if nothing is.
const char *psac_h5_object_fault(const psac_h5_file *file, const char *object);

// Whether a type is that of a plain number: an integer of 1, 2, 4 or 8 bytes or an IEEE real of 4 or 8, in either byte
// order.
int psac_h5_is_number(hid_t type);

// Refuses an open dataset that holds anything but numbers, that lies in another file, or whose elements the file does
// not store.
psac_status psac_h5_check_dataset(const psac_h5_file *file, const char *path, hid_t set);

// Opens a dataset for reading, after these checks.
psac_status psac_h5_open_dataset(psac_h5_file *file, const char *path, hid_t *set);

// The draft of a file that is being written: made in memory (with_checksums: HDF5's own structures carry checksums,
// which readers from before HDF5 1.10 do not know); closed and copied into `fd`, called `name`. psac_h5_free_file frees
// it.
psac_status psac_h5_draft_create(psac_h5_file *file, int with_checksums);
psac_status psac_h5_draft_copy(psac_h5_file *file, int fd, const char *name);

psac_h5_file *psac_h5_new_file(const char *path);  // NULL = out of memory
void psac_h5_free_file(psac_h5_file **file);       // NULL-safe

hid_t psac_h5_memory_type(psac_type type, size_t text_bytes);  // PSAC_TEXT: to be closed by the caller

// A call that waits for other ranks; for the watchdog.
#define PSAC_H5_TOGETHER(result, call) \
  do {                                 \
    psac_wait_begin(#call);            \
    result = (call);                   \
    psac_wait_end();                   \
  } while (0)

#endif
