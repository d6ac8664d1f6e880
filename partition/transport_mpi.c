// Any number of ranks on any network that MPI knows; host memory. Ranks that share a node exchange what is short through its memory.
#include "mpi_check.h"
#include "node_memory.h"
#include "transport.h"

enum { CHUNK_ELEMENTS = 1 << 27, CHUNK_BYTES = 1 << 30 };  // of one message; MPI counts are ints

static int through_memory(const psac_transport *transport, size_t n_bytes) {
  return transport->state && n_bytes <= PSAC_NODE_MEMORY_BYTES;
}

static psac_status mpi_all_gather(const psac_transport *transport, void *stream, const void *send, void *receive,
                                  size_t n_bytes) {
  (void)stream;
  if (through_memory(transport, n_bytes)) return psac_node_all_gather(transport->state, send, receive, n_bytes), PSAC_OK;
  if (n_bytes > CHUNK_BYTES) {
    return psac_fail(PSAC_ERR_INPUT, "%zu bytes per rank are too many to gather in one message; set simulation.trials_together "
                     "lower or use more ranks", n_bytes);
  }
  const int in_place = send == (char *)receive + (size_t)transport->rank * n_bytes;
  PSAC_MPI(MPI_Allgather(in_place ? MPI_IN_PLACE : send, (int)n_bytes, MPI_BYTE, receive, (int)n_bytes, MPI_BYTE, MPI_COMM_WORLD));
  return PSAC_OK;
}

static psac_status mpi_all_gather_wait(const psac_transport *transport, void *stream) {
  (void)transport, (void)stream;
  return PSAC_OK;
}

static psac_status mpi_reduce_i64(const psac_transport *transport, void *stream, const int64_t *value, int64_t *sum, size_t n) {
  (void)stream;
  if (through_memory(transport, n * sizeof *value)) return psac_node_reduce_i64(transport->state, value, sum, n), PSAC_OK;
  for (size_t done = 0; done < n; done += CHUNK_ELEMENTS) {
    const int count = (int)(n - done < CHUNK_ELEMENTS ? n - done : CHUNK_ELEMENTS);
    const void *from = transport->rank == 0 && value == sum ? MPI_IN_PLACE : (const void *)(value + done);
    PSAC_MPI(MPI_Reduce(from, sum + done, count, MPI_INT64_T, MPI_SUM, 0, MPI_COMM_WORLD));
  }
  return PSAC_OK;
}

static psac_status broadcast_span(const psac_transport *transport, void *bytes, size_t n_bytes) {
  if (through_memory(transport, n_bytes)) return psac_node_broadcast(transport->state, bytes, n_bytes), PSAC_OK;
  for (size_t done = 0; done < n_bytes; done += CHUNK_BYTES) {
    const size_t n = n_bytes - done < CHUNK_BYTES ? n_bytes - done : CHUNK_BYTES;
    PSAC_MPI(MPI_Bcast((char *)bytes + done, (int)n, MPI_BYTE, 0, MPI_COMM_WORLD));
  }
  return PSAC_OK;
}

static psac_status mpi_broadcast(const psac_transport *transport, void *stream, const psac_span *spans, int n_spans) {
  (void)stream;
  for (int k = 0; k < n_spans; k++) PSAC_TRY(broadcast_span(transport, spans[k].bytes, spans[k].n_bytes));
  return PSAC_OK;
}

static psac_status mpi_settle(const psac_transport *transport, void *stream) {
  (void)transport, (void)stream;
  return PSAC_OK;
}

static psac_status mpi_open(psac_transport *transport, const psac_ranks *ranks, const psac_transport_request *request) {
  (void)request;
  psac_node_memory *memory = NULL;
  PSAC_TRY(psac_node_memory_create(ranks, &memory));
  transport->state = memory;
  return PSAC_OK;
}

static void mpi_close(psac_transport *transport) {
  psac_node_memory *memory = transport->state;
  psac_node_memory_destroy(&memory);
  transport->state = NULL;
}

const psac_transport psac_transport_mpi = {
    .name = "mpi",
    .all_gather = mpi_all_gather,
    .all_gather_wait = mpi_all_gather_wait,
    .reduce_i64 = mpi_reduce_i64,
    .broadcast = mpi_broadcast,
    .settle = mpi_settle,
    .open = mpi_open,
    .close = mpi_close,
};
