// Shared by the HDF5 reader and writer. Internal to io/.
#ifndef PSAC_IO_H5_INTERNAL_H
#define PSAC_IO_H5_INTERNAL_H

#include <hdf5.h>

#include "h5_file.h"

struct psac_h5_file {
  psac_access access;
  hid_t id;
  int parallel;   // opened by all ranks together
  char *path;     // final name
  char *partial;  // name while it is being written; NULL for reading
};

// Records the failure of `call` on a file, with HDF5's own innermost reason.
psac_status psac_h5_failure(const psac_h5_file *file, psac_status status, const char *what, const char *object);

hid_t psac_h5_memory_type(psac_type type, size_t text_bytes);  // PSAC_TEXT: to be closed by the caller

#define PSAC_H5(file, call, what, object) \
  do {                                    \
    if ((call) < 0) return psac_h5_failure(file, PSAC_ERR_IO, what, object); \
  } while (0)

#endif
