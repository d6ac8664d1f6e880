// One GPU per rank, connected by NCCL. Spikes are gathered on a stream of their own, so that they travel beside work
// that does not need them; what rank 0 gets and tells stays on the stream of the work.
//
// A rank that is lost or late never takes part in a collective, and whoever waited for it inside the CUDA runtime would
// wait for ever. So this file waits by asking: with a time-out, an eye on NCCL's errors, and a roll call that names the
// ranks that do not come.
#include <cuda_runtime.h>
#include <nccl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/watch_call.h"
#include "partition/liveness/roll_call.h"
#include "partition/transport/transport.h"

enum {
  POLLS_AWAKE = 1000,  // before it sleeps between polls
  POLL_NANOSECONDS = 50000,
  ROLL_CALL_SECONDS = 3,
  CALLS_AHEAD = 32,  // collectives after which the host waits until the GPU has come to those before: it is never twice
                     // as far ahead
  CALLS_KEPT = 128,
  MARKS = 1 << 16,  // collectives of a recording whose coming can be seen
};

typedef struct nccl_state {
  ncclComm_t comm;
  ncclUniqueId id;
  cudaStream_t exchange;
  int64_t n_calls;               // collectives so far, replayed ones included
  cudaEvent_t come[CALLS_KEPT];  // the work before the last of them is done: call n is n modulo CALLS_KEPT
  int64_t call[CALLS_KEPT];      // which one; 0 = none
  cudaEvent_t gathered;          // the result of a gather exists
  int is_gathering;
  // A replay makes its collectives without the host: the GPU marks how far it has come.
  int is_recording;
  int64_t n_recorded;    // collectives of this recording
  int64_t replay_first;  // number of the last collective before the last replay
  cudaEvent_t fork, marked;
  cudaStream_t marking;
  volatile unsigned char *mark;  // [MARKS] page-locked; 1 = the work before that collective of the last replay is done
  unsigned char *one;            // [1] on the device
  void *sample;                  // [n_ranks][8] bytes for the first collectives
  int device, rank, n_ranks;
  int world_rank;  // for people
  double timeout_seconds;
  char host[128];
  pthread_t connector;
  atomic_int is_connected;  // the connector has ended; `failure` is how
  int is_abandoned;         // it never did, and still holds this
  int is_open;              // on every rank
  char failure[384];        // "" = none
} nccl_state;

static psac_status failed(const psac_transport *transport, const char *call, int line, const char *text) {
  const nccl_state *state = transport->state;
  return psac_fail(PSAC_ERR_DEVICE, "rank %d on %s: %.*s failed at transport_nccl.c:%d: %s", state->world_rank,
                   state->host, (int)strcspn(call, "("), call, line, text);
}

#define CUDA(transport, call)                                                                       \
  do {                                                                                              \
    psac_watch_enter_device(#call);                                                                 \
    const cudaError_t code_ = (call);                                                               \
    psac_watch_leave();                                                                             \
    if (code_ != cudaSuccess) return failed(transport, #call, __LINE__, cudaGetErrorString(code_)); \
  } while (0)

#define NCCL(transport, call)                                                                                 \
  do {                                                                                                        \
    char text_[256];                                                                                          \
    psac_watch_enter(#call);                                                                                  \
    const ncclResult_t code_ = (call);                                                                        \
    psac_watch_leave();                                                                                       \
    if (code_ != ncclSuccess) return failed(transport, #call, __LINE__, explain(code_, text_, sizeof text_)); \
  } while (0)

// What went wrong, with NCCL's own last words on it, which name the call of the system that failed.
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

// A query that answers "not ready" leaves that behind as the last error, where the next launch would find it.
static cudaError_t forget_not_ready(cudaError_t code) {
  if (code == cudaErrorNotReady) cudaGetLastError();
  return code;
}

// The last of the collectives up to `last` that the GPU has come to, of those whose events are kept; 0 if none.
static int64_t last_come(const nccl_state *state, int64_t last) {
  for (int64_t call = last; call > 0 && call > last - CALLS_KEPT; call--) {
    const int64_t place = call % CALLS_KEPT;
    if (state->call[place] == call && forget_not_ready(cudaEventQuery(state->come[place])) == cudaSuccess) return call;
  }
  return 0;
}

// How many collectives the GPU has come to, as far as it can be told.
static psac_presence say(const void *self) {
  const nccl_state *state = self;
  uint64_t group = 0;
  int64_t n_marked = 0;
  for (size_t k = 0; k < sizeof state->id.internal; k++) group = group * 31 + (unsigned char)state->id.internal[k];
  while (n_marked < MARKS && state->mark[n_marked]) n_marked++;
  const int64_t called = last_come(state, state->n_calls);
  const int64_t replayed = n_marked > 0 ? state->replay_first + n_marked : last_come(state, state->replay_first);
  return (psac_presence){.group = (int64_t)group, .exchanges = called > replayed ? called : replayed};
}

// "rank 0 on a WHAT; rank 3 does not answer"
static psac_status give_up(const psac_transport *transport, const char *what) {
  const nccl_state *state = transport->state;
  char who[256] = "";
  PSAC_TRY(psac_roll_call_ask(ROLL_CALL_SECONDS, (psac_witness){say, state}, who, sizeof who));
  return psac_fail(PSAC_ERR_DEVICE, "rank %d on %s %s; %s", state->world_rank, state->host, what, who);
}

// What a rank does between two looks at its GPU, having waited since `started`.
static psac_status look_after_others(const psac_transport *transport, double started) {
  const nccl_state *state = transport->state;
  char text[256], what[300];
  ncclResult_t code;
  PSAC_TRY(psac_roll_call_answer((psac_witness){say, state}));
  NCCL(transport, ncclCommGetAsyncError(state->comm, &code));
  if (code != ncclSuccess) {
    snprintf(what, sizeof what, "is told by NCCL: %s", explain(code, text, sizeof text));
    return give_up(transport, what);
  }
  if (psac_clock_seconds() - started <= state->timeout_seconds) return PSAC_OK;
  snprintf(what, sizeof what, "has waited %.0f s for its GPU (watchdog.seconds)", state->timeout_seconds);
  return give_up(transport, what);
}

// Waits for a place in a stream, or with no event for all of it.
static psac_status wait_for(const psac_transport *transport, cudaStream_t stream, cudaEvent_t event) {
  const struct timespec moment = {0, POLL_NANOSECONDS};
  const double started = psac_clock_seconds();
  for (long poll = 0;; poll++) {
    const cudaError_t code = forget_not_ready(event ? cudaEventQuery(event) : cudaStreamQuery(stream));
    if (code == cudaSuccess) return PSAC_OK;
    if (code != cudaErrorNotReady)
      return failed(transport, "the work before a wait", __LINE__, cudaGetErrorString(code));
    PSAC_TRY(look_after_others(transport, started));
    psac_watch_enter("its GPU");  // others see that it waits; how long is seen to above
    if (poll > POLLS_AWAKE) nanosleep(&moment, NULL);
    psac_watch_leave();
  }
}

// Before every collective on `stream`. Throttles the host every CALLS_AHEAD collectives, so that fewer than twice as
// many are in flight: a host that filled the GPU's queue would block inside the CUDA runtime, where no time-out can end
// it.
static psac_status come_to(const psac_transport *transport, cudaStream_t stream) {
  nccl_state *state = transport->state;
  const int64_t call = ++state->n_calls, place = call % CALLS_KEPT, past = call - CALLS_AHEAD;
  if (past > 0 && past % CALLS_AHEAD == 0 && state->call[past % CALLS_KEPT] == past) {
    PSAC_TRY(wait_for(transport, stream, state->come[past % CALLS_KEPT]));
  }
  CUDA(transport, cudaEventRecord(state->come[place], stream));
  state->call[place] = call;
  return PSAC_OK;
}

// The same for a gather that is recorded. The mark is made beside the work, which does not wait for it before the
// gather's end.
static psac_status record_coming(const psac_transport *transport, cudaStream_t stream) {
  nccl_state *state = transport->state;
  const int64_t k = state->n_recorded++;
  CUDA(transport, cudaEventRecord(state->fork, stream));
  if (k >= MARKS) return PSAC_OK;
  CUDA(transport, cudaStreamWaitEvent(state->marking, state->fork, 0));
  CUDA(transport, cudaMemcpyAsync((void *)&state->mark[k], state->one, 1, cudaMemcpyDeviceToHost, state->marking));
  CUDA(transport, cudaEventRecord(state->marked, state->marking));
  return PSAC_OK;
}

static void nccl_record_begin(const psac_transport *transport) {
  nccl_state *state = transport->state;
  state->is_recording = 1;
  state->n_recorded = 0;
}

static psac_traffic nccl_record_end(const psac_transport *transport) {
  nccl_state *state = transport->state;
  state->is_recording = 0;
  return (psac_traffic){.messages = state->n_recorded};
}

static void nccl_replay(const psac_transport *transport, psac_traffic recorded) {
  nccl_state *state = transport->state;
  memset((void *)state->mark, 0, MARKS);
  state->replay_first = state->n_calls;
  state->n_calls += recorded.messages;
}

static psac_status nccl_all_gather(const psac_transport *transport, void *stream, const void *send, void *receive,
                                   size_t n_bytes) {
  nccl_state *state = transport->state;
  PSAC_TRY(state->is_recording ? record_coming(transport, stream) : come_to(transport, stream));
  CUDA(transport, cudaStreamWaitEvent(state->exchange,
                                      state->is_recording ? state->fork : state->come[state->n_calls % CALLS_KEPT], 0));
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
  if (state->is_recording && state->n_recorded <= MARKS) CUDA(transport, cudaStreamWaitEvent(stream, state->marked, 0));
  return PSAC_OK;
}

static psac_status nccl_reduce_i64(const psac_transport *transport, void *stream, const int64_t *value, int64_t *sum,
                                   size_t n) {
  const nccl_state *state = transport->state;
  PSAC_TRY(come_to(transport, stream));
  NCCL(transport, ncclReduce(value, sum, n, ncclInt64, ncclSum, 0, state->comm, stream));
  return PSAC_OK;
}

static psac_status nccl_all_reduce_i32(const psac_transport *transport, void *stream, int32_t *value, size_t n) {
  const nccl_state *state = transport->state;
  PSAC_TRY(come_to(transport, stream));
  NCCL(transport, ncclAllReduce(value, value, n, ncclInt32, ncclSum, state->comm, stream));
  return PSAC_OK;
}

// A group that has been started is ended, also after a failure within it: all later calls of this thread would become
// part of it.
static psac_status nccl_broadcast(const psac_transport *transport, void *stream, const psac_span *spans, int n_spans) {
  const nccl_state *state = transport->state;
  ncclResult_t code = ncclSuccess;
  char text[256];
  PSAC_TRY(come_to(transport, stream));
  NCCL(transport, ncclGroupStart());
  psac_watch_enter("ncclBroadcast");
  for (int k = 0; k < n_spans && code == ncclSuccess; k++) {
    code = ncclBroadcast(spans[k].bytes, spans[k].bytes, spans[k].n_bytes, ncclUint8, 0, state->comm, stream);
  }
  const ncclResult_t ended = ncclGroupEnd();
  psac_watch_leave();
  if (code != ncclSuccess) return failed(transport, "ncclBroadcast", __LINE__, explain(code, text, sizeof text));
  return ended == ncclSuccess ? PSAC_OK
                              : failed(transport, "ncclGroupEnd", __LINE__, explain(ended, text, sizeof text));
}

static psac_status nccl_settle(const psac_transport *transport, void *stream) {
  return wait_for(transport, stream, NULL);
}

#define CONNECT(code, success, text)                                                                                   \
  do {                                                                                                                 \
    if ((code) == (success)) break;                                                                                    \
    snprintf(state->failure, sizeof state->failure, "NCCL could not connect the GPUs: %s (NCCL_DEBUG=WARN says more)", \
             text);                                                                                                    \
    return;                                                                                                            \
  } while (0)

// NCCL connects when it is called first: once with each collective here. psac_network_warm_up does so with messages as
// long as the run's.
static void connect_ranks(nccl_state *state) {
  char text[256], *sample = state->sample;
  int64_t *sum = state->sample;
  cudaError_t cuda = cudaSetDevice(state->device);  // every thread has its own
  CONNECT(cuda, cudaSuccess, cudaGetErrorString(cuda));
  ncclResult_t nccl = ncclCommInitRank(&state->comm, state->n_ranks, state->id, state->rank);
  CONNECT(nccl, ncclSuccess, explain(nccl, text, sizeof text));
  nccl = ncclAllGather(sample + sizeof *sum * (size_t)state->rank, sample, sizeof *sum, ncclUint8, state->comm,
                       state->exchange);
  if (nccl == ncclSuccess) nccl = ncclReduce(sum, sum, 1, ncclInt64, ncclSum, 0, state->comm, state->exchange);
  if (nccl == ncclSuccess) nccl = ncclAllReduce(sum, sum, 1, ncclInt32, ncclSum, state->comm, state->exchange);
  if (nccl == ncclSuccess)
    nccl = ncclBroadcast(sample, sample, sizeof *sum, ncclUint8, 0, state->comm, state->exchange);
  CONNECT(nccl, ncclSuccess, explain(nccl, text, sizeof text));
  cuda = cudaStreamSynchronize(state->exchange);
  CONNECT(cuda, cudaSuccess, cudaGetErrorString(cuda));
}

static void *connector_main(void *argument) {
  nccl_state *state = argument;
  connect_ranks(state);
  atomic_store(&state->is_connected, 1);
  return NULL;
}

// Connecting cannot be polled, so a thread does it, and is left behind where it does not come to an end.
static psac_status connect_in_time(nccl_state *state) {
  const struct timespec moment = {0, 1000000};
  const double until = psac_clock_seconds() + state->timeout_seconds;
  if (pthread_create(&state->connector, NULL, connector_main, state) != 0) {
    return psac_fail(PSAC_ERR_MEMORY, "rank %d on %s cannot start a thread", state->world_rank, state->host);
  }
  while (!atomic_load(&state->is_connected) && psac_clock_seconds() < until) nanosleep(&moment, NULL);
  if (!atomic_load(&state->is_connected)) {
    state->is_abandoned = 1;
    pthread_detach(state->connector);
    return PSAC_OK;  // the rank that failed may have a better reason to tell
  }
  pthread_join(state->connector, NULL);
  return state->failure[0]
             ? psac_fail(PSAC_ERR_DEVICE, "rank %d on %s: %s", state->world_rank, state->host, state->failure)
             : PSAC_OK;
}

static psac_status is_late(const nccl_state *state) {
  if (!state->is_abandoned) return PSAC_OK;
  return psac_fail(PSAC_ERR_DEVICE, "rank %d on %s: NCCL has not connected the GPUs within %.0f s (watchdog.seconds)",
                   state->world_rank, state->host, state->timeout_seconds);
}

// What a rank needs of its own device.
static psac_status prepare(const psac_transport *transport) {
  nccl_state *state = transport->state;
  CUDA(transport, cudaGetDevice(&state->device));
  const size_t sample_bytes = sizeof(int64_t) * (size_t)state->n_ranks;
  void *mark = NULL;
  CUDA(transport, cudaMalloc(&state->sample, sample_bytes + 1));
  CUDA(transport, cudaMemset(state->sample, 0, sample_bytes));
  state->one = (unsigned char *)state->sample + sample_bytes;
  CUDA(transport, cudaMemset(state->one, 1, 1));
  CUDA(transport, cudaMallocHost(&mark, MARKS));
  state->mark = memset(mark, 0, MARKS);
  CUDA(transport, cudaDeviceSynchronize());  // our streams do not wait for the default one
  cudaStream_t *const stream[] = {&state->exchange, &state->marking};
  for (int k = 0; k < 2; k++) CUDA(transport, cudaStreamCreateWithFlags(stream[k], cudaStreamNonBlocking));
  cudaEvent_t *const event[] = {&state->gathered, &state->fork, &state->marked};
  for (int k = 0; k < 3; k++) CUDA(transport, cudaEventCreateWithFlags(event[k], cudaEventDisableTiming));
  for (int k = 0; k < CALLS_KEPT; k++)
    CUDA(transport, cudaEventCreateWithFlags(&state->come[k], cudaEventDisableTiming));
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
  PSAC_TRY(psac_ranks_agree(ranks, connect_in_time(state)));
  PSAC_TRY(psac_ranks_agree(ranks, is_late(state)));
  state->is_open = 1;
  return PSAC_OK;
}

// Where connecting has failed, the others may not be there to say good-bye to.
static void nccl_close(psac_transport *transport) {
  nccl_state *state = transport->state;
  transport->state = NULL;
  if (!state || state->is_abandoned) return;
  if (state->comm && state->is_open) ncclCommDestroy(state->comm);
  else if (state->comm) ncclCommAbort(state->comm);
  for (int k = 0; k < CALLS_KEPT; k++) {
    if (state->come[k]) cudaEventDestroy(state->come[k]);
  }
  const cudaEvent_t event[] = {state->gathered, state->fork, state->marked};
  for (int k = 0; k < 3; k++) {
    if (event[k]) cudaEventDestroy(event[k]);
  }
  if (state->exchange) cudaStreamDestroy(state->exchange);
  if (state->marking) cudaStreamDestroy(state->marking);
  cudaFreeHost((void *)state->mark);
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
