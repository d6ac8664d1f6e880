#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mpi_check.h"
#include "io/disk.h"
#include "io/h5_internal.h"

static MPI_Comm comm_of(const psac_h5_file *file) { return *(const MPI_Comm *)file->access.mpi_comm; }

// Collective: every rank returns the failure of the lowest rank that has one.
static psac_status agree(const psac_h5_file *file, psac_status status) {
  int is_agreed;
  return psac_mpi_agree(comm_of(file), status, &is_agreed);
}

static psac_status begin(psac_h5_file *file) {
  file->partial = malloc(PSAC_DISK_NAME_BYTES);
  if (!file->partial) return psac_fail(PSAC_ERR_MEMORY, "out of memory creating %s", file->path);
  if (file->access.rank > 0) return PSAC_OK;
  PSAC_TRY(psac_disk_create(file->path, file->partial, &file->fd));
  return psac_h5_draft_create(file, 0);
}

// The other ranks open the file that rank 0 has created.
static psac_status join(psac_h5_file *file) {
  PSAC_MPI(MPI_Bcast(file->partial, PSAC_DISK_NAME_BYTES, MPI_BYTE, 0, comm_of(file)));
  return file->access.rank > 0 ? psac_disk_join(file->partial, &file->fd) : PSAC_OK;
}

psac_status psac_h5_create(const psac_access *access, const char *path, int replace, psac_h5_file **file) {
  psac_h5_file *made = psac_h5_new_file(path), none = {.access = *access, .path = (char *)path};
  if (made) made->access = *access, made->replace = replace;
  psac_status status =
      agree(made ? made : &none, made ? begin(made) : psac_fail(PSAC_ERR_MEMORY, "out of memory creating %s", path));
  if (status == PSAC_OK) status = agree(made, join(made));
  if (status != PSAC_OK) psac_h5_abandon(&made);
  *file = made;
  return status;
}

void psac_h5_put(psac_h5_file *file, const psac_field *field, int64_t offset) {
  size_t row_bytes = field->type == PSAC_TEXT ? field->text_bytes : psac_h5_type_bytes(field->type);
  for (int d = 1; d < field->n_dims; d++) row_bytes *= (size_t)field->dims[d];
  const int64_t n_rows = field->n_dims > 0 ? field->n_rows : file->access.rank == 0;
  if (file->failed != PSAC_OK || n_rows == 0 || row_bytes == 0) return;
  file->failed = psac_disk_write(file->fd, file->partial, field->data, row_bytes * (size_t)n_rows,
                                 offset + (field->n_dims > 0 ? field->first_row : 0) * (int64_t)row_bytes);
  if (file->failed != PSAC_OK) snprintf(file->message, sizeof file->message, "%s", psac_fail_message());
}

// Writes a dataset of which the rank with the draft has all rows.
static psac_status write_whole(psac_h5_file *file, const psac_field *field) {
  int64_t offset;
  PSAC_TRY(psac_h5_reserve(file, field, &offset));
  const hid_t set = H5Dopen2(file->id, field->path, H5P_DEFAULT),
              type = psac_h5_memory_type(field->type, field->text_bytes);
  psac_status status = PSAC_OK;
  const int is_empty = offset == 0;
  if (set < 0 || (!is_empty && H5Dwrite(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, field->data) < 0)) {
    status = psac_h5_failure(file, PSAC_ERR_IO, "write", field->path);
  }
  if (set >= 0) H5Dclose(set);
  if (field->type == PSAC_TEXT) H5Tclose(type);
  if (!is_empty) file->n_rooms--;  // its data is in the draft
  return status;
}

static psac_status write_units(psac_h5_file *file, const psac_field *field) {
  return field->units ? psac_h5_write_text(file, field->path, "units", field->units) : PSAC_OK;
}

psac_status psac_h5_place(psac_h5_file *file, const psac_field *field, int64_t *offset) {
  *offset = 0;
  PSAC_TRY(agree(file, file->access.rank == 0 ? psac_h5_reserve(file, field, offset) : PSAC_OK));
  PSAC_MPI(MPI_Bcast(offset, 1, MPI_INT64_T, 0, comm_of(file)));
  return write_units(file, field);
}

psac_status psac_h5_write(psac_h5_file *file, const psac_field *field) {
  if (!file->partial) {
    PSAC_TRY(write_whole(file, field));
    return write_units(file, field);
  }
  int64_t offset;
  PSAC_TRY(psac_h5_place(file, field, &offset));
  psac_h5_put(file, field, offset);
  return PSAC_OK;
}

static psac_status write_attribute(psac_h5_file *file, const char *object, const char *name, hid_t type, hsize_t n,
                                   const void *value) {
  if (file->id < 0) return PSAC_OK;  // another rank has the draft
  const hid_t space = n > 0 ? H5Screate_simple(1, &n, NULL) : H5Screate(H5S_SCALAR);
  const hid_t id = H5Acreate_by_name(file->id, object, name, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  const herr_t written = id < 0 ? -1 : H5Awrite(id, type, value);
  const psac_status status = written < 0 ? psac_h5_failure(file, PSAC_ERR_IO, "write attribute", name) : PSAC_OK;
  if (id >= 0) H5Aclose(id);
  H5Sclose(space);
  return status;
}

psac_status psac_h5_write_text(psac_h5_file *file, const char *object, const char *name, const char *text) {
  // An attribute holds at most 64 KiB in the old format; configuration and command line stay far below.
  const hid_t type = psac_h5_memory_type(PSAC_TEXT, strlen(text) + 1);
  const psac_status status = write_attribute(file, object, name, type, 0, text);
  H5Tclose(type);
  return status;
}

psac_status psac_h5_write_i64(psac_h5_file *file, const char *object, const char *name, int64_t value) {
  return write_attribute(file, object, name, H5T_NATIVE_INT64, 0, &value);
}

psac_status psac_h5_write_f64(psac_h5_file *file, const char *object, const char *name, double value) {
  return write_attribute(file, object, name, H5T_NATIVE_DOUBLE, 0, &value);
}

psac_status psac_h5_write_sonata_root(psac_h5_file *file) {
  const uint32_t magic = 0x0A7A, version[2] = {0, 1};
  PSAC_TRY(write_attribute(file, "/", "magic", H5T_NATIVE_UINT32, 0, &magic));
  return write_attribute(file, "/", "version", H5T_NATIVE_UINT32, 2, version);
}

psac_status psac_h5_write_sonata_sorting_by_id(psac_h5_file *file, const char *population) {
  static const char *const name[] = {"none", "by_id", "by_time"};
  const hid_t type = H5Tenum_create(H5T_NATIVE_UINT8);
  for (uint8_t value = 0; value < 3; value++) H5Tenum_insert(type, name[value], &value);
  const uint8_t by_id = 1;
  const psac_status status = write_attribute(file, population, "sorting", type, 0, &by_id);
  H5Tclose(type);
  return status;
}

// Every rank: flushes its rows to disk. Rank 0 keeps its descriptor open for the draft.
static psac_status flush(psac_h5_file *file) {
  if (file->failed != PSAC_OK) return psac_fail(file->failed, "%s", file->message);
  if (file->access.rank == 0) return PSAC_OK;
  const int fd = file->fd;
  file->fd = -1;
  return psac_disk_close(fd, file->partial);
}

// Rank 0: writes the draft into the file and renames it.
static psac_status publish(psac_h5_file *file) {
  const int fd = file->fd;
  PSAC_TRY(psac_h5_draft_copy(file, fd, file->partial));
  file->fd = -1;
  PSAC_TRY(psac_disk_close(fd, file->partial));
  return psac_disk_publish(file->partial, file->path, file->replace);
}

psac_status psac_h5_commit(psac_h5_file **file) {
  psac_status status = agree(*file, flush(*file));
  if (status == PSAC_OK) status = agree(*file, (*file)->access.rank == 0 ? publish(*file) : PSAC_OK);
  if (status == PSAC_OK) psac_h5_free_file(file);
  else psac_h5_abandon(file);
  return status;
}

void psac_h5_abandon(psac_h5_file **file) {
  if (!*file) return;
  if ((*file)->partial) psac_disk_discard((*file)->partial);
  psac_h5_free_file(file);
}

void psac_h5_close(psac_h5_file **file) {
  if (!*file) return;
  H5Fclose((*file)->id);
  psac_h5_free_file(file);
}
