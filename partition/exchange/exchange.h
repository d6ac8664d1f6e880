// The spike exchange: every rank's spikes of a step become everybody's, and stay readable for the recurrent delay.
//
// Spikes of step t are wanted in step t + delay and not before, so `delay` steps cross in one message.
#ifndef PSAC_PARTITION_EXCHANGE_EXCHANGE_H
#define PSAC_PARTITION_EXCHANGE_EXCHANGE_H

#include "partition/transport/transport.h"

typedef struct psac_exchange {
  const psac_transport *transport;
  const void *own;  // [steps][n_bytes] this rank's spikes of a whole presentation; the caller's memory
  void *gathered;   // [n_ranks][delay][n_bytes] the last block of steps; the caller's memory; NULL with one rank, where
                    // own serves
  int delay;        // steps
} psac_exchange;

// Gathered spikes of one step: rank r's n_bytes are at spikes + r * rank_stride bytes.
typedef struct psac_arrival {
  const void *spikes;
  size_t rank_stride;
} psac_arrival;

// Collective: step t of `own` is complete.
psac_status psac_exchange_post(const psac_exchange *exchange, void *stream, int t, size_t n_bytes);

// What arrives in step t >= delay, the spikes of step t - delay, for work enqueued on `stream` before step t is posted.
// To be called in every step, in order. Collective.
psac_status psac_exchange_arrive(const psac_exchange *exchange, void *stream, int t, size_t n_bytes,
                                 psac_arrival *arrival);

// The presentation is over: nothing is under way any more. Collective.
psac_status psac_exchange_end(const psac_exchange *exchange, void *stream);

#endif
