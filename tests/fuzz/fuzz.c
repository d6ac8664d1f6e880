#include "fuzz.h"

#include <dirent.h>
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "src/run/session.h"

static char folder[] = "/tmp/psac_fuzz.XXXXXX";
static int has_folder;

_Noreturn void fuzz_violated(const char *condition, const char *file, int line) {
  fprintf(stderr, "%s:%d: violated: %s (last message: %s)\n", file, line, condition, psac_fail_message());
  abort();
}

static void remove_folder(void) {
  DIR *open_folder = opendir(folder);
  for (const struct dirent *entry; open_folder && (entry = readdir(open_folder));)
    unlinkat(dirfd(open_folder), entry->d_name, 0);
  if (open_folder) closedir(open_folder);
  rmdir(folder);
}

char *fuzz_text(const uint8_t *data, size_t n_bytes) {
  char *text = malloc(n_bytes + 1);
  FUZZ_REQUIRE(text);
  memcpy(text, data, n_bytes);
  text[n_bytes] = '\0';
  return text;
}

const char *fuzz_path(const char *name) {
  static char path[256];
  if (!has_folder) {
    FUZZ_REQUIRE(mkdtemp(folder));
    has_folder = 1;
    atexit(remove_folder);
  }
  snprintf(path, sizeof path, "%s/%s", folder, name);
  return path;
}

void fuzz_write(const char *path, const uint8_t *data, size_t n_bytes) {
  FILE *file = fopen(path, "wb");
  FUZZ_REQUIRE(file && fwrite(data, 1, n_bytes, file) == n_bytes && fclose(file) == 0);
}

static void finish(void) {
  int is_running = 0;
  MPI_Initialized(&is_running);
  if (is_running) MPI_Finalize();
}

void fuzz_build_network(const char *config, const char *const *assignments, psac_session *session) {
  static psac_run_options options = {.backend = "cpu", .transport = "self"};
  static psac_ranks ranks;
  static char name[] = "fuzz", *arguments[] = {name, NULL}, **argv = arguments;
  int argc = 1;
  setenv("OMPI_MCA_ess_singleton_isolated", "1", 1);  // no daemon beside this process
  FUZZ_REQUIRE(psac_ranks_start(&argc, &argv, &ranks) == PSAC_OK);
  atexit(finish);
  psac_log_enable(0);
  psac_h5_start();
  options.config = config;
  while (*assignments) options.set[options.n_sets++] = *assignments++;
  FUZZ_REQUIRE(psac_session_configure(session, &options, &ranks, NULL) == PSAC_OK);
  FUZZ_REQUIRE(psac_session_build(session) == PSAC_OK);
}
