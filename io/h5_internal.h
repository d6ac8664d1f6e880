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
  hid_t id;       // -1 on ranks without the draft
  int parallel;   // opened for reading by all ranks collectively
  char *path;     // final name
  char *partial;  // [PSAC_DISK_NAME_BYTES] temporary name while writing; NULL for reading and for psac_h5_draft
  int replace;    // commit may replace an existing file

  // writing
  int fd;                  // of the file on disk; -1 = none
  psac_h5_memory *memory;  // bytes of the draft; NULL on ranks without it
  psac_h5_room *room;      // [n_rooms] ranges of the datasets that are in the file but not in the draft
  int n_rooms;
  psac_status failed;  // first disk error of this rank, ...
  char message[512];   // ... and its message
};

// Records that `what` has failed for `object` of a file, with HDF5's innermost reason. Returns `status`.
psac_status psac_h5_failure(const psac_h5_file *file, psac_status status, const char *what, const char *object);

// Returns why the path of an object is not accepted: a link on it is missing, soft or external, or an object on it has
// several names. NULL if it is accepted.
const char *psac_h5_object_fault(const psac_h5_file *file, const char *object);

// Whether a type is that of a plain number: an integer of 1, 2, 4 or 8 bytes or an IEEE real of 4 or 8, in either byte
// order.
int psac_h5_is_number(hid_t type);

// PSAC_ERR_INPUT if an open dataset holds anything but numbers, has its data in another file, or has elements that the
// file does not store.
psac_status psac_h5_check_dataset(const psac_h5_file *file, const char *path, hid_t set);

// Opens a dataset for reading, after these checks.
psac_status psac_h5_open_dataset(psac_h5_file *file, const char *path, hid_t *set);

// The draft of a file: draft_create creates it in memory; draft_copy closes it and copies it into `fd`, called `name`
// in messages. with_checksums: HDF5's metadata carries checksums, which HDF5 before 1.10 cannot read. psac_h5_free_file
// frees it.
psac_status psac_h5_draft_create(psac_h5_file *file, int with_checksums);
psac_status psac_h5_draft_copy(psac_h5_file *file, int fd, const char *name);

psac_h5_file *psac_h5_new_file(const char *path);  // NULL = out of memory
void psac_h5_free_file(psac_h5_file **file);       // NULL-safe

hid_t psac_h5_memory_type(psac_type type, size_t text_bytes);  // PSAC_TEXT: the caller closes it

// Marks a call that may wait for other ranks, for the watchdog.
#define PSAC_H5_TOGETHER(result, call) \
  do {                                 \
    psac_wait_begin(#call);            \
    result = (call);                   \
    psac_wait_end();                   \
  } while (0)

#endif
