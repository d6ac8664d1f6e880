// Any number of ranks on any network that MPI knows; host memory.
#include "mpi_check.h"
#include "transport.h"

enum { CHUNK = 1 << 27 };  // elements of one reduce; MPI counts are ints

static psac_status mpi_all_gather(const psac_transport *transport, void *stream, const void *send, void *receive,
                                  size_t n_bytes) {
  (void)transport, (void)stream;
  if (n_bytes > 1u << 30) {
    return psac_fail(PSAC_ERR_INPUT, "a spike vector of %zu bytes per rank and step is too long for one MPI message; use "
                     "fewer trials together or more ranks", n_bytes);
  }
  PSAC_MPI(MPI_Allgather(send, (int)n_bytes, MPI_BYTE, receive, (int)n_bytes, MPI_BYTE, MPI_COMM_WORLD));
  return PSAC_OK;
}

static psac_status mpi_reduce_i64(const psac_transport *transport, void *stream, const int64_t *value, int64_t *sum, size_t n) {
  (void)stream;
  for (size_t done = 0; done < n; done += CHUNK) {
    const int count = (int)(n - done < CHUNK ? n - done : CHUNK);
    const void *from = transport->rank == 0 && value == sum ? MPI_IN_PLACE : (const void *)(value + done);
    PSAC_MPI(MPI_Reduce(from, sum + done, count, MPI_INT64_T, MPI_SUM, 0, MPI_COMM_WORLD));
  }
  return PSAC_OK;
}

static psac_status mpi_broadcast(const psac_transport *transport, void *stream, void *bytes, size_t n_bytes) {
  (void)transport, (void)stream;
  for (size_t done = 0; done < n_bytes; done += (size_t)1 << 30) {
    const size_t n = n_bytes - done < (size_t)1 << 30 ? n_bytes - done : (size_t)1 << 30;
    PSAC_MPI(MPI_Bcast((char *)bytes + done, (int)n, MPI_BYTE, 0, MPI_COMM_WORLD));
  }
  return PSAC_OK;
}

const psac_transport psac_transport_mpi = {
    .name = "mpi",
    .all_gather = mpi_all_gather,
    .reduce_i64 = mpi_reduce_i64,
    .broadcast = mpi_broadcast,
};
