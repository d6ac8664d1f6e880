// MPI, for device memory. MPI need not be CUDA-aware: every message passes through page-locked host memory.
#include <stdlib.h>

#include "partition/transport/transport.h"

typedef struct staged_state {
  psac_transport mpi;
  const psac_staging *staging;
  void *host;  // [n_bytes]
  size_t n_bytes;
} staged_state;

// Makes sure that `host` has at least n_bytes and that no copy uses it any more.
static psac_status reserve(staged_state *staged, void *stream, size_t n_bytes) {
  PSAC_TRY(staged->staging->wait(stream));
  if (n_bytes <= staged->n_bytes) return PSAC_OK;
  staged->staging->release(staged->host);
  staged->host = NULL;
  staged->n_bytes = 0;
  PSAC_TRY(staged->staging->alloc(&staged->host, n_bytes));
  staged->n_bytes = n_bytes;
  return PSAC_OK;
}

static psac_status staged_all_gather(const psac_transport *transport, void *stream, const void *send, void *receive,
                                     size_t n_bytes) {
  staged_state *staged = transport->state;
  const size_t all_bytes = n_bytes * (size_t)transport->n_ranks;
  PSAC_TRY(reserve(staged, stream, all_bytes));
  void *own = (char *)staged->host + n_bytes * (size_t)transport->rank;
  PSAC_TRY(staged->staging->to_host(stream, own, send, n_bytes));
  PSAC_TRY(staged->staging->wait(stream));
  PSAC_TRY(staged->mpi.all_gather(&staged->mpi, NULL, own, staged->host, n_bytes));
  return staged->staging->to_device(stream, receive, staged->host, all_bytes);
}

static psac_status staged_all_gather_wait(const psac_transport *transport, void *stream) {
  (void)transport, (void)stream;  // the copy was enqueued on the same stream
  return PSAC_OK;
}

static psac_status staged_reduce_i64(const psac_transport *transport, void *stream, const int64_t *value, int64_t *sum,
                                     size_t n) {
  staged_state *staged = transport->state;
  const size_t n_bytes = n * sizeof *value;
  PSAC_TRY(reserve(staged, stream, n_bytes));
  PSAC_TRY(staged->staging->to_host(stream, staged->host, value, n_bytes));
  PSAC_TRY(staged->staging->wait(stream));
  PSAC_TRY(staged->mpi.reduce_i64(&staged->mpi, NULL, staged->host, staged->host, n));
  return transport->rank == 0 ? staged->staging->to_device(stream, sum, staged->host, n_bytes) : PSAC_OK;
}

static psac_status staged_all_reduce_i32(const psac_transport *transport, void *stream, int32_t *value, size_t n) {
  staged_state *staged = transport->state;
  const size_t n_bytes = n * sizeof *value;
  PSAC_TRY(reserve(staged, stream, n_bytes));
  PSAC_TRY(staged->staging->to_host(stream, staged->host, value, n_bytes));
  PSAC_TRY(staged->staging->wait(stream));
  PSAC_TRY(staged->mpi.all_reduce_i32(&staged->mpi, NULL, staged->host, n));
  return staged->staging->to_device(stream, value, staged->host, n_bytes);
}

static psac_status broadcast_span(const psac_transport *transport, void *stream, psac_span span) {
  staged_state *staged = transport->state;
  PSAC_TRY(reserve(staged, stream, span.n_bytes));
  if (transport->rank == 0) {
    PSAC_TRY(staged->staging->to_host(stream, staged->host, span.bytes, span.n_bytes));
    PSAC_TRY(staged->staging->wait(stream));
  }
  const psac_span host = {staged->host, span.n_bytes};
  PSAC_TRY(staged->mpi.broadcast(&staged->mpi, NULL, &host, 1));
  return transport->rank == 0 ? PSAC_OK : staged->staging->to_device(stream, span.bytes, staged->host, span.n_bytes);
}

static psac_status staged_broadcast(const psac_transport *transport, void *stream, const psac_span *spans,
                                    int n_spans) {
  for (int k = 0; k < n_spans; k++) PSAC_TRY(broadcast_span(transport, stream, spans[k]));
  return PSAC_OK;
}

static psac_status staged_settle(const psac_transport *transport, void *stream) {
  const staged_state *staged = transport->state;
  return staged->staging->wait(stream);
}

static psac_status staged_open(psac_transport *transport, psac_ranks *ranks, const psac_transport_request *request) {
  staged_state *made = calloc(1, sizeof *made);
  if (!made) return psac_fail(PSAC_ERR_MEMORY, "out of memory for the transport");
  made->staging = request->staging;
  made->mpi = psac_transport_mpi;
  made->mpi.rank = transport->rank;
  made->mpi.n_ranks = transport->n_ranks;
  transport->state = made;
  return made->mpi.open(&made->mpi, ranks, request);
}

static void staged_close(psac_transport *transport) {
  staged_state *staged = transport->state;
  if (!staged) return;
  staged->mpi.close(&staged->mpi);
  staged->staging->release(staged->host);
  free(staged);
  transport->state = NULL;
}

const psac_transport psac_transport_staged = {
    .name = "mpi (staged)",
    .all_gather = staged_all_gather,
    .all_gather_wait = staged_all_gather_wait,
    .reduce_i64 = staged_reduce_i64,
    .all_reduce_i32 = staged_all_reduce_i32,
    .broadcast = staged_broadcast,
    .settle = staged_settle,
    .open = staged_open,
    .close = staged_close,
};
