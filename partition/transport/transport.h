// How the data of the simulation crosses ranks: one contract, filled by self (one rank), mpi (any), staged (mpi, for
// the memory of a device) and nccl (one GPU per rank).
//
// All calls are collective over the run's ranks, in the same order and with the same sizes, enqueued on `stream`: the
// device library's own handle, NULL for host memory, where a call is done when it returns. Buffers belong to the caller
// and are in the backend's memory. A failure names rank, call and place.
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

// Collective calls, and the payload that came to this rank from others by them.
typedef struct psac_traffic {
  int64_t messages;
  int64_t bytes_received;
} psac_traffic;

// What a run wants of its transport; the same on every rank.
typedef struct psac_transport_request {
  const char *name;             // auto, self, mpi or nccl
  const psac_staging *staging;  // of the backend's memory; NULL = the host's
  int device_each;              // every rank has a device of its own
  double timeout_seconds;  // nccl: a GPU that keeps its rank waiting longer ends the run; elsewhere the watchdog sees
                           // to that
} psac_transport_request;

typedef struct psac_transport psac_transport;
struct psac_transport {
  const char *name;
  int rank, n_ranks;
  int can_record;  // all_gather and its wait may be recorded (psac_backend.record_begin): nothing waits for the host
  void *state;     // the implementation's own
  // receive [n_ranks][n_bytes] = everybody's send [n_bytes]; `send` may be this rank's place in `receive`. Begins after
  // all earlier work of `stream` and beside all later work, until all_gather_wait; one at a time.
  psac_status (*all_gather)(const psac_transport *transport, void *stream, const void *send, void *receive,
                            size_t n_bytes);
  // later work of `stream` comes after the current all_gather, if there is one
  psac_status (*all_gather_wait)(const psac_transport *transport, void *stream);
  // on rank 0: sum [n] = sum over ranks of value [n], which may be the same array; other ranks' `sum` is not touched
  psac_status (*reduce_i64)(const psac_transport *transport, void *stream, const int64_t *value, int64_t *sum,
                            size_t n);
  // value [n] = sum over ranks of value [n], on every rank
  psac_status (*all_reduce_i32)(const psac_transport *transport, void *stream, int32_t *value, size_t n);
  // rank 0's bytes of each span to every rank
  psac_status (*broadcast)(const psac_transport *transport, void *stream, const psac_span *spans, int n_spans);
  // Calls between record_begin and record_end are recorded, not made. What record_end says of them is given to `replay`
  // before every replay of that recording, when all work before it is done. Optional, all three: NULL where calls
  // are not counted. Not collective.
  void (*record_begin)(const psac_transport *transport);
  psac_traffic (*record_end)(const psac_transport *transport);
  void (*replay)(const psac_transport *transport, psac_traffic recorded);
  // Waits for `stream` while looking after the other ranks: fails where one is lost or late instead of waiting for
  // ever.
  psac_status (*settle)(const psac_transport *transport, void *stream);
  // what the transport holds; open is collective
  psac_status (*open)(psac_transport *transport, psac_ranks *ranks, const psac_transport_request *request);
  void (*close)(psac_transport *transport);
};

// The same for any transport.
void psac_transport_record_begin(const psac_transport *transport);
psac_traffic psac_transport_record_end(const psac_transport *transport);
void psac_transport_replay(const psac_transport *transport, psac_traffic recorded);

// Picks and opens. auto: self for one rank, nccl where every rank has a GPU of its own and this build has NCCL, else
// mpi. PSAC_ERR_INPUT with the reason where the name does not fit. Collective. Close with transport->close.
psac_status psac_transport_choose(const psac_transport_request *request, psac_ranks *ranks, psac_transport *transport);

// What comes to each rank when n_bytes are summed over all: every rank sums its part of all vectors, then tells the
// others.
size_t psac_transport_all_reduce_bytes(const psac_transport *transport, size_t n_bytes);

// Names of the transports of this build, separated by ", "; whether one of them is of devices among themselves (nccl).
const char *psac_transport_names(void);
int psac_transport_connects_devices(void);
const char *psac_transport_library(void);  // that connects them, as in "NCCL 2.27.3"; "" = none

extern const psac_transport psac_transport_self;
extern const psac_transport psac_transport_mpi;
extern const psac_transport psac_transport_staged;
#ifdef PSAC_HAS_NCCL
extern const psac_transport psac_transport_nccl;
#endif

#endif
