// What reading and writing share: the library's settings, failures, types, and the file object.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/h5_internal.h"

void psac_h5_start(void) {
  // Some network file systems cannot lock, and this program does not need it.
  setenv("HDF5_USE_FILE_LOCKING", "BEST_EFFORT", 0);
  H5dont_atexit();  // HDF5 must not retry at exit what could not be written
  H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
  H5PLset_loading_state(0);  // a file must not make this program load a filter plug-in
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

psac_h5_file *psac_h5_new_file(const char *path) {
  psac_h5_file *file = calloc(1, sizeof *file);
  if (!file) return NULL;
  file->id = file->fd = -1;
  file->path = strdup(path);
  if (!file->path) psac_h5_free_file(&file);
  return file;
}

static void free_draft(psac_h5_file *file) {
  if (!file->memory) return;
  if (file->id >= 0) H5Fclose(file->id);
  psac_h5_memory_free(file->memory);
  free(file->memory);
  file->memory = NULL;
  file->id = -1;
}

void psac_h5_free_file(psac_h5_file **file) {
  if (!*file) return;
  free_draft(*file);
  if ((*file)->fd >= 0) close((*file)->fd);
  free((*file)->room);
  free((*file)->path);
  free((*file)->partial);
  free(*file);
  *file = NULL;
}
