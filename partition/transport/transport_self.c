// One rank: collectives are copies or no-ops. Only host memory is copied; device memory must be gathered and reduced in
// place.
#include <string.h>

#include "partition/transport/transport.h"

// state: the staging of device memory, NULL = host memory
static psac_status copy(const psac_transport *transport, void *to, const void *from, size_t n_bytes) {
  if (to == from) return PSAC_OK;
  if (transport->state) return psac_fail(PSAC_ERR_INTERNAL, "a single rank on a device gathers and reduces in place");
  memcpy(to, from, n_bytes);
  return PSAC_OK;
}

static psac_status self_all_gather(const psac_transport *transport, void *stream, const void *send, void *receive,
                                   size_t n_bytes) {
  (void)stream;
  return copy(transport, receive, send, n_bytes);
}

static psac_status self_all_gather_wait(const psac_transport *transport, void *stream) {
  (void)transport, (void)stream;
  return PSAC_OK;
}

static psac_status self_reduce_i64(const psac_transport *transport, void *stream, const int64_t *value, int64_t *sum,
                                   size_t n) {
  (void)stream;
  return copy(transport, sum, value, n * sizeof *sum);
}

// NOLINTNEXTLINE(readability-non-const-parameter): signature of psac_transport
static psac_status self_all_reduce_i32(const psac_transport *transport, void *stream, int32_t *value, size_t n) {
  (void)transport, (void)stream, (void)value, (void)n;
  return PSAC_OK;
}

static psac_status self_broadcast(const psac_transport *transport, void *stream, const psac_span *spans, int n_spans) {
  (void)transport, (void)stream, (void)spans, (void)n_spans;
  return PSAC_OK;
}

static psac_status self_settle(const psac_transport *transport, void *stream) {
  (void)transport, (void)stream;
  return PSAC_OK;
}

static psac_status self_open(psac_transport *transport, psac_ranks *ranks, const psac_transport_request *request) {
  (void)ranks;
  transport->state = (void *)request->staging;
  return PSAC_OK;
}

static void self_close(psac_transport *transport) { (void)transport; }

const psac_transport psac_transport_self = {
    .name = "self",
    .n_ranks = 1,
    .can_record = 1,
    .all_gather = self_all_gather,
    .all_gather_wait = self_all_gather_wait,
    .reduce_i64 = self_reduce_i64,
    .all_reduce_i32 = self_all_reduce_i32,
    .broadcast = self_broadcast,
    .settle = self_settle,
    .open = self_open,
    .close = self_close,
};
