// The one way to call MPI: every error says rank, call, place and MPI's own text. Internal to partition/.
#ifndef PSAC_PARTITION_MPI_CHECK_H
#define PSAC_PARTITION_MPI_CHECK_H

#include <mpi.h>

#include "base/status.h"

psac_status psac_mpi_failure(int code, const char *call, const char *file, int line);

#define PSAC_MPI(call)                                                                                   \
  do {                                                                                                   \
    const int psac_mpi_code_ = (call);                                                                   \
    if (psac_mpi_code_ != MPI_SUCCESS) return psac_mpi_failure(psac_mpi_code_, #call, __FILE__, __LINE__); \
  } while (0)

#endif
