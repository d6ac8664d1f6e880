// Checked MPI calls: an error names the rank, the host, the call, the source line and MPI's own text, and the watchdog
// monitors every call. For partition/ and io/, which link MPI.
#ifndef PSAC_BASE_MPI_CHECK_H
#define PSAC_BASE_MPI_CHECK_H

#include <mpi.h>

#include "base/status.h"
#include "base/wait.h"

// Returns PSAC_ERR_MPI with MPI's text for the error `code`. Not collective.
psac_status psac_mpi_failure(int code, const char *call, const char *file, int line);

// Ends all ranks at once. n_ranks: their number, 1 if MPI has not started. Called by one rank; does not return.
_Noreturn void psac_mpi_abort(int n_ranks, int exit_code);

// Collective over `comm`. If any rank passes a failure, every rank returns the failure of the lowest such rank, message
// included. *is_agreed: 1 if every rank returns the same status, 0 after an error of MPI itself.
psac_status psac_mpi_agree(MPI_Comm comm, psac_status status, int *is_agreed);

#define PSAC_MPI(call)                                                                                     \
  do {                                                                                                     \
    psac_wait_begin(#call);                                                                                \
    const int psac_mpi_code_ = (call);                                                                     \
    psac_wait_end();                                                                                       \
    if (psac_mpi_code_ != MPI_SUCCESS) return psac_mpi_failure(psac_mpi_code_, #call, __FILE__, __LINE__); \
  } while (0)

#endif
