// The spike exchange: every rank's spikes of a step become everybody's, and stay readable for the recurrent delay.
#ifndef PSAC_PARTITION_EXCHANGE_H
#define PSAC_PARTITION_EXCHANGE_H

#include "transport.h"

typedef struct psac_exchange {
  const psac_transport *transport;
  const void *own;   // [steps][n_bytes] this rank's spikes of a whole presentation; the caller's memory
  void *ring;        // [depth][n_ranks][n_bytes] gathered spikes; the caller's memory; NULL with one rank, where own serves
  int depth;         // steps that stay readable: the recurrent delay
} psac_exchange;

// Bytes of the ring that psac_exchange_post needs for messages of n_bytes.
size_t psac_exchange_ring_bytes(const psac_transport *transport, int depth, size_t n_bytes);

// Collective: gathers step t of `own`.
psac_status psac_exchange_post(const psac_exchange *exchange, void *stream, int t, size_t n_bytes);

// The gathered spikes [n_ranks][n_bytes] of step t, one of the last `depth` steps posted.
const void *psac_exchange_arrived(const psac_exchange *exchange, int t, size_t n_bytes);

#endif
