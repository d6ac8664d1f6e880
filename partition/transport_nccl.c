// One GPU per rank, connected by NCCL. Spikes are gathered on a stream of their own, so that they travel beside work that does not
// need them; what rank 0 gets and tells stays on the stream of the work.
#include <cuda_runtime.h>
#include <nccl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "transport.h"

enum { POLLS_AWAKE = 1000, POLL_NANOSECONDS = 50000 };

typedef struct nccl_state {
  ncclComm_t comm;
  cudaStream_t exchange;
  cudaEvent_t ready, gathered;  // the spikes of a gather exist; its result exists
  int is_gathering;
  double timeout_seconds;
} nccl_state;

static psac_status failed(const psac_transport *transport, const char *call, int line, const char *text) {
  char host[128] = "";
  gethostname(host, sizeof host - 1);
  return psac_fail(PSAC_ERR_DEVICE, "rank %d on %s: %.60s failed at transport_nccl.c:%d: %s", transport->rank, host, call, line, text);
}

#define CUDA(transport, call)                                                                                           \
  do {                                                                                                                  \
    const cudaError_t code_ = (call);                                                                                   \
    if (code_ != cudaSuccess) return failed(transport, #call, __LINE__, cudaGetErrorString(code_));                     \
  } while (0)

#define NCCL(transport, call)                                                                                           \
  do {                                                                                                                  \
    const ncclResult_t code_ = (call);                                                                                  \
    if (code_ != ncclSuccess) return failed(transport, #call, __LINE__, ncclGetErrorString(code_));                     \
  } while (0)

static psac_status nccl_all_gather(const psac_transport *transport, void *stream, const void *send, void *receive, size_t n_bytes) {
  nccl_state *state = transport->state;
  CUDA(transport, cudaEventRecord(state->ready, stream));
  CUDA(transport, cudaStreamWaitEvent(state->exchange, state->ready, 0));
  NCCL(transport, ncclAllGather(send, receive, n_bytes, ncclUint8, state->comm, state->exchange));
  CUDA(transport, cudaEventRecord(state->gathered, state->exchange));
  state->is_gathering = 1;
  return PSAC_OK;
}

static psac_status nccl_all_gather_wait(const psac_transport *transport, void *stream) {
  nccl_state *state = transport->state;
  if (!state->is_gathering) return PSAC_OK;
  state->is_gathering = 0;
  CUDA(transport, cudaStreamWaitEvent(stream, state->gathered, 0));
  return PSAC_OK;
}

static psac_status nccl_reduce_i64(const psac_transport *transport, void *stream, const int64_t *value, int64_t *sum, size_t n) {
  const nccl_state *state = transport->state;
  NCCL(transport, ncclReduce(value, sum, n, ncclInt64, ncclSum, 0, state->comm, stream));
  return PSAC_OK;
}

static psac_status nccl_all_reduce_i32(const psac_transport *transport, void *stream, int32_t *value, size_t n) {
  const nccl_state *state = transport->state;
  NCCL(transport, ncclAllReduce(value, value, n, ncclInt32, ncclSum, state->comm, stream));
  return PSAC_OK;
}

static psac_status nccl_broadcast(const psac_transport *transport, void *stream, const psac_span *spans, int n_spans) {
  const nccl_state *state = transport->state;
  NCCL(transport, ncclGroupStart());
  for (int k = 0; k < n_spans; k++) {
    NCCL(transport, ncclBroadcast(spans[k].bytes, spans[k].bytes, spans[k].n_bytes, ncclUint8, 0, state->comm, stream));
  }
  NCCL(transport, ncclGroupEnd());
  return PSAC_OK;
}

// A rank that is lost never takes part in a collective again, and the stream would wait for it for ever.
static psac_status nccl_settle(const psac_transport *transport, void *stream) {
  const nccl_state *state = transport->state;
  const struct timespec moment = {0, POLL_NANOSECONDS};
  const double started = psac_clock_seconds();
  for (long poll = 0;; poll++) {
    const cudaError_t done = cudaStreamQuery(stream);
    if (done == cudaSuccess) return PSAC_OK;
    if (done != cudaErrorNotReady) CUDA(transport, done);
    ncclResult_t asynchronous;
    NCCL(transport, ncclCommGetAsyncError(state->comm, &asynchronous));
    if (asynchronous != ncclInProgress) NCCL(transport, asynchronous);
    if (psac_clock_seconds() - started > state->timeout_seconds) {
      return psac_fail(PSAC_ERR_DEVICE, "rank %d has waited %.0f s for its GPU or for another rank's (watchdog.seconds)",
                       transport->rank, state->timeout_seconds);
    }
    if (poll > POLLS_AWAKE) nanosleep(&moment, NULL);
  }
}

static psac_status nccl_open(psac_transport *transport, const psac_ranks *ranks, const psac_transport_request *request) {
  nccl_state *state = calloc(1, sizeof *state);
  if (!state) return psac_fail(PSAC_ERR_MEMORY, "out of memory for the transport");
  transport->state = state;
  state->timeout_seconds = request->timeout_seconds;
  ncclUniqueId id;
  if (ranks->rank == 0) NCCL(transport, ncclGetUniqueId(&id));
  PSAC_TRY(psac_ranks_broadcast(ranks, &id, sizeof id));
  NCCL(transport, ncclCommInitRank(&state->comm, ranks->n_ranks, id, ranks->rank));
  CUDA(transport, cudaStreamCreateWithFlags(&state->exchange, cudaStreamNonBlocking));
  CUDA(transport, cudaEventCreateWithFlags(&state->ready, cudaEventDisableTiming));
  CUDA(transport, cudaEventCreateWithFlags(&state->gathered, cudaEventDisableTiming));
  return PSAC_OK;
}

static void nccl_close(psac_transport *transport) {
  nccl_state *state = transport->state;
  if (!state) return;
  if (state->gathered) cudaEventDestroy(state->gathered);
  if (state->ready) cudaEventDestroy(state->ready);
  if (state->exchange) cudaStreamDestroy(state->exchange);
  if (state->comm) ncclCommDestroy(state->comm);
  free(state);
  transport->state = NULL;
}

const psac_transport psac_transport_nccl = {
    .name = "nccl",
    .can_record = 1,
    .all_gather = nccl_all_gather,
    .all_gather_wait = nccl_all_gather_wait,
    .reduce_i64 = nccl_reduce_i64,
    .all_reduce_i32 = nccl_all_reduce_i32,
    .broadcast = nccl_broadcast,
    .settle = nccl_settle,
    .open = nccl_open,
    .close = nccl_close,
};
