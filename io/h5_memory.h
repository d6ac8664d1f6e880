// An HDF5 file in memory: a driver that keeps the pages that were written and nothing else, so that a file with room
// for large datasets takes no more memory than its own structures. It never fails towards HDF5, which does not survive
// a file that it cannot close; whoever uses it looks at `failed` instead. Internal to io/.
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
  psac_h5_page *page;  // [n_pages], by rising number; what lies between them is zero
  int n_pages, capacity;
  int64_t size;  // bytes of the file; final when HDF5 has closed it
  int failed;    // there was no memory for a page
} psac_h5_memory;

// Makes a file-access property list use `memory`, which outlives every file that is opened with it. 0, or -1 as HDF5's
// functions.
herr_t psac_h5_memory_use(hid_t properties, psac_h5_memory *memory);

void psac_h5_memory_free(psac_h5_memory *memory);  // its pages

#endif
