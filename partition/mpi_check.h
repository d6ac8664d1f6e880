// The one way to call MPI: every error says rank, call, place and MPI's own text, and every wait is the watchdog's.
// Internal to partition/.
#ifndef PSAC_PARTITION_MPI_CHECK_H
#define PSAC_PARTITION_MPI_CHECK_H

#include <mpi.h>

#include "base/status.h"
#include "base/wait.h"

// PSAC_ERR_MPI with what MPI says of `code`.
psac_status psac_mpi_failure(int code, const char *call, const char *file, int line);

// Ends all ranks, of which there are n_ranks (1 where MPI has not started), at once. Called by one; does not return.
_Noreturn void psac_mpi_abort(int n_ranks, int exit_code);

#define PSAC_MPI(call)                                                                                     \
  do {                                                                                                     \
    psac_wait_begin(#call);                                                                               \
    const int psac_mpi_code_ = (call);                                                                     \
    psac_wait_end();                                                                                    \
    if (psac_mpi_code_ != MPI_SUCCESS) return psac_mpi_failure(psac_mpi_code_, #call, __FILE__, __LINE__); \
  } while (0)

#endif
