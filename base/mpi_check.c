#include "base/mpi_check.h"

#include <stdio.h>
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

psac_status psac_mpi_agree(MPI_Comm comm, psac_status status, int *is_agreed) {
  int rank, n_ranks;
  *is_agreed = 0;
  PSAC_MPI(MPI_Comm_rank(comm, &rank));
  PSAC_MPI(MPI_Comm_size(comm, &n_ranks));
  int first = status == PSAC_OK ? n_ranks : rank;
  PSAC_MPI(MPI_Allreduce(MPI_IN_PLACE, &first, 1, MPI_INT, MPI_MIN, comm));
  if (first == n_ranks) return *is_agreed = 1, PSAC_OK;
  struct {
    int status;
    char message[1024];
  } failure = {status, ""};
  snprintf(failure.message, sizeof failure.message, "%s", psac_fail_message());
  PSAC_MPI(MPI_Bcast(&failure, (int)sizeof failure, MPI_BYTE, first, comm));
  *is_agreed = 1;
  return psac_fail((psac_status)failure.status, "%s", failure.message);
}
