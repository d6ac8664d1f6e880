#include "partition/transport/transport_counted.h"

#include <stdlib.h>

typedef struct counted_state {
  psac_transport inner;
  psac_traffic traffic;
  psac_traffic *at_work;  // current counter: traffic, or recorded between record_begin and record_end
  psac_traffic recorded;
} counted_state;

static const psac_transport *count(const psac_transport *transport, size_t bytes_received) {
  counted_state *counted = transport->state;
  counted->at_work->messages++;
  counted->at_work->bytes_received += (int64_t)bytes_received;
  return &counted->inner;
}

static psac_status counted_all_gather(const psac_transport *transport, void *stream, const void *send, void *receive,
                                      size_t n_bytes) {
  const psac_transport *inner = count(transport, n_bytes * (size_t)(transport->n_ranks - 1));
  return inner->all_gather(inner, stream, send, receive, n_bytes);
}

static psac_status counted_all_gather_wait(const psac_transport *transport, void *stream) {
  const counted_state *counted = transport->state;
  return counted->inner.all_gather_wait(&counted->inner, stream);
}

// Counts one vector from each other rank, received by rank 0: an upper bound for any reduction algorithm.
static psac_status counted_reduce_i64(const psac_transport *transport, void *stream, const int64_t *value, int64_t *sum,
                                      size_t n) {
  const size_t others = transport->rank == 0 ? (size_t)(transport->n_ranks - 1) : 0;
  const psac_transport *inner = count(transport, others * n * sizeof *value);
  return inner->reduce_i64(inner, stream, value, sum, n);
}

static psac_status counted_all_reduce_i32(const psac_transport *transport, void *stream, int32_t *value, size_t n) {
  const psac_transport *inner = count(transport, psac_transport_all_reduce_bytes(transport, n * sizeof *value));
  return inner->all_reduce_i32(inner, stream, value, n);
}

static psac_status counted_broadcast(const psac_transport *transport, void *stream, const psac_span *spans,
                                     int n_spans) {
  size_t n_bytes = 0;
  for (int k = 0; k < n_spans; k++) n_bytes += transport->rank == 0 ? 0 : spans[k].n_bytes;
  const psac_transport *inner = count(transport, n_bytes);
  return inner->broadcast(inner, stream, spans, n_spans);
}

static void counted_record_begin(const psac_transport *transport) {
  counted_state *counted = transport->state;
  counted->recorded = (psac_traffic){0};
  counted->at_work = &counted->recorded;
  psac_transport_record_begin(&counted->inner);
}

static psac_traffic counted_record_end(const psac_transport *transport) {
  counted_state *counted = transport->state;
  counted->at_work = &counted->traffic;
  psac_transport_record_end(&counted->inner);  // counts the same messages
  return counted->recorded;
}

static void counted_replay(const psac_transport *transport, psac_traffic recorded) {
  counted_state *counted = transport->state;
  counted->traffic.messages += recorded.messages;
  counted->traffic.bytes_received += recorded.bytes_received;
  psac_transport_replay(&counted->inner, recorded);
}

static psac_status counted_settle(const psac_transport *transport, void *stream) {
  const counted_state *counted = transport->state;
  return counted->inner.settle(&counted->inner, stream);
}

static void counted_close(psac_transport *transport) {
  counted_state *counted = transport->state;
  if (!counted) return;
  counted->inner.close(&counted->inner);
  free(counted);
  transport->state = NULL;
}

psac_status psac_transport_count(psac_transport *transport) {
  counted_state *counted = calloc(1, sizeof *counted);
  if (!counted) return psac_fail(PSAC_ERR_MEMORY, "out of memory for the transport");
  counted->inner = *transport;
  counted->at_work = &counted->traffic;
  transport->state = counted;
  transport->all_gather = counted_all_gather;
  transport->all_gather_wait = counted_all_gather_wait;
  transport->reduce_i64 = counted_reduce_i64;
  transport->all_reduce_i32 = counted_all_reduce_i32;
  transport->broadcast = counted_broadcast;
  transport->record_begin = counted_record_begin;
  transport->record_end = counted_record_end;
  transport->replay = counted_replay;
  transport->settle = counted_settle;
  transport->close = counted_close;
  return PSAC_OK;
}

void psac_traffic_reset(const psac_transport *transport) {
  counted_state *counted = transport->state;
  counted->traffic = (psac_traffic){0};
}

psac_traffic psac_traffic_read(const psac_transport *transport) {
  const counted_state *counted = transport->state;
  return counted->traffic;
}
