// HDF5 file driver in memory. It keeps only the pages that were written, so a file with space reserved for large
// datasets takes no more memory than its metadata. Its writes never report an error to HDF5, which crashes on a file
// that it cannot close; callers check `failed` instead. Internal to io/.
#ifndef PSAC_IO_H5_MEMORY_H
#define PSAC_IO_H5_MEMORY_H

#include <hdf5.h>
#include <stdint.h>

enum { PSAC_H5_PAGE_BYTES = 1 << 14 };

typedef struct psac_h5_page {
  int64_t number;  // begins at number * PSAC_H5_PAGE_BYTES of the file
  unsigned char *bytes;
} psac_h5_page;

typedef struct psac_h5_memory {
  psac_h5_page *page;  // [n_pages], in ascending order of number; all other bytes are zero
  int n_pages, capacity;
  int64_t size;  // bytes of the file; final when HDF5 has closed it
  int failed;    // 1 = out of memory for a page
} psac_h5_memory;

// Makes a file-access property list use `memory`, which must outlive every file opened with it. Returns 0, or -1 like
// the functions of HDF5.
herr_t psac_h5_memory_use(hid_t properties, psac_h5_memory *memory);

void psac_h5_memory_free(psac_h5_memory *memory);  // frees its pages

#endif
