// Checks on an object of an untrusted file before HDF5 reads it: plain numbers, in this file, no more than it stores.
#include <string.h>

#include "io/h5_internal.h"

enum {
  DEFLATE_RATIO = 1032,       // maximum compression ratio of gzip
  CHUNK_BYTES_MAX = 1 << 20,  // HDF5 keeps a whole chunk in memory; a larger one must not exceed its dataset
  PATH_BYTES = 512,
};

int psac_h5_is_number(hid_t type) {
  const hid_t numbers[] = {
      H5T_STD_I8LE,  H5T_STD_I8BE,  H5T_STD_U8LE,   H5T_STD_U8BE,   H5T_STD_I16LE,  H5T_STD_I16BE,  H5T_STD_U16LE,
      H5T_STD_U16BE, H5T_STD_I32LE, H5T_STD_I32BE,  H5T_STD_U32LE,  H5T_STD_U32BE,  H5T_STD_I64LE,  H5T_STD_I64BE,
      H5T_STD_U64LE, H5T_STD_U64BE, H5T_IEEE_F32LE, H5T_IEEE_F32BE, H5T_IEEE_F64LE, H5T_IEEE_F64BE,
  };
  for (size_t k = 0; k < sizeof numbers / sizeof *numbers; k++) {
    if (H5Tequal(type, numbers[k]) > 0) return 1;
  }
  return 0;
}

// Returns why the last component of a path is not accepted, given that all others are; NULL if it is.
static const char *object_fault(const psac_h5_file *file, const char *path) {
  H5L_info_t link;
  H5O_info_t object;
  if (H5Lget_info(file->id, path, &link, H5P_DEFAULT) < 0) return "is missing";
  if (link.type != H5L_TYPE_HARD) return "is a link to somewhere else; links are not followed";
  if (H5Oget_info_by_name(file->id, path, &object, H5P_DEFAULT) < 0) return "is damaged";
  return object.rc > 1 ? "has several names; only one is allowed" : NULL;
}

const char *psac_h5_object_fault(const psac_h5_file *file, const char *object) {
  char path[PATH_BYTES];
  if (strcmp(object, "/") == 0) return NULL;
  for (const char *end = object; *end;) {
    end = strchr(end + 1, '/');
    if (!end) end = object + strlen(object);
    if ((size_t)(end - object) >= sizeof path) return "has too long a name";
    memcpy(path, object, (size_t)(end - object));
    path[end - object] = '\0';
    const char *fault = object_fault(file, path);
    H5Eclear2(H5E_DEFAULT);
    if (fault) return fault;
  }
  return NULL;
}

static const char *type_fault(hid_t set, double *element_bytes) {
  const hid_t type = H5Dget_type(set);
  const char *fault = type < 0 ? "is damaged" : psac_h5_is_number(type) ? NULL : "does not hold numbers";
  *element_bytes = fault ? 0.0 : (double)H5Tget_size(type);
  if (type >= 0) H5Tclose(type);
  return fault;
}

static const char *place_fault(hid_t creation) {
  const H5D_layout_t layout = H5Pget_layout(creation);
  if (H5Pget_external_count(creation) != 0 || layout == H5D_VIRTUAL) return "keeps its data in another file";
  return layout == H5D_COMPACT || layout == H5D_CONTIGUOUS || layout == H5D_CHUNKED ? NULL : "is damaged";
}

// *ratio: upper bound of the filters' compression ratio.
static const char *filter_fault(hid_t creation, double *ratio) {
  int n_seen[H5Z_FILTER_FLETCHER32 + 1] = {0};
  const int n_filters = H5Pget_nfilters(creation);
  *ratio = 1.0;
  for (int k = 0; k < n_filters; k++) {
    unsigned flags, config;
    size_t n_values = 0;
    const H5Z_filter_t filter = H5Pget_filter2(creation, (unsigned)k, &flags, &n_values, NULL, 0, NULL, &config);
    const int is_known =
        filter == H5Z_FILTER_DEFLATE || filter == H5Z_FILTER_SHUFFLE || filter == H5Z_FILTER_FLETCHER32;
    if (!is_known || n_seen[filter]++ > 0)
      return "is packed in another way than gzip, shuffle and fletcher32, each at most once";
    if (filter == H5Z_FILTER_DEFLATE) *ratio = DEFLATE_RATIO;
  }
  return n_filters < 0 ? "is damaged" : NULL;
}

static const char *chunk_fault(hid_t creation, double element_bytes, double n_bytes) {
  hsize_t side[H5S_MAX_RANK];
  if (H5Pget_layout(creation) != H5D_CHUNKED) return NULL;
  const int n_dims = H5Pget_chunk(creation, H5S_MAX_RANK, side);
  double chunk_bytes = element_bytes;
  for (int d = 0; d < n_dims; d++) chunk_bytes *= (double)side[d];
  return n_dims < 0                                               ? "is damaged"
         : chunk_bytes > CHUNK_BYTES_MAX && chunk_bytes > n_bytes ? "has chunks larger than itself"
                                                                  : NULL;
}

// Elements that are not stored, or storage shared by several datasets, would let a small file exhaust memory.
static const char *size_fault(const psac_h5_file *file, hid_t set, double n_bytes, double ratio) {
  hsize_t file_bytes = 0;
  const double stored = (double)H5Dget_storage_size(set);
  if (H5Fget_filesize(file->id, &file_bytes) < 0) return "is damaged";
  return stored > (double)file_bytes ? "claims more storage than the file has"
         : n_bytes > stored * ratio  ? "claims more elements than it stores"
                                     : NULL;
}

static const char *dataset_fault(const psac_h5_file *file, hid_t set, hid_t creation) {
  double element_bytes, ratio;
  const char *fault = type_fault(set, &element_bytes);
  if (!fault) fault = place_fault(creation);
  if (!fault) fault = filter_fault(creation, &ratio);
  if (fault) return fault;
  const hid_t space = H5Dget_space(set);
  const hssize_t n = space < 0 ? -1 : H5Sget_simple_extent_npoints(space);
  if (space >= 0) H5Sclose(space);
  if (n < 0) return "is damaged";
  const double n_bytes = (double)n * element_bytes;
  fault = chunk_fault(creation, element_bytes, n_bytes);
  return fault ? fault : size_fault(file, set, n_bytes, ratio);
}

psac_status psac_h5_check_dataset(const psac_h5_file *file, const char *path, hid_t set) {
  const hid_t creation = H5Dget_create_plist(set);
  const char *fault = creation < 0 ? "is damaged" : dataset_fault(file, set, creation);
  if (creation >= 0) H5Pclose(creation);
  H5Eclear2(H5E_DEFAULT);
  return fault ? psac_fail(PSAC_ERR_INPUT, "%s: dataset %s %s", file->path, path, fault) : PSAC_OK;
}
