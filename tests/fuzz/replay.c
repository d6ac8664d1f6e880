// Stands in for libFuzzer: gives the target every file named on the command line, and every file in the folders named
// there.
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

static long n_inputs;

static void give_file(const char *path) {
  FILE *file = fopen(path, "rb");
  FUZZ_REQUIRE(file && fseek(file, 0, SEEK_END) == 0);
  const long n_bytes = ftell(file);
  FUZZ_REQUIRE(n_bytes >= 0);
  rewind(file);
  uint8_t *data = malloc((size_t)n_bytes + 1);
  FUZZ_REQUIRE(data && fread(data, 1, (size_t)n_bytes, file) == (size_t)n_bytes);
  fclose(file);
  fprintf(stderr, "%s\n", path);  // the last one seen is the one that crashed
  LLVMFuzzerTestOneInput(data, (size_t)n_bytes);
  free(data);
  n_inputs++;
}

static void give_folder(const char *path, DIR *folder) {
  for (const struct dirent *entry; (entry = readdir(folder));) {
    char name[4096];
    if (entry->d_name[0] == '.') continue;
    snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
    give_file(name);
  }
}

int main(int argc, char **argv) {
  LLVMFuzzerInitialize(&argc, &argv);
  for (int i = 1; i < argc; i++) {
    DIR *folder = opendir(argv[i]);
    if (folder) {
      give_folder(argv[i], folder);
      closedir(folder);
    } else {
      give_file(argv[i]);
    }
  }
  fprintf(stderr, "%ld inputs\n", n_inputs);
  return n_inputs > 0 ? 0 : 1;
}
