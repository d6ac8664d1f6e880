// Drafts of files, in memory. HDF5 does no disk I/O, so a disk error cannot leave it in an undefined state. The draft
// is copied to disk with plain writes, whose errors are known at once.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/h5_internal.h"

enum { ALIGNMENT = 4096 };

psac_status psac_h5_draft_create(psac_h5_file *file, int with_checksums) {
  file->memory = calloc(1, sizeof *file->memory);
  if (!file->memory) return psac_fail(PSAC_ERR_MEMORY, "%s: no memory for its draft", file->path);
  const hid_t properties = H5Pcreate(H5P_FILE_ACCESS);
  psac_h5_memory_use(properties, file->memory);
  if (with_checksums) H5Pset_libver_bounds(properties, H5F_LIBVER_V110, H5F_LIBVER_V110);
  H5Pset_alignment(properties, ALIGNMENT, ALIGNMENT);
  H5Pset_fclose_degree(properties, H5F_CLOSE_STRONG);
  file->id = H5Fcreate(file->path, H5F_ACC_TRUNC, H5P_DEFAULT, properties);
  const psac_status status = file->id < 0 ? psac_h5_failure(file, PSAC_ERR_IO, "draft", "the file") : PSAC_OK;
  H5Pclose(properties);
  return status;
}

// Creates the parent groups of `path`.
static psac_status make_groups(psac_h5_file *file, const char *path) {
  char group[256];
  for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
    snprintf(group, sizeof group, "%.*s", (int)(slash - path), path);
    if (H5Lexists(file->id, group, H5P_DEFAULT) > 0) continue;
    const hid_t id = H5Gcreate2(file->id, group, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    if (id < 0) return psac_h5_failure(file, PSAC_ERR_IO, "create", group);
    H5Gclose(id);
  }
  return PSAC_OK;
}

static psac_status add_room(psac_h5_file *file, int64_t offset, int64_t n_bytes) {
  psac_h5_room *grown = realloc(file->room, sizeof *grown * (size_t)(file->n_rooms + 1));
  if (!grown) return psac_fail(PSAC_ERR_MEMORY, "out of memory writing %s", file->path);
  file->room = grown;
  grown[file->n_rooms++] = (psac_h5_room){offset, n_bytes};
  return PSAC_OK;
}

psac_status psac_h5_reserve(psac_h5_file *file, const psac_field *field, int64_t *offset) {
  hsize_t dims[PSAC_MAX_DIMS];
  *offset = 0;
  for (int d = 0; d < field->n_dims; d++) dims[d] = (hsize_t)field->dims[d];
  PSAC_TRY(make_groups(file, field->path));
  const hid_t type = psac_h5_memory_type(field->type, field->text_bytes),
              space = H5Screate_simple(field->n_dims, dims, NULL);
  const hid_t properties = H5Pcreate(H5P_DATASET_CREATE);
  H5Pset_layout(properties, H5D_CONTIGUOUS);
  H5Pset_alloc_time(properties, H5D_ALLOC_TIME_EARLY);
  H5Pset_fill_time(properties, H5D_FILL_TIME_NEVER);
  const hid_t set = H5Dcreate2(file->id, field->path, type, space, H5P_DEFAULT, properties, H5P_DEFAULT);
  const int64_t n_bytes = (int64_t)(H5Sget_simple_extent_npoints(space) * (hssize_t)H5Tget_size(type));
  const haddr_t address = set >= 0 && n_bytes > 0 ? H5Dget_offset(set) : 0;
  psac_status status = PSAC_OK;
  if (set < 0 || address == HADDR_UNDEF) status = psac_h5_failure(file, PSAC_ERR_IO, "create", field->path);
  if (set >= 0) H5Dclose(set);
  H5Pclose(properties);
  H5Sclose(space);
  if (field->type == PSAC_TEXT) H5Tclose(type);
  *offset = (int64_t)address;
  return status == PSAC_OK && n_bytes > 0 ? add_room(file, *offset, n_bytes) : status;
}

// First offset >= `at` that lies in no room.
static int64_t behind_rooms(const psac_h5_file *file, int64_t at) {
  for (int moved = 1; moved;) {
    moved = 0;
    for (int k = 0; k < file->n_rooms; k++) {
      const psac_h5_room *room = &file->room[k];
      if (at < room->offset || at >= room->offset + room->n_bytes) continue;
      at = room->offset + room->n_bytes;
      moved = 1;
    }
  }
  return at;
}

// Number of bytes from `at` to the next room, or to `end`.
static int64_t before_rooms(const psac_h5_file *file, int64_t at, int64_t end) {
  for (int k = 0; k < file->n_rooms; k++) {
    if (file->room[k].offset > at && file->room[k].offset < end) end = file->room[k].offset;
  }
  return end - at;
}

// Copies the draft except its rooms, which other ranks write.
static psac_status copy(const psac_h5_file *file, int fd, const char *name) {
  const psac_h5_memory *memory = file->memory;
  for (int k = 0; k < memory->n_pages; k++) {
    const int64_t first = memory->page[k].number * PSAC_H5_PAGE_BYTES, end = first + PSAC_H5_PAGE_BYTES;
    for (int64_t at = behind_rooms(file, first), n; at < end && at < memory->size; at = behind_rooms(file, at + n)) {
      n = before_rooms(file, at, end < memory->size ? end : memory->size);
      PSAC_TRY(psac_disk_write(fd, name, memory->page[k].bytes + (at - first), (size_t)n, at));
    }
  }
  if (ftruncate(fd, memory->size) == 0) return PSAC_OK;  // the file may end in a hole
  return psac_fail(PSAC_ERR_IO, "cannot write %s: %s", name, strerror(errno));
}

psac_status psac_h5_draft_copy(psac_h5_file *file, int fd, const char *name) {
  const herr_t closed = H5Fclose(file->id);
  file->id = -1;
  if (file->memory->failed) return psac_fail(PSAC_ERR_MEMORY, "%s: no memory for its draft", file->path);
  return closed < 0 ? psac_h5_failure(file, PSAC_ERR_IO, "close", "the draft") : copy(file, fd, name);
}

psac_status psac_h5_draft(const char *path, psac_h5_file **file) {
  *file = psac_h5_new_file(path);
  if (!*file) return psac_fail(PSAC_ERR_MEMORY, "out of memory creating %s", path);
  const psac_status status = psac_h5_draft_create(*file, 1);
  if (status != PSAC_OK) psac_h5_free_file(file);
  return status;
}

psac_status psac_h5_copy_draft(psac_h5_file **file, int fd, const char *name) {
  const psac_status status = psac_h5_draft_copy(*file, fd, name);
  psac_h5_free_file(file);
  return status;
}
