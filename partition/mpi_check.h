// The one way to call MPI: every error says rank, call, place and MPI's own text, and every wait is the watchdog's. Internal to
// partition/.
#ifndef PSAC_PARTITION_MPI_CHECK_H
#define PSAC_PARTITION_MPI_CHECK_H

#include <mpi.h>

#include "base/status.h"
#include "base/watch.h"

psac_status psac_mpi_failure(int code, const char *call, const char *file, int line);

#define PSAC_MPI(call)                                                                                   \
  do {                                                                                                   \
    psac_watch_enter(#call);                                                                             \
    const int psac_mpi_code_ = (call);                                                                   \
    psac_watch_leave();                                                                                  \
    if (psac_mpi_code_ != MPI_SUCCESS) return psac_mpi_failure(psac_mpi_code_, #call, __FILE__, __LINE__); \
  } while (0)

#endif
