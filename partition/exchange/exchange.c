#include "partition/exchange/exchange.h"

psac_status psac_exchange_post(const psac_exchange *exchange, void *stream, int t, size_t n_bytes) {
  if (!exchange->gathered || (t + 1) % exchange->delay != 0) return PSAC_OK;
  const char *block = (const char *)exchange->own + (size_t)(t + 1 - exchange->delay) * n_bytes;
  return exchange->transport->all_gather(exchange->transport, stream, block, exchange->gathered,
                                         (size_t)exchange->delay * n_bytes);
}

psac_status psac_exchange_arrive(const psac_exchange *exchange, void *stream, int t, size_t n_bytes,
                                 psac_arrival *arrival) {
  if (!exchange->gathered) {
    *arrival = (psac_arrival){(const char *)exchange->own + (size_t)(t - exchange->delay) * n_bytes, n_bytes};
    return PSAC_OK;
  }
  const int step = t % exchange->delay;  // of the block
  *arrival =
      (psac_arrival){(const char *)exchange->gathered + (size_t)step * n_bytes, (size_t)exchange->delay * n_bytes};
  return step == 0 ? exchange->transport->all_gather_wait(exchange->transport, stream) : PSAC_OK;
}

psac_status psac_exchange_end(const psac_exchange *exchange, void *stream) {
  return exchange->gathered ? exchange->transport->all_gather_wait(exchange->transport, stream) : PSAC_OK;
}
