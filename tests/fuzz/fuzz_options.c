// A command line: its words, separated by 0 bytes. What is accepted names a job or asks for help or the version.
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "jobs/options.h"

enum { MAX_WORDS = 1024 };

int LLVMFuzzerInitialize(int *argc, char ***argv) {
  (void)argc, (void)argv;
  return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes) {
  static char program[] = "psac_dist";
  char *text = malloc(n_bytes + 1), *argv[MAX_WORDS + 1] = {program};
  FUZZ_REQUIRE(text);
  memcpy(text, data, n_bytes);
  text[n_bytes] = '\0';
  int argc = 1;
  for (size_t at = 0; at < n_bytes && argc < MAX_WORDS; at += strlen(text + at) + 1) argv[argc++] = text + at;
  psac_options options;
  if (psac_options_read(argc, argv, &options) == PSAC_OK) {
    FUZZ_REQUIRE(options.job || options.help || options.version);
    FUZZ_REQUIRE(options.run.n_sets >= 0 && options.run.n_sets <= PSAC_MAX_SETS);
    FUZZ_REQUIRE(memchr(options.run.command_line, '\0', sizeof options.run.command_line));
  }
  free(text);
  return 0;
}
