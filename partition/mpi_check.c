#include "partition/mpi_check.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

psac_status psac_mpi_failure(int code, const char *call, const char *file, int line) {
  char text[MPI_MAX_ERROR_STRING] = "", host[128] = "";
  int length = 0, rank = -1;
  MPI_Error_string(code, text, &length);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  gethostname(host, sizeof host - 1);
  const char *base = strrchr(file, '/');
  return psac_fail(PSAC_ERR_MPI, "rank %d on %s: %.60s failed at %s:%d: %s", rank, host, call, base ? base + 1 : file,
                   line, text);
}

_Noreturn void psac_mpi_abort(int n_ranks, int exit_code) {
  if (n_ranks > 1) MPI_Abort(MPI_COMM_WORLD, exit_code);
  _Exit(exit_code);
}
