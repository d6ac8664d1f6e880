// What the fuzz targets share. A target is one source with the two entry points of libFuzzer; it is linked with
// libFuzzer by clang, or with replay.c by any compiler, and then reads the inputs that it is given as files.
#ifndef PSAC_FUZZ_H
#define PSAC_FUZZ_H

#include <stddef.h>
#include <stdint.h>

#include "src/run/session.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes);

// Ends the process, as a crash would, unless `condition` holds.
#define FUZZ_REQUIRE(condition)                                      \
  do {                                                               \
    if (!(condition)) fuzz_violated(#condition, __FILE__, __LINE__); \
  } while (0)
_Noreturn void fuzz_violated(const char *condition, const char *file, int line);

// A copy of the input with a final 0 and not a byte more, so that reading beyond it is noticed; the caller frees it.
char *fuzz_text(const uint8_t *data, size_t n_bytes);

// The path of a file `name` in this process's own folder, which lasts as long as the process; static memory until the
// next call.
const char *fuzz_path(const char *name);
// Puts bytes there.
void fuzz_write(const char *path, const uint8_t *data, size_t n_bytes);

// A network of nine neurons on one rank, configured by these assignments (NULL at the end), for readers that need one.
void fuzz_build_network(const char *config, const char *const *assignments, psac_session *session);

#endif
