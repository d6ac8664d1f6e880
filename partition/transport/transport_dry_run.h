// Dry run: this process stores and computes the true part of one rank of a larger run; the data of the other ranks is
// simulated. For planning a large run on a small machine.
//
// Spikes of other ranks are drawn at given rates; their other data is repeated from samples. The time of a call on a
// real network is modeled from a latency and a bandwidth. The time spent on simulating data is measured as well, so
// that it can be subtracted.
#ifndef PSAC_PARTITION_TRANSPORT_TRANSPORT_DRY_RUN_H
#define PSAC_PARTITION_TRANSPORT_TRANSPORT_DRY_RUN_H

#include "base/block_map.h"
#include "partition/transport/transport.h"

// Model of one collective call: seconds = latency + bytes received per rank / bandwidth.
typedef struct psac_link {
  double latency;    // s
  double bandwidth;  // bytes/s
} psac_link;

typedef struct psac_dry_run_setup {
  int rank, n_ranks;
  // Maps the bits of a rank's spike vector to neurons. rate: spikes per neuron and step, rate[0] for global ids below
  // n_first, rate[1] for the others.
  psac_block_map map;
  int64_t n_first;
  double rate[2];
  uint64_t seed;
  psac_link link;
  const psac_staging *staging;  // NULL = host memory
} psac_dry_run_setup;

enum { PSAC_DRY_RUN_SAMPLES = 8 };

typedef struct psac_dry_run_time {
  double spent;     // s spent on simulating data
  double modelled;  // s that the same calls would take on the network
} psac_dry_run_time;

// Close with transport->close. Not collective.
psac_status psac_transport_dry_run_open(const psac_dry_run_setup *setup, psac_transport *transport);

// Sets the data received at `place` (the buffer of an all_gather, or a span of a broadcast) to `bytes`, repeated.
// `bytes` is copied. Call at most PSAC_DRY_RUN_SAMPLES times. For transports opened by psac_transport_dry_run_open.
psac_status psac_transport_dry_run_sample(const psac_transport *transport, const void *place, const void *bytes,
                                          size_t n_bytes);

void psac_transport_dry_run_reset(const psac_transport *transport);
psac_dry_run_time psac_transport_dry_run_read(const psac_transport *transport);

#endif
