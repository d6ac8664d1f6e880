#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "disk.h"
#include "h5_internal.h"

enum { PATH_BYTES = 4096 };

void psac_h5_start(void) {
  setenv("HDF5_USE_FILE_LOCKING", "BEST_EFFORT", 0);  // some network file systems cannot lock, and nobody here needs it
  H5dont_atexit();  // a file that could not be written must not be tried again at the end
  H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
}

static herr_t keep_innermost(unsigned depth, const H5E_error2_t *error, void *text) {
  if (depth == 0 && error->desc) snprintf(text, 256, "%.255s", error->desc);
  return 0;
}

psac_status psac_h5_failure(const psac_h5_file *file, psac_status status, const char *what, const char *object) {
  char reason[256] = "unknown reason";
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, keep_innermost, reason);
  H5Eclear2(H5E_DEFAULT);
  for (char *c = reason; *c; c++) {
    if (*c == '\n') *c = ' ';
  }
  return psac_fail(status, "%s: cannot %s %s (%s)", file->partial ? file->partial : file->path, what, object, reason);
}

hid_t psac_h5_memory_type(psac_type type, size_t text_bytes) {
  switch (type) {
    case PSAC_U8: return H5T_NATIVE_UINT8;
    case PSAC_I32: return H5T_NATIVE_INT32;
    case PSAC_U32: return H5T_NATIVE_UINT32;
    case PSAC_I64: return H5T_NATIVE_INT64;
    case PSAC_U64: return H5T_NATIVE_UINT64;
    case PSAC_F32: return H5T_NATIVE_FLOAT;
    case PSAC_F64: return H5T_NATIVE_DOUBLE;
    case PSAC_TEXT: break;
  }
  const hid_t text = H5Tcopy(H5T_C_S1);
  H5Tset_size(text, text_bytes);
  H5Tset_strpad(text, H5T_STR_NULLPAD);
  H5Tset_cset(text, H5T_CSET_UTF8);
  return text;
}

size_t psac_h5_type_bytes(psac_type type) {
  static const size_t n_bytes[] = {[PSAC_U8] = 1,  [PSAC_I32] = 4, [PSAC_U32] = 4, [PSAC_I64] = 8,
                                   [PSAC_U64] = 8, [PSAC_F32] = 4, [PSAC_F64] = 8, [PSAC_TEXT] = 0};
  return n_bytes[type];
}

psac_status psac_h5_check_writable(const char *path) {
  char copy[PATH_BYTES];
  struct stat info;
  if (strlen(path) + 16 > sizeof copy) return psac_fail(PSAC_ERR_INPUT, "output path of %zu bytes is too long", strlen(path));
  if (stat(path, &info) == 0 && S_ISDIR(info.st_mode)) {
    return psac_fail(PSAC_ERR_INPUT, "output %s is a folder; a file name is needed", path);
  }
  snprintf(copy, sizeof copy, "%s", path);
  const char *folder = dirname(copy);
  if (stat(folder, &info) != 0 || !S_ISDIR(info.st_mode)) {
    return psac_fail(PSAC_ERR_INPUT, "output folder %s does not exist", folder);
  }
  if (access(folder, W_OK | X_OK) != 0) {
    return psac_fail(PSAC_ERR_INPUT, "output folder %s is not writable: %s", folder, strerror(errno));
  }
  // access() knows neither root nor read-only and full file systems; a file does
  char probe[PATH_BYTES];
  snprintf(probe, sizeof probe, "%s.partial", path);
  const int fd = open(probe, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
  if (fd < 0) return psac_fail(PSAC_ERR_INPUT, "cannot create %s: %s", probe, strerror(errno));
  const int full = write(fd, "", 1) != 1 ? errno : 0;
  close(fd);
  unlink(probe);
  return full ? psac_fail(PSAC_ERR_IO, "cannot write %s: %s", probe, strerror(full)) : PSAC_OK;
}

static void free_file(psac_h5_file **file) {
  if (!*file) return;
  free((*file)->path);
  free((*file)->partial);
  free(*file);
  *file = NULL;
}

psac_status psac_h5_create(const psac_access *access, const char *path, psac_h5_file **file) {
  *file = calloc(1, sizeof **file);
  const size_t n_bytes = strlen(path) + sizeof ".partial";
  if (*file) (*file)->path = strdup(path), (*file)->partial = malloc(n_bytes);
  if (!*file || !(*file)->path || !(*file)->partial) {
    free_file(file);
    return psac_fail(PSAC_ERR_MEMORY, "out of memory creating %s", path);
  }
  snprintf((*file)->partial, n_bytes, "%s.partial", path);
  (*file)->access = *access;
  (*file)->parallel = 1;
  const hid_t properties = H5Pcreate(H5P_FILE_ACCESS);
  H5Pset_fapl_mpio(properties, *(const MPI_Comm *)access->mpi_comm, MPI_INFO_NULL);
  PSAC_H5_TOGETHER(*file, (*file)->id, H5Fcreate((*file)->partial, H5F_ACC_TRUNC, H5P_DEFAULT, properties));
  const psac_status status = (*file)->id < 0 ? psac_h5_failure(*file, PSAC_ERR_IO, "create", "the file") : PSAC_OK;
  H5Pclose(properties);
  if (status != PSAC_OK) free_file(file);
  return status;
}

psac_status psac_h5_make_groups(psac_h5_file *file, const char *path) {
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

static psac_status write_rows(psac_h5_file *file, const psac_field *field, hid_t type, hid_t set, hid_t space) {
  hsize_t start[PSAC_MAX_DIMS] = {0}, count[PSAC_MAX_DIMS] = {0};
  for (int d = 0; d < field->n_dims; d++) count[d] = (hsize_t)field->dims[d];
  start[0] = (hsize_t)field->first_row;
  count[0] = (hsize_t)field->n_rows;
  int empty = field->n_rows == 0;
  for (int d = 1; d < field->n_dims; d++) empty |= count[d] == 0;
  const hid_t memory = H5Screate_simple(field->n_dims, count, NULL);
  if (empty) {
    H5Sselect_none(space);
    H5Sselect_none(memory);
  } else if (field->n_dims > 0) {
    H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, count, NULL);
  }
  const hid_t transfer = H5Pcreate(H5P_DATASET_XFER);
  if (file->parallel) H5Pset_dxpl_mpio(transfer, H5FD_MPIO_COLLECTIVE);
  static const char nothing[8] = {0};  // HDF5 wants an address even for an empty selection
  herr_t written;
  PSAC_H5_TOGETHER(file, written, H5Dwrite(set, type, memory, space, transfer, field->data ? field->data : nothing));
  // asked at once, as the next call forgets the reason
  const psac_status status = written < 0 ? psac_h5_failure(file, PSAC_ERR_IO, "write", field->path) : PSAC_OK;
  H5Pclose(transfer);
  H5Sclose(memory);
  return status;
}

psac_status psac_h5_write(psac_h5_file *file, const psac_field *field) {
  PSAC_TRY(psac_h5_make_groups(file, field->path));
  hsize_t dims[PSAC_MAX_DIMS];
  for (int d = 0; d < field->n_dims; d++) dims[d] = (hsize_t)field->dims[d];
  const hid_t type = psac_h5_memory_type(field->type, field->text_bytes);
  const hid_t space = H5Screate_simple(field->n_dims, dims, NULL);
  const hid_t set = H5Dcreate2(file->id, field->path, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  psac_status status = set < 0 ? psac_h5_failure(file, PSAC_ERR_IO, "create", field->path) : PSAC_OK;
  if (status == PSAC_OK && H5Sget_simple_extent_npoints(space) > 0) status = write_rows(file, field, type, set, space);
  if (set >= 0) H5Dclose(set);
  H5Sclose(space);
  if (field->type == PSAC_TEXT) H5Tclose(type);
  if (status == PSAC_OK && field->units) status = psac_h5_write_text(file, field->path, "units", field->units);
  return status;
}

static psac_status write_attribute(psac_h5_file *file, const char *object, const char *name, hid_t type, hsize_t n,
                                   const void *value) {
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

psac_status psac_h5_commit(psac_h5_file **file) {
  const MPI_Comm comm = *(const MPI_Comm *)(*file)->access.mpi_comm;
  herr_t closed;
  PSAC_H5_TOGETHER(*file, closed, H5Fclose((*file)->id));
  if (closed < 0) {  // perhaps on this rank alone: it must not wait for ranks that HDF5 still holds
    const psac_status status = psac_h5_failure(*file, PSAC_ERR_IO, "close", "the file");
    psac_h5_abandon(file);
    return status;
  }
  int met;
  PSAC_H5_TOGETHER(*file, met, MPI_Barrier(comm));
  const psac_status status = (*file)->access.rank == 0 ? psac_disk_publish((*file)->partial, (*file)->path) : PSAC_OK;
  if (status != PSAC_OK) psac_disk_discard((*file)->partial);
  PSAC_H5_TOGETHER(*file, met, MPI_Barrier(comm));  // nobody returns before the file has its name
  free_file(file);
  return status != PSAC_OK || met == MPI_SUCCESS ? status : psac_fail(PSAC_ERR_MPI, "MPI_Barrier failed after a file was written");
}

void psac_h5_abandon(psac_h5_file **file) {
  if (!*file) return;
  unlink((*file)->partial);
  free_file(file);
}

void psac_h5_close(psac_h5_file **file) {
  if (!*file) return;
  H5Fclose((*file)->id);
  free_file(file);
}
