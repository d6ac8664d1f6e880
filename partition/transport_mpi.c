// Any number of ranks on any network that MPI knows; host memory. Ranks that share a node exchange spikes through its memory.
#include "mpi_check.h"
#include "node_gather.h"
#include "transport.h"

enum { CHUNK_ELEMENTS = 1 << 27, CHUNK_BYTES = 1 << 30 };  // of one message; MPI counts are ints

static psac_status mpi_all_gather(const psac_transport *transport, void *stream, const void *send, void *receive,
                                  size_t n_bytes) {
  (void)stream;
  if (transport->state && n_bytes <= PSAC_NODE_GATHER_BYTES) return psac_node_gather_run(transport->state, send, receive, n_bytes);
  if (n_bytes > CHUNK_BYTES) {
    return psac_fail(PSAC_ERR_INPUT, "%zu bytes per rank are too many to gather in one message; set simulation.trials_together "
                     "lower or use more ranks", n_bytes);
  }
  const int in_place = send == (char *)receive + (size_t)transport->rank * n_bytes;
  PSAC_MPI(MPI_Allgather(in_place ? MPI_IN_PLACE : send, (int)n_bytes, MPI_BYTE, receive, (int)n_bytes, MPI_BYTE, MPI_COMM_WORLD));
  return PSAC_OK;
}

static psac_status mpi_reduce_i64(const psac_transport *transport, void *stream, const int64_t *value, int64_t *sum, size_t n) {
  (void)stream;
  for (size_t done = 0; done < n; done += CHUNK_ELEMENTS) {
    const int count = (int)(n - done < CHUNK_ELEMENTS ? n - done : CHUNK_ELEMENTS);
    const void *from = transport->rank == 0 && value == sum ? MPI_IN_PLACE : (const void *)(value + done);
    PSAC_MPI(MPI_Reduce(from, sum + done, count, MPI_INT64_T, MPI_SUM, 0, MPI_COMM_WORLD));
  }
  return PSAC_OK;
}

static psac_status mpi_broadcast(const psac_transport *transport, void *stream, void *bytes, size_t n_bytes) {
  (void)transport, (void)stream;
  for (size_t done = 0; done < n_bytes; done += CHUNK_BYTES) {
    const size_t n = n_bytes - done < CHUNK_BYTES ? n_bytes - done : CHUNK_BYTES;
    PSAC_MPI(MPI_Bcast((char *)bytes + done, (int)n, MPI_BYTE, 0, MPI_COMM_WORLD));
  }
  return PSAC_OK;
}

static psac_status mpi_open(psac_transport *transport, const psac_ranks *ranks) {
  psac_node_gather *gather = NULL;
  PSAC_TRY(psac_node_gather_create(ranks, &gather));
  transport->state = gather;
  return PSAC_OK;
}

static void mpi_close(psac_transport *transport) {
  psac_node_gather *gather = transport->state;
  psac_node_gather_destroy(&gather);
  transport->state = NULL;
}

const psac_transport psac_transport_mpi = {
    .name = "mpi",
    .all_gather = mpi_all_gather,
    .reduce_i64 = mpi_reduce_i64,
    .broadcast = mpi_broadcast,
    .open = mpi_open,
    .close = mpi_close,
};
