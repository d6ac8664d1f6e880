// Collective communication of the simulation: one interface, implemented by self (one rank), mpi (any number of ranks),
// staged (mpi, for device memory) and nccl (one GPU per rank).
//
// All calls are collective over the run's ranks, in the same order and with the same sizes. A call is enqueued on
// `stream`, the device library's own handle. For host memory `stream` is NULL, and the call is complete when it
// returns. Buffers belong to the caller and are in the backend's memory. A failure names rank, call and source line.
#ifndef PSAC_PARTITION_TRANSPORT_TRANSPORT_H
#define PSAC_PARTITION_TRANSPORT_TRANSPORT_H

#include <stddef.h>
#include <stdint.h>

#include "base/staging.h"
#include "base/status.h"
#include "partition/ranks.h"

typedef struct psac_span {
  void *bytes;
  size_t n_bytes;
} psac_span;

// Number of collective calls, and the payload that this rank received from others in them.
typedef struct psac_traffic {
  int64_t messages;
  int64_t bytes_received;
} psac_traffic;

// Transport requested for a run; the same on every rank.
typedef struct psac_transport_request {
  const char *name;             // auto, self, mpi or nccl
  const psac_staging *staging;  // for the backend's memory; NULL = host memory
  int device_each;              // every rank has its own device
  double timeout_seconds;  // nccl: a longer wait for the GPU ends the run; the other transports rely on the watchdog
} psac_transport_request;

typedef struct psac_transport psac_transport;
struct psac_transport {
  const char *name;
  int rank, n_ranks;
  int can_record;  // all_gather and its wait may be recorded (psac_device_ops.record_begin): they do not wait for the
                   // host
  void *state;     // private to the implementation
  // receive [n_ranks][n_bytes] = send [n_bytes] of every rank; `send` may be this rank's part of `receive`. Starts
  // after all earlier work of `stream` and runs concurrently with all later work until all_gather_wait. At most one is
  // in flight.
  psac_status (*all_gather)(const psac_transport *transport, void *stream, const void *send, void *receive,
                            size_t n_bytes);
  // later work of `stream` waits for the current all_gather, if there is one
  psac_status (*all_gather_wait)(const psac_transport *transport, void *stream);
  // on rank 0: sum [n] = sum over ranks of value [n], which may be the same array; other ranks' `sum` is not touched
  psac_status (*reduce_i64)(const psac_transport *transport, void *stream, const int64_t *value, int64_t *sum,
                            size_t n);
  // value [n] = sum over ranks of value [n], on every rank
  psac_status (*all_reduce_i32)(const psac_transport *transport, void *stream, int32_t *value, size_t n);
  // rank 0's bytes of each span to every rank
  psac_status (*broadcast)(const psac_transport *transport, void *stream, const psac_span *spans, int n_spans);
  // Calls between record_begin and record_end are recorded, not executed. Pass the result of record_end to `replay`
  // before every replay of that recording, when all earlier work is complete. All three are optional: NULL where calls
  // are not counted. Not collective.
  void (*record_begin)(const psac_transport *transport);
  psac_traffic (*record_end)(const psac_transport *transport);
  void (*replay)(const psac_transport *transport, psac_traffic recorded);
  // Waits for `stream` and monitors the other ranks: fails if one is lost or late instead of blocking forever.
  psac_status (*settle)(const psac_transport *transport, void *stream);
  // open acquires the resources of the transport, close releases them; open is collective
  psac_status (*open)(psac_transport *transport, psac_ranks *ranks, const psac_transport_request *request);
  void (*close)(psac_transport *transport);
};

// record_begin, record_end and replay for any transport; no-ops where it has none.
void psac_transport_record_begin(const psac_transport *transport);
psac_traffic psac_transport_record_end(const psac_transport *transport);
void psac_transport_replay(const psac_transport *transport, psac_traffic recorded);

// Selects and opens a transport. auto: self for one rank, nccl if every rank has its own GPU and this build has NCCL,
// else mpi. PSAC_ERR_INPUT with the reason if the name does not fit. Collective. Close with transport->close.
psac_status psac_transport_choose(const psac_transport_request *request, psac_ranks *ranks, psac_transport *transport);

// Bytes that each rank receives in an all-reduce of n_bytes: reduce-scatter, then all-gather.
size_t psac_transport_all_reduce_bytes(const psac_transport *transport, size_t n_bytes);

// Names of the transports of this build, separated by ", "; whether one of them connects devices directly (nccl).
const char *psac_transport_names(void);
int psac_transport_connects_devices(void);
const char *psac_transport_library(void);  // that connects devices, as in "NCCL 2.27.3"; "" = none

extern const psac_transport psac_transport_self;
extern const psac_transport psac_transport_mpi;
extern const psac_transport psac_transport_staged;
#ifdef PSAC_HAS_NCCL
extern const psac_transport psac_transport_nccl;
#endif

#endif
