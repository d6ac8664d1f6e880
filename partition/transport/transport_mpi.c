// MPI, for host memory: any number of ranks on any network. If all ranks are on one node, short messages go through
// shared memory.
#include <stdlib.h>

#include "base/mpi_check.h"
#include "partition/transport/node_memory.h"
#include "partition/transport/transport.h"

enum { CHUNK_ELEMENTS = 1 << 27, CHUNK_BYTES = 1 << 30 };  // of one message; MPI counts are ints

typedef struct mpi_state {
  MPI_Comm comm;
  psac_node_memory *memory;  // NULL if the ranks span several nodes
} mpi_state;

static int through_memory(const mpi_state *state, size_t n_bytes) {
  return state->memory && n_bytes <= PSAC_NODE_MEMORY_BYTES;
}

static psac_status mpi_all_gather(const psac_transport *transport, void *stream, const void *send, void *receive,
                                  size_t n_bytes) {
  (void)stream;
  const mpi_state *state = transport->state;
  if (through_memory(state, n_bytes)) return psac_node_all_gather(state->memory, send, receive, n_bytes), PSAC_OK;
  if (n_bytes > CHUNK_BYTES) {
    return psac_fail(PSAC_ERR_INPUT,
                     "%zu bytes per rank are too many to gather in one message; set simulation.trials_together "
                     "lower or use more ranks",
                     n_bytes);
  }
  const int in_place = send == (char *)receive + (size_t)transport->rank * n_bytes;
  PSAC_MPI(MPI_Allgather(in_place ? MPI_IN_PLACE : send, (int)n_bytes, MPI_BYTE, receive, (int)n_bytes, MPI_BYTE,
                         state->comm));
  return PSAC_OK;
}

static psac_status mpi_all_gather_wait(const psac_transport *transport, void *stream) {
  (void)transport, (void)stream;
  return PSAC_OK;
}

static psac_status mpi_reduce_i64(const psac_transport *transport, void *stream, const int64_t *value, int64_t *sum,
                                  size_t n) {
  (void)stream;
  const mpi_state *state = transport->state;
  if (through_memory(state, n * sizeof *value)) return psac_node_reduce_i64(state->memory, value, sum, n), PSAC_OK;
  for (size_t done = 0; done < n; done += CHUNK_ELEMENTS) {
    const int count = (int)(n - done < CHUNK_ELEMENTS ? n - done : CHUNK_ELEMENTS);
    const void *from = transport->rank == 0 && value == sum ? MPI_IN_PLACE : (const void *)(value + done);
    PSAC_MPI(MPI_Reduce(from, sum + done, count, MPI_INT64_T, MPI_SUM, 0, state->comm));
  }
  return PSAC_OK;
}

static psac_status mpi_all_reduce_i32(const psac_transport *transport, void *stream, int32_t *value, size_t n) {
  (void)stream;
  const mpi_state *state = transport->state;
  for (size_t done = 0; done < n; done += CHUNK_ELEMENTS) {
    const int count = (int)(n - done < CHUNK_ELEMENTS ? n - done : CHUNK_ELEMENTS);
    PSAC_MPI(MPI_Allreduce(MPI_IN_PLACE, value + done, count, MPI_INT32_T, MPI_SUM, state->comm));
  }
  return PSAC_OK;
}

static psac_status broadcast_span(const psac_transport *transport, void *bytes, size_t n_bytes) {
  const mpi_state *state = transport->state;
  if (through_memory(state, n_bytes)) return psac_node_broadcast(state->memory, bytes, n_bytes), PSAC_OK;
  for (size_t done = 0; done < n_bytes; done += CHUNK_BYTES) {
    const size_t n = n_bytes - done < CHUNK_BYTES ? n_bytes - done : CHUNK_BYTES;
    PSAC_MPI(MPI_Bcast((char *)bytes + done, (int)n, MPI_BYTE, 0, state->comm));
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

static psac_status mpi_open(psac_transport *transport, psac_ranks *ranks, const psac_transport_request *request) {
  (void)request;
  mpi_state *state = calloc(1, sizeof *state);
  if (!state) return psac_fail(PSAC_ERR_MEMORY, "out of memory for the transport");
  transport->state = state;
  state->comm = *(const MPI_Comm *)ranks->mpi_comm;
  return psac_node_memory_create(ranks, &state->memory);
}

static void mpi_close(psac_transport *transport) {
  mpi_state *state = transport->state;
  if (!state) return;
  psac_node_memory_destroy(&state->memory);
  free(state);
  transport->state = NULL;
}

const psac_transport psac_transport_mpi = {
    .name = "mpi",
    .all_gather = mpi_all_gather,
    .all_gather_wait = mpi_all_gather_wait,
    .reduce_i64 = mpi_reduce_i64,
    .all_reduce_i32 = mpi_all_reduce_i32,
    .broadcast = mpi_broadcast,
    .settle = mpi_settle,
    .open = mpi_open,
    .close = mpi_close,
};
