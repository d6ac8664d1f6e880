#include "io/h5_memory.h"

#include <stdlib.h>
#include <string.h>

#if H5_VERSION_GE(1, 14, 0)
#include <H5FDdevelop.h>
#endif

typedef struct driver_file {
  H5FD_t base;  // HDF5's part comes first
  psac_h5_memory *memory;
  haddr_t end_of_allocation;
} driver_file;

// Index of the first page whose number is at least `number`.
static int find_page(const psac_h5_memory *memory, int64_t number) {
  int low = 0, high = memory->n_pages;
  while (low < high) {
    const int middle = (low + high) / 2;
    if (memory->page[middle].number < number) low = middle + 1;
    else high = middle;
  }
  return low;
}

// Returns the bytes of a page; NULL if it was never written and `make` is 0, or if there is no memory to make it.
static unsigned char *page_bytes(psac_h5_memory *memory, int64_t number, int make) {
  const int at = find_page(memory, number);
  if (at < memory->n_pages && memory->page[at].number == number) return memory->page[at].bytes;
  if (!make) return NULL;
  if (memory->n_pages == memory->capacity) {
    const int capacity = 2 * memory->capacity + 16;
    psac_h5_page *grown = realloc(memory->page, sizeof *grown * (size_t)capacity);
    if (!grown) return NULL;
    memory->page = grown;
    memory->capacity = capacity;
  }
  unsigned char *bytes = calloc(1, PSAC_H5_PAGE_BYTES);
  if (!bytes) return NULL;
  memmove(memory->page + at + 1, memory->page + at, sizeof *memory->page * (size_t)(memory->n_pages - at));
  memory->page[at] = (psac_h5_page){number, bytes};
  memory->n_pages++;
  return bytes;
}

static H5FD_t *open_file(const char *name, unsigned flags, hid_t properties, haddr_t highest) {
  (void)name, (void)flags, (void)highest;
  psac_h5_memory *const *memory = H5Pget_driver_info(properties);
  driver_file *file = memory ? calloc(1, sizeof *file) : NULL;
  if (file) file->memory = *memory;
  return (H5FD_t *)file;
}

static herr_t close_file(H5FD_t *file) {
  free(file);
  return 0;
}

static herr_t query(const H5FD_t *file, unsigned long *flags) {
  (void)file;
  *flags = H5FD_FEAT_AGGREGATE_METADATA | H5FD_FEAT_ACCUMULATE_METADATA | H5FD_FEAT_AGGREGATE_SMALLDATA;
  return 0;
}

static haddr_t get_end_of_allocation(const H5FD_t *file, H5FD_mem_t type) {
  (void)type;
  return ((const driver_file *)file)->end_of_allocation;
}

static herr_t set_end_of_allocation(H5FD_t *file, H5FD_mem_t type, haddr_t end) {
  (void)type;
  ((driver_file *)file)->end_of_allocation = end;
  return 0;
}

static haddr_t get_end(const H5FD_t *file, H5FD_mem_t type) {
  (void)type;
  return (haddr_t)((const driver_file *)file)->memory->size;
}

static herr_t truncate_file(H5FD_t *file, hid_t transfer, hbool_t is_closing) {
  (void)transfer, (void)is_closing;
  driver_file *own = (driver_file *)file;
  own->memory->size = (int64_t)own->end_of_allocation;
  return 0;
}

// Number of bytes from `at` to the end of its page, at most n.
static size_t in_page(int64_t at, size_t n) {
  const size_t left = PSAC_H5_PAGE_BYTES - (size_t)(at % PSAC_H5_PAGE_BYTES);
  return left < n ? left : n;
}

static herr_t read_file(H5FD_t *file, H5FD_mem_t type, hid_t transfer, haddr_t address, size_t n_bytes, void *buffer) {
  (void)type, (void)transfer;
  psac_h5_memory *memory = ((driver_file *)file)->memory;
  size_t n;
  for (size_t done = 0; done < n_bytes; done += n) {
    const int64_t at = (int64_t)address + (int64_t)done;
    const unsigned char *bytes = page_bytes(memory, at / PSAC_H5_PAGE_BYTES, 0);
    n = in_page(at, n_bytes - done);
    if (bytes) memcpy((char *)buffer + done, bytes + at % PSAC_H5_PAGE_BYTES, n);
    else memset((char *)buffer + done, 0, n);
  }
  return 0;
}

static herr_t write_file(H5FD_t *file, H5FD_mem_t type, hid_t transfer, haddr_t address, size_t n_bytes,
                         const void *buffer) {
  (void)type, (void)transfer;
  psac_h5_memory *memory = ((driver_file *)file)->memory;
  size_t n;
  for (size_t done = 0; done < n_bytes; done += n) {
    const int64_t at = (int64_t)address + (int64_t)done;
    unsigned char *bytes = page_bytes(memory, at / PSAC_H5_PAGE_BYTES, 1);
    n = in_page(at, n_bytes - done);
    if (bytes) memcpy(bytes + at % PSAC_H5_PAGE_BYTES, (const char *)buffer + done, n);
    else memory->failed = 1;
  }
  const int64_t end = (int64_t)address + (int64_t)n_bytes;
  if (end > memory->size) memory->size = end;
  return 0;
}

static const H5FD_class_t driver_class = {
#if H5_VERSION_GE(1, 14, 0)
    .version = H5FD_CLASS_VERSION,
    .value = (H5FD_class_value_t)300,  // from the range that HDF5 leaves to applications
#endif
    .name = "psac_memory",
    .maxaddr = (haddr_t)INT64_MAX,
    .fc_degree = H5F_CLOSE_STRONG,
    .fapl_size = sizeof(psac_h5_memory *),
    .open = open_file,
    .close = close_file,
    .query = query,
    .get_eoa = get_end_of_allocation,
    .set_eoa = set_end_of_allocation,
    .get_eof = get_end,
    .read = read_file,
    .write = write_file,
    .truncate = truncate_file,
    .fl_map = H5FD_FLMAP_DICHOTOMY,
};

herr_t psac_h5_memory_use(hid_t properties, psac_h5_memory *memory) {
  static hid_t driver = H5I_INVALID_HID;
  if (driver < 0) driver = H5FDregister(&driver_class);
  return driver < 0 ? -1 : H5Pset_driver(properties, driver, &memory);
}

void psac_h5_memory_free(psac_h5_memory *memory) {
  for (int k = 0; k < memory->n_pages; k++) free(memory->page[k].bytes);
  free(memory->page);
  *memory = (psac_h5_memory){0};
}
