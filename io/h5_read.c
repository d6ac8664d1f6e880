#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "io/h5_internal.h"

enum { PATH_BYTES = 512 };

psac_status psac_h5_open(const psac_access *access, const char *path, psac_h5_file **file) {
  struct stat info;
  *file = NULL;
  if (stat(path, &info) != 0 || !S_ISREG(info.st_mode)) {
    return psac_fail(PSAC_ERR_INPUT, "%s does not exist or is not a file; an HDF5 file is needed", path);
  }
  *file = psac_h5_new_file(path);
  if (!*file) return psac_fail(PSAC_ERR_MEMORY, "out of memory opening %s", path);
  const hid_t properties = H5Pcreate(H5P_FILE_ACCESS);
  if (access) {
    (*file)->access = *access;
    (*file)->parallel = 1;
    H5Pset_fapl_mpio(properties, *(const MPI_Comm *)access->mpi_comm, MPI_INFO_NULL);
  }
  PSAC_H5_TOGETHER((*file)->id, H5Fopen(path, H5F_ACC_RDONLY, properties));
  const psac_status status =
      (*file)->id < 0 ? psac_h5_failure(*file, PSAC_ERR_INPUT, "open", "it as an HDF5 file") : PSAC_OK;
  H5Pclose(properties);
  if (status == PSAC_OK) return PSAC_OK;
  psac_h5_free_file(file);
  return status;
}

int psac_h5_has(psac_h5_file *file, const char *object) {
  const char *slash = strrchr(object, '/');
  char above[PATH_BYTES];
  snprintf(above, sizeof above, "%.*s", (int)(slash - object), object);
  const int found =
      (slash == object || !psac_h5_object_fault(file, above)) && H5Lexists(file->id, object, H5P_DEFAULT) > 0;
  H5Eclear2(H5E_DEFAULT);
  return found;
}

int psac_h5_has_attribute(psac_h5_file *file, const char *object, const char *name) {
  return !psac_h5_object_fault(file, object) && H5Aexists_by_name(file->id, object, name, H5P_DEFAULT) > 0;
}

psac_status psac_h5_check_members(psac_h5_file *file, const char *group, int64_t n, const char *members) {
  H5G_info_t info;
  const char *fault = psac_h5_object_fault(file, group);
  if (fault) return psac_fail(PSAC_ERR_INPUT, "%s: %s %s", file->path, group, fault);
  if (H5Gget_info_by_name(file->id, group, &info, H5P_DEFAULT) < 0) {
    H5Eclear2(H5E_DEFAULT);
    return psac_fail(PSAC_ERR_INPUT, "%s: %s is not a readable group", file->path, group);
  }
  if (info.nlinks == (hsize_t)n) return PSAC_OK;
  return psac_fail(PSAC_ERR_INPUT, "%s: %s has %llu members; allowed: %s", file->path, group,
                   (unsigned long long)info.nlinks, members);
}

psac_status psac_h5_open_dataset(psac_h5_file *file, const char *path, hid_t *set) {
  H5O_info_t object;
  const char *fault = psac_h5_object_fault(file, path);
  if (fault) return psac_fail(PSAC_ERR_INPUT, "%s: dataset %s %s", file->path, path, fault);
  if (H5Oget_info_by_name(file->id, path, &object, H5P_DEFAULT) < 0 || object.type != H5O_TYPE_DATASET ||
      (*set = H5Dopen2(file->id, path, H5P_DEFAULT)) < 0) {
    H5Eclear2(H5E_DEFAULT);
    return psac_fail(PSAC_ERR_INPUT, "%s: %s is not a readable dataset", file->path, path);
  }
  const psac_status status = psac_h5_check_dataset(file, path, *set);
  if (status != PSAC_OK) H5Dclose(*set);
  return status;
}

psac_status psac_h5_read_dims(psac_h5_file *file, const char *path, int n_dims, int64_t *dims) {
  hid_t set = -1;
  PSAC_TRY(psac_h5_open_dataset(file, path, &set));
  const hid_t space = H5Dget_space(set);
  hsize_t size[H5S_MAX_RANK] = {0};
  const int n = H5Sget_simple_extent_ndims(space);
  if (n >= 0 && n <= H5S_MAX_RANK) H5Sget_simple_extent_dims(space, size, NULL);
  H5Sclose(space);
  H5Dclose(set);
  if (n != n_dims)
    return psac_fail(PSAC_ERR_INPUT, "%s: dataset %s has %d dimensions; %d are needed", file->path, path, n, n_dims);
  for (int d = 0; d < n_dims; d++) {
    if (size[d] > INT64_MAX) return psac_fail(PSAC_ERR_INPUT, "%s: dataset %s is too large", file->path, path);
    dims[d] = (int64_t)size[d];
  }
  return PSAC_OK;
}

psac_status psac_h5_read_rows(psac_h5_file *file, const char *path, psac_type type, int64_t first_row, int64_t n_rows,
                              void *data) {
  hid_t set = -1;
  PSAC_TRY(psac_h5_open_dataset(file, path, &set));
  const hid_t space = H5Dget_space(set);
  const int n_dims = H5Sget_simple_extent_ndims(space);
  hsize_t start[H5S_MAX_RANK] = {0}, count[H5S_MAX_RANK] = {0};
  H5Sget_simple_extent_dims(space, count, NULL);
  start[0] = (hsize_t)first_row;
  count[0] = (hsize_t)n_rows;
  const hid_t memory = H5Screate_simple(n_dims, count, NULL);
  if (n_rows == 0) {
    H5Sselect_none(space);
    H5Sselect_none(memory);
  } else {
    H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, count, NULL);
  }
  const hid_t transfer = H5Pcreate(H5P_DATASET_XFER);
  if (file->parallel) H5Pset_dxpl_mpio(transfer, H5FD_MPIO_COLLECTIVE);
  char nothing[8] = {0};
  herr_t done;
  PSAC_H5_TOGETHER(done, H5Dread(set, psac_h5_memory_type(type, 0), memory, space, transfer, data ? data : nothing));
  const psac_status status = done < 0 ? psac_h5_failure(file, PSAC_ERR_INPUT, "read", path) : PSAC_OK;
  H5Pclose(transfer);
  H5Sclose(memory);
  H5Sclose(space);
  H5Dclose(set);
  return status;
}

static psac_status need_attribute(psac_h5_file *file, const char *object, const char *name) {
  const char *fault = psac_h5_object_fault(file, object);
  if (fault) return psac_fail(PSAC_ERR_INPUT, "%s: %s %s", file->path, object, fault);
  if (H5Aexists_by_name(file->id, object, name, H5P_DEFAULT) > 0) return PSAC_OK;
  H5Eclear2(H5E_DEFAULT);
  return psac_fail(PSAC_ERR_INPUT, "%s: attribute %s of %s is missing", file->path, name, object);
}

static psac_status read_number(psac_h5_file *file, const char *object, const char *name, hid_t type, void *value) {
  PSAC_TRY(need_attribute(file, object, name));
  const hid_t id = H5Aopen_by_name(file->id, object, name, H5P_DEFAULT, H5P_DEFAULT);
  const hid_t space = id < 0 ? -1 : H5Aget_space(id), stored = id < 0 ? -1 : H5Aget_type(id);
  const int readable = space >= 0 && stored >= 0 && H5Sget_simple_extent_npoints(space) == 1 &&
                       psac_h5_is_number(stored) && H5Aread(id, type, value) >= 0;
  if (stored >= 0) H5Tclose(stored);
  if (space >= 0) H5Sclose(space);
  if (id >= 0) H5Aclose(id);
  H5Eclear2(H5E_DEFAULT);
  if (!readable) return psac_fail(PSAC_ERR_INPUT, "%s: attribute %s of %s is not one number", file->path, name, object);
  return PSAC_OK;
}

psac_status psac_h5_read_i64(psac_h5_file *file, const char *object, const char *name, int64_t *value) {
  double real = 0.0;
  PSAC_TRY(read_number(file, object, name, H5T_NATIVE_INT64, value));
  PSAC_TRY(read_number(file, object, name, H5T_NATIVE_DOUBLE, &real));
  if (real == (double)*value) return PSAC_OK;
  return psac_fail(PSAC_ERR_INPUT, "%s: attribute %s of %s = %g is not a whole number", file->path, name, object, real);
}

psac_status psac_h5_read_f64(psac_h5_file *file, const char *object, const char *name, double *value) {
  return read_number(file, object, name, H5T_NATIVE_DOUBLE, value);
}

static int is_zero(const char *bytes, size_t n) {
  for (size_t k = 0; k < n; k++) {
    if (bytes[k]) return 0;
  }
  return 1;
}

psac_status psac_h5_read_text(psac_h5_file *file, const char *object, const char *name, char **text) {
  *text = NULL;
  PSAC_TRY(need_attribute(file, object, name));
  const hid_t id = H5Aopen_by_name(file->id, object, name, H5P_DEFAULT, H5P_DEFAULT);
  const hid_t type = id < 0 ? -1 : H5Aget_type(id), space = id < 0 ? -1 : H5Aget_space(id);
  enum { LONGEST = 1 << 20 };
  const int fixed = type >= 0 && H5Tget_class(type) == H5T_STRING && H5Tis_variable_str(type) == 0 && space >= 0 &&
                    H5Sget_simple_extent_npoints(space) == 1 && H5Tget_size(type) <= LONGEST;
  if (fixed) *text = calloc(H5Tget_size(type) + 1, 1);
  const int readable = *text && H5Aread(id, type, *text) >= 0;
  const int is_whole = readable && is_zero(*text + strlen(*text), H5Tget_size(type) - strlen(*text));
  if (type >= 0) H5Tclose(type);
  if (space >= 0) H5Sclose(space);
  if (id >= 0) H5Aclose(id);
  H5Eclear2(H5E_DEFAULT);
  if (is_whole) return PSAC_OK;
  free(*text);
  *text = NULL;
  if (readable) return psac_fail(PSAC_ERR_INPUT, "%s: attribute %s of %s has a NUL inside", file->path, name, object);
  return psac_fail(PSAC_ERR_INPUT, "%s: attribute %s of %s is not a fixed-length text", file->path, name, object);
}
