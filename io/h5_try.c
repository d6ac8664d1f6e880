// HDF5 crashes or hangs on some damaged files (docs/reliability.md). So a child process, which shares only the file
// with the run, reads the file first: everything that the readers here would read, everywhere in the file.
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/h5_internal.h"

enum {
  PATH_BYTES = 512,
  CPU_SECONDS = 30,          // limit for cyclic structures; PSAC_TRY_SECONDS overrides it
  PIECE_ELEMENTS = 1 << 16,  // maximum of one read, unless a row is longer
};

// Reads chunked data only: HDF5 finds chunks through structures in the file and decompresses them. Other data are plain
// bytes.
static void try_dataset(psac_h5_file *file, const char *path) {
  hid_t set = -1;
  if (psac_h5_open_dataset(file, path, &set) != PSAC_OK) return;
  const hid_t creation = H5Dget_create_plist(set), space = H5Dget_space(set);
  hsize_t size[H5S_MAX_RANK] = {0};
  const int n_dims = H5Sget_simple_extent_dims(space, size, NULL);
  double row_elements = 1.0;
  for (int d = 1; d < n_dims; d++) row_elements *= (double)size[d];
  const int64_t n_rows = n_dims > 0 ? (int64_t)size[0] : 0;
  const int64_t piece = row_elements < PIECE_ELEMENTS ? (int64_t)(PIECE_ELEMENTS / fmax(row_elements, 1.0)) : 1;
  void *data = H5Pget_layout(creation) == H5D_CHUNKED ? malloc((size_t)(8.0 * row_elements * (double)piece) + 1) : NULL;
  for (int64_t first = 0; data && first < n_rows; first += piece) {
    const int64_t n = n_rows - first < piece ? n_rows - first : piece;
    if (psac_h5_read_rows(file, path, PSAC_F64, first, n, data) != PSAC_OK) break;
  }
  free(data);
  H5Sclose(space);
  H5Pclose(creation);
  H5Dclose(set);
}

typedef struct attribute_owner {
  psac_h5_file *file;
  const char *path;
} attribute_owner;

static herr_t try_attribute(hid_t place, const char *name, const H5A_info_t *info, void *context) {
  (void)place, (void)info;
  const attribute_owner *owner = context;
  int64_t whole;
  char *text;
  if (psac_h5_read_i64(owner->file, owner->path, name, &whole) != PSAC_OK &&
      psac_h5_read_text(owner->file, owner->path, name, &text) == PSAC_OK) {
    free(text);
  }
  return 0;
}

// Looking up a missing name visits all names; unlike an iteration it does not stop early.
static void try_names(psac_h5_file *file, const char *path) {
  char member[PATH_BYTES + 8];
  (void)psac_h5_has_attribute(file, path, "no such name");
  snprintf(member, sizeof member, "%s/none", strcmp(path, "/") == 0 ? "" : path);
  (void)psac_h5_has(file, member);
}

static herr_t try_object(hid_t root, const char *name, const H5O_info_t *info, void *context) {
  psac_h5_file *file = context;
  char path[PATH_BYTES];
  snprintf(path, sizeof path, "/%s", strcmp(name, ".") == 0 ? "" : name);
  attribute_owner owner = {file, path};
  try_names(file, path);
  H5Aiterate_by_name(root, name, H5_INDEX_NAME, H5_ITER_NATIVE, NULL, try_attribute, &owner, H5P_DEFAULT);
  if (info->type == H5O_TYPE_DATASET) try_dataset(file, path);
  if (info->type == H5O_TYPE_GROUP) (void)psac_h5_check_members(file, path, 0, "");
  return 0;
}

static rlim_t cpu_seconds(void) {
  const char *text = getenv("PSAC_TRY_SECONDS");
  const long seconds = text ? strtol(text, NULL, 10) : 0;
  return seconds > 0 && seconds < 1000000 ? (rlim_t)seconds : CPU_SECONDS;
}

// The signal handlers act on the run, so the child restores the defaults.
static void reset_signals(void) {
  static const int own[] = {SIGUSR1, SIGUSR2, SIGTERM, SIGINT, SIGHUP, SIGXCPU};
  for (size_t k = 0; k < sizeof own / sizeof *own; k++) signal(own[k], SIG_DFL);
}

_Noreturn static void try_in_child(const char *path) {
  const rlim_t seconds = cpu_seconds();
  const struct rlimit cpu = {seconds, seconds + 1}, core = {0, 0};  // SIGXCPU identifies the time limit
  reset_signals();
  setrlimit(RLIMIT_CPU, &cpu);
  setrlimit(RLIMIT_CORE, &core);
  const int nowhere = open("/dev/null", O_RDWR);
  dup2(nowhere, STDOUT_FILENO);
  dup2(nowhere, STDERR_FILENO);
  psac_h5_file *file = NULL;
  if (psac_h5_open(NULL, path, &file) == PSAC_OK) {
    try_names(file, "/");
    H5Ovisit(file->id, H5_INDEX_NAME, H5_ITER_NATIVE, try_object, file);
    psac_h5_close(&file);
  }
  _exit(0);
}

psac_status psac_h5_try(const char *path) {
  int how = 0;
  pid_t ended;
  const pid_t child = fork();
  if (child == 0) try_in_child(path);
  if (child < 0) return PSAC_OK;  // then the file is not tried
  do ended = waitpid(child, &how, 0);
  while (ended < 0 && errno == EINTR);
  if (ended != child || (WIFEXITED(how) && WEXITSTATUS(how) == 0)) return PSAC_OK;
  if (WIFSIGNALED(how) && WTERMSIG(how) == SIGXCPU) {
    return psac_fail(
        PSAC_ERR_INPUT,
        "%s: HDF5 takes more than %ld s to look through it; either it is damaged or its datasets are in very many "
        "chunks: h5repack helps, or a larger number of seconds in PSAC_TRY_SECONDS",
        path, (long)cpu_seconds());
  }
  return psac_fail(PSAC_ERR_INPUT, "%s: damaged in a way that the HDF5 library does not survive", path);
}
