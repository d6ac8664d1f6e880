// Preloaded by test_out_of_memory.py: on rank PSAC_FAIL_RANK the backend's allocations fail from number PSAC_FAIL_FROM
// on.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

void *aligned_alloc(size_t alignment, size_t n_bytes) {
  static void *(*next)(size_t, size_t);
  static int n_calls;
  const char *rank = getenv("OMPI_COMM_WORLD_RANK"), *failing = getenv("PSAC_FAIL_RANK"),
             *from = getenv("PSAC_FAIL_FROM");
  if (rank && failing && from && strcmp(rank, failing) == 0 && n_calls++ >= atoi(from)) return NULL;
  if (!next) {
    void *symbol = dlsym(RTLD_NEXT, "aligned_alloc");
    memcpy(&next, &symbol, sizeof next);
  }
  return next(alignment, n_bytes);
}
