// One GPU per rank, connected by NCCL. Spikes are gathered on a separate stream, concurrently with work that does not
// need them; reductions to rank 0 and its broadcasts stay on the compute stream.
//
// A lost or late rank does not join a collective, and a call that waits for it inside the CUDA runtime does not return.
// So this file polls: with a time-out, NCCL's asynchronous errors, and a status poll that names the rank to blame.
#include <cuda_runtime.h>
#include <nccl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/wait.h"
#include "partition/liveness/gpu_progress.h"
#include "partition/liveness/liveness.h"
#include "partition/transport/transport.h"

enum {
  POLLS_AWAKE = 1000,  // polls without a sleep between them
  POLL_NANOSECONDS = 50000,
  STATUS_POLL_SECONDS = 3,
};

typedef struct nccl_state {
  ncclComm_t comm;
  ncclUniqueId id;
  cudaStream_t exchange;
  psac_gpu_progress *progress;
  cudaEvent_t gathered;  // recorded after the all-gather
  int is_gathering;
  void *sample;  // [n_ranks][8] bytes, buffer of the collectives that connect the ranks
  int rank, n_ranks;
  int world_rank;  // for messages
  double timeout_seconds;
  char host[128];
  int is_open;  // 1 = the ranks are connected
} nccl_state;

static psac_status failed(const psac_transport *transport, const char *call, int line, const char *text) {
  const nccl_state *state = transport->state;
  return psac_fail(PSAC_ERR_DEVICE, "rank %d on %s: %.*s failed at transport_nccl.c:%d: %s", state->world_rank,
                   state->host, (int)strcspn(call, "("), call, line, text);
}

#define CUDA(transport, call)                                                                       \
  do {                                                                                              \
    psac_wait_begin_device(#call);                                                                  \
    const cudaError_t code_ = (call);                                                               \
    psac_wait_end();                                                                                \
    if (code_ != cudaSuccess) return failed(transport, #call, __LINE__, cudaGetErrorString(code_)); \
  } while (0)

#define NCCL(transport, call)                                                                                 \
  do {                                                                                                        \
    char text_[256];                                                                                          \
    psac_wait_begin(#call);                                                                                   \
    const ncclResult_t code_ = (call);                                                                        \
    psac_wait_end();                                                                                          \
    if (code_ != ncclSuccess) return failed(transport, #call, __LINE__, explain(code_, text_, sizeof text_)); \
  } while (0)

// The error with the text of ncclGetLastError, which names the system call that failed.
static const char *explain(ncclResult_t code, char *text, size_t n_bytes) {
#if NCCL_VERSION_CODE >= 21300
  const char *last = ncclGetLastError(NULL);
#else
  const char *last = "";
#endif
  snprintf(text, n_bytes, "%s%s%s", ncclGetErrorString(code), last && last[0] ? ": " : "", last ? last : "");
  for (char *c = text; *c; c++) {
    if (*c == '\n') *c = ' ';
  }
  return text;
}

static psac_gpu_report read_progress(const void *self) {
  const nccl_state *state = self;
  uint64_t group = 0;
  for (size_t k = 0; k < sizeof state->id.internal; k++) group = group * 31 + (unsigned char)state->id.internal[k];
  return (psac_gpu_report){.group = (int64_t)group, .collectives = psac_gpu_progress_reached(state->progress)};
}

// Fails with a message such as "rank 0 on HOST WHAT; rank 3 does not answer".
static psac_status give_up(const psac_transport *transport, const char *what) {
  const nccl_state *state = transport->state;
  char who[256] = "";
  PSAC_TRY(psac_status_poll(STATUS_POLL_SECONDS, (psac_gpu_report_source){read_progress, state}, who, sizeof who));
  return psac_fail(PSAC_ERR_DEVICE, "rank %d on %s %s; %s", state->world_rank, state->host, what, who);
}

// Between two polls of the GPU: answers status polls, and fails on an NCCL error or timeout_seconds after `started`.
static psac_status check_others(const psac_transport *transport, double started) {
  const nccl_state *state = transport->state;
  char text[256], what[300];
  ncclResult_t code;
  PSAC_TRY(psac_status_poll_answer((psac_gpu_report_source){read_progress, state}));
  NCCL(transport, ncclCommGetAsyncError(state->comm, &code));
  if (code != ncclSuccess) {
    snprintf(what, sizeof what, "got an error from NCCL: %s", explain(code, text, sizeof text));
    return give_up(transport, what);
  }
  if (psac_clock_seconds() - started <= state->timeout_seconds) return PSAC_OK;
  snprintf(what, sizeof what, "has waited %.0f s for its GPU (watchdog.seconds)", state->timeout_seconds);
  return give_up(transport, what);
}

// Waits for an event, or without one for all work of a stream.
static psac_status wait_for(const psac_transport *transport, cudaStream_t stream, cudaEvent_t event) {
  const struct timespec moment = {0, POLL_NANOSECONDS};
  const double started = psac_clock_seconds();
  for (long poll = 0;; poll++) {
    const cudaError_t code = psac_gpu_query(stream, event);
    if (code == cudaSuccess) return PSAC_OK;
    if (code != cudaErrorNotReady)
      return failed(transport, "the work before a wait", __LINE__, cudaGetErrorString(code));
    PSAC_TRY(check_others(transport, started));
    psac_wait_begin("its GPU");  // for the other ranks' watchdogs; the limit is checked above
    if (poll > POLLS_AWAKE) nanosleep(&moment, NULL);
    psac_wait_end();
  }
}

// Before every collective on `stream`. *before: an event after all earlier work of `stream`.
static psac_status begin_collective(const psac_transport *transport, cudaStream_t stream, cudaEvent_t *before) {
  const nccl_state *state = transport->state;
  const cudaEvent_t past = psac_gpu_progress_throttle(state->progress);
  if (past) PSAC_TRY(wait_for(transport, stream, past));
  CUDA(transport, psac_gpu_progress_add(state->progress, stream, before));
  return PSAC_OK;
}

static void nccl_record_begin(const psac_transport *transport) {
  nccl_state *state = transport->state;
  psac_gpu_progress_record_begin(state->progress);
}

static psac_traffic nccl_record_end(const psac_transport *transport) {
  const nccl_state *state = transport->state;
  return (psac_traffic){.messages = psac_gpu_progress_record_end(state->progress)};
}

static void nccl_replay(const psac_transport *transport, psac_traffic recorded) {
  const nccl_state *state = transport->state;
  psac_gpu_progress_replay(state->progress, recorded.messages);
}

static psac_status nccl_all_gather(const psac_transport *transport, void *stream, const void *send, void *receive,
                                   size_t n_bytes) {
  nccl_state *state = transport->state;
  cudaEvent_t before;
  PSAC_TRY(begin_collective(transport, stream, &before));
  CUDA(transport, cudaStreamWaitEvent(state->exchange, before, 0));
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
  CUDA(transport, psac_gpu_progress_join(state->progress, stream));
  return PSAC_OK;
}

static psac_status nccl_reduce_i64(const psac_transport *transport, void *stream, const int64_t *value, int64_t *sum,
                                   size_t n) {
  const nccl_state *state = transport->state;
  cudaEvent_t before;
  PSAC_TRY(begin_collective(transport, stream, &before));
  NCCL(transport, ncclReduce(value, sum, n, ncclInt64, ncclSum, 0, state->comm, stream));
  return PSAC_OK;
}

static psac_status nccl_all_reduce_i32(const psac_transport *transport, void *stream, int32_t *value, size_t n) {
  const nccl_state *state = transport->state;
  cudaEvent_t before;
  PSAC_TRY(begin_collective(transport, stream, &before));
  NCCL(transport, ncclAllReduce(value, value, n, ncclInt32, ncclSum, state->comm, stream));
  return PSAC_OK;
}

// ncclGroupEnd is called also after a failure: otherwise all later NCCL calls of this thread would join the group.
static psac_status nccl_broadcast(const psac_transport *transport, void *stream, const psac_span *spans, int n_spans) {
  const nccl_state *state = transport->state;
  ncclResult_t code = ncclSuccess;
  char text[256];
  cudaEvent_t before;
  PSAC_TRY(begin_collective(transport, stream, &before));
  NCCL(transport, ncclGroupStart());
  psac_wait_begin("ncclBroadcast");
  for (int k = 0; k < n_spans && code == ncclSuccess; k++) {
    code = ncclBroadcast(spans[k].bytes, spans[k].bytes, spans[k].n_bytes, ncclUint8, 0, state->comm, stream);
  }
  const ncclResult_t ended = ncclGroupEnd();
  psac_wait_end();
  if (code != ncclSuccess) return failed(transport, "ncclBroadcast", __LINE__, explain(code, text, sizeof text));
  return ended == ncclSuccess ? PSAC_OK
                              : failed(transport, "ncclGroupEnd", __LINE__, explain(ended, text, sizeof text));
}

static psac_status nccl_settle(const psac_transport *transport, void *stream) {
  return wait_for(transport, stream, NULL);
}

// NCCL connects at the first call of each collective. psac_network_warm_up repeats them with messages of the run's
// sizes. A rank that fails does not wait for the others, which may be blocked in here: its error ends the run.
static psac_status connect_ranks(nccl_state *state) {
  char text[256], *sample = state->sample;
  int64_t *sum = state->sample;
  const size_t own = sizeof *sum * (size_t)state->rank;
  psac_wait_begin("ncclCommInitRank");
  ncclResult_t code = ncclCommInitRank(&state->comm, state->n_ranks, state->id, state->rank);
  if (code == ncclSuccess) {
    code = ncclAllGather(sample + own, sample, sizeof *sum, ncclUint8, state->comm, state->exchange);
  }
  if (code == ncclSuccess) code = ncclReduce(sum, sum, 1, ncclInt64, ncclSum, 0, state->comm, state->exchange);
  if (code == ncclSuccess) code = ncclAllReduce(sum, sum, 1, ncclInt32, ncclSum, state->comm, state->exchange);
  if (code == ncclSuccess)
    code = ncclBroadcast(sample, sample, sizeof *sum, ncclUint8, 0, state->comm, state->exchange);
  const char *failure = code == ncclSuccess ? NULL : explain(code, text, sizeof text);
  const cudaError_t cuda = failure ? cudaSuccess : cudaStreamSynchronize(state->exchange);
  psac_wait_end();
  if (cuda != cudaSuccess) failure = cudaGetErrorString(cuda);
  if (!failure) return PSAC_OK;
  return psac_fail(PSAC_ERR_DEVICE, "rank %d on %s: NCCL could not connect the GPUs: %s (NCCL_DEBUG=WARN says more)",
                   state->world_rank, state->host, failure);
}

// Resources of this rank's device.
static psac_status prepare(const psac_transport *transport) {
  nccl_state *state = transport->state;
  const size_t sample_bytes = sizeof(int64_t) * (size_t)state->n_ranks;
  CUDA(transport, cudaMalloc(&state->sample, sample_bytes));
  CUDA(transport, cudaMemset(state->sample, 0, sample_bytes));
  CUDA(transport, psac_gpu_progress_create(&state->progress));
  CUDA(transport, cudaDeviceSynchronize());  // our streams do not wait for the default one
  CUDA(transport, cudaStreamCreateWithFlags(&state->exchange, cudaStreamNonBlocking));
  CUDA(transport, cudaEventCreateWithFlags(&state->gathered, cudaEventDisableTiming));
  if (state->rank == 0) NCCL(transport, ncclGetUniqueId(&state->id));
  return PSAC_OK;
}

static psac_status nccl_open(psac_transport *transport, psac_ranks *ranks, const psac_transport_request *request) {
  nccl_state *state = calloc(1, sizeof *state);
  transport->state = state;
  PSAC_TRY(psac_ranks_agree(ranks, state ? PSAC_OK : psac_fail(PSAC_ERR_MEMORY, "out of memory for the transport")));
  state->timeout_seconds = request->timeout_seconds;
  state->rank = ranks->rank;
  state->n_ranks = ranks->n_ranks;
  state->world_rank = ranks->world_rank;
  memcpy(state->host, ranks->host, sizeof state->host);
  PSAC_TRY(psac_ranks_agree(ranks, prepare(transport)));
  PSAC_TRY(psac_ranks_broadcast(ranks, &state->id, sizeof state->id));
  PSAC_TRY(connect_ranks(state));
  state->is_open = 1;
  return PSAC_OK;
}

// ncclCommDestroy waits for the other ranks, which may be missing if connecting has failed.
static void nccl_close(psac_transport *transport) {
  nccl_state *state = transport->state;
  transport->state = NULL;
  if (!state) return;
  if (state->comm && state->is_open) ncclCommDestroy(state->comm);
  else if (state->comm) ncclCommAbort(state->comm);
  psac_gpu_progress_destroy(&state->progress);
  if (state->gathered) cudaEventDestroy(state->gathered);
  if (state->exchange) cudaStreamDestroy(state->exchange);
  cudaFree(state->sample);
  free(state);
}

const psac_transport psac_transport_nccl = {
    .name = "nccl",
    .can_record = 1,
    .all_gather = nccl_all_gather,
    .all_gather_wait = nccl_all_gather_wait,
    .reduce_i64 = nccl_reduce_i64,
    .all_reduce_i32 = nccl_all_reduce_i32,
    .broadcast = nccl_broadcast,
    .record_begin = nccl_record_begin,
    .record_end = nccl_record_end,
    .replay = nccl_replay,
    .settle = nccl_settle,
    .open = nccl_open,
    .close = nccl_close,
};
