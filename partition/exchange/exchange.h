// The spike exchange: gathers the spikes of all ranks on every rank and keeps them readable for the recurrent delay.
//
// Spikes of step t are first needed in step t + delay, so `delay` steps are exchanged in one message.
#ifndef PSAC_PARTITION_EXCHANGE_EXCHANGE_H
#define PSAC_PARTITION_EXCHANGE_EXCHANGE_H

#include "partition/transport/transport.h"

typedef struct psac_exchange {
  const psac_transport *transport;
  const void *own;  // [steps][n_bytes] this rank's spikes of a whole presentation; the caller's memory
  void *gathered;   // [n_ranks][delay][n_bytes] the last block of steps; the caller's memory; NULL with one rank, which
                    // reads `own`
  int delay;        // steps
} psac_exchange;

// Gathered spikes of one step: rank r's n_bytes are at spikes + r * rank_stride bytes.
typedef struct psac_arrival {
  const void *spikes;
  size_t rank_stride;
} psac_arrival;

// Posts step t of `own`, which must be complete. The last step of a block of `delay` steps starts the all-gather of the
// block. Collective.
psac_status psac_exchange_post(const psac_exchange *exchange, void *stream, int t, size_t n_bytes);

// Returns the spikes of step t - delay in *arrival, for work enqueued on `stream` before step t is posted. Call for
// every t >= delay, in order. Collective.
psac_status psac_exchange_arrive(const psac_exchange *exchange, void *stream, int t, size_t n_bytes,
                                 psac_arrival *arrival);

// Ends a presentation: later work of `stream` waits for the last all-gather. Collective.
psac_status psac_exchange_end(const psac_exchange *exchange, void *stream);

#endif
