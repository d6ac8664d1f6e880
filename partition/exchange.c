#include "exchange.h"

size_t psac_exchange_ring_bytes(const psac_transport *transport, int depth, size_t n_bytes) {
  return transport->n_ranks == 1 ? 0 : (size_t)depth * (size_t)transport->n_ranks * n_bytes;
}

static void *ring_slot(const psac_exchange *exchange, int t, size_t n_bytes) {
  return (char *)exchange->ring + (size_t)(t % exchange->depth) * (size_t)exchange->transport->n_ranks * n_bytes;
}

static const void *own_step(const psac_exchange *exchange, int t, size_t n_bytes) {
  return (const char *)exchange->own + (size_t)t * n_bytes;
}

psac_status psac_exchange_post(const psac_exchange *exchange, void *stream, int t, size_t n_bytes) {
  if (!exchange->ring) return PSAC_OK;
  const psac_transport *transport = exchange->transport;
  return transport->all_gather(transport, stream, own_step(exchange, t, n_bytes), ring_slot(exchange, t, n_bytes), n_bytes);
}

const void *psac_exchange_arrived(const psac_exchange *exchange, int t, size_t n_bytes) {
  return exchange->ring ? ring_slot(exchange, t, n_bytes) : own_step(exchange, t, n_bytes);
}
