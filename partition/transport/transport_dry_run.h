// One rank of many, without the others: this process holds and computes the true share of one rank, and what the other
// ranks would send is made up here. For planning a large run on a small machine.
//
// Spikes of other ranks are drawn at given rates; whatever else they would send is repeated from samples. What a call
// would take on a real network is added up from a latency and a bandwidth; what making things up takes is counted as
// well, so that it can be subtracted.
#ifndef PSAC_PARTITION_TRANSPORT_TRANSPORT_DRY_RUN_H
#define PSAC_PARTITION_TRANSPORT_TRANSPORT_DRY_RUN_H

#include "base/block_map.h"
#include "partition/transport/transport.h"

// Of one collective call: seconds = latency + bytes that arrive at a rank / bandwidth.
typedef struct psac_link {
  double latency;    // s
  double bandwidth;  // bytes/s
} psac_link;

typedef struct psac_dry_run_setup {
  int rank, n_ranks;
  // The neurons behind the bits of a rank's spike vector, and their spikes per step: below n_first the first rate, then
  // the second.
  psac_block_map map;
  int64_t n_first;
  double rate[2];
  uint64_t seed;
  psac_link link;
  const psac_staging *staging;  // NULL = host memory
} psac_dry_run_setup;

enum { PSAC_DRY_RUN_SAMPLES = 8 };

typedef struct psac_dry_run_time {
  double spent;     // s making things up
  double modelled;  // s that the same calls would take on the network
} psac_dry_run_time;

// Close with transport->close. Not collective.
psac_status psac_transport_dry_run_open(const psac_dry_run_setup *setup, psac_transport *transport);

// What arrives at `place` (of an all_gather, or a span of a broadcast) is `bytes`, repeated; they are copied. At most
// PSAC_DRY_RUN_SAMPLES. For transports that psac_transport_dry_run_open has opened.
psac_status psac_transport_dry_run_sample(const psac_transport *transport, const void *place, const void *bytes,
                                          size_t n_bytes);

void psac_transport_dry_run_reset(const psac_transport *transport);
psac_dry_run_time psac_transport_dry_run_read(const psac_transport *transport);

#endif
