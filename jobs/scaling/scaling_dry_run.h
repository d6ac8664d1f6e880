// Dry run of one rank of many on this machine (scaling --dry-run-ranks). What the simulated ranks would send is sampled
// from a small pilot network, which runs first.
#ifndef PSAC_JOBS_SCALING_SCALING_DRY_RUN_H
#define PSAC_JOBS_SCALING_SCALING_DRY_RUN_H

#include "partition/transport/transport_dry_run.h"
#include "src/plan/hardware.h"
#include "src/run/session.h"

typedef struct psac_dry_run {
  int rank, n_ranks;
  psac_hardware hardware;    // profile whose network connects the ranks
  psac_transport transport;  // of the current case, among the shards of the replica
  psac_transport replicas;   // among the replicas; closed if there is only one
  // samples of the pilot network
  double rate[2];  // mean spikes per time step of an excitatory and of an inhibitory neuron
  struct {
    void *bytes;  // host memory
    size_t n_bytes;
  } retina, third, output, factor;
} psac_dry_run;

// Runs the pilot network on a batch of at most n of `trials`. Replaces the session's transports by those of a dry run
// of session->config in session->n_replicas replicas, which must divide the simulated ranks; 0 = the fastest number
// (psac_cost_best_replicas). Release with psac_dry_run_end.
psac_status psac_dry_run_begin(psac_dry_run *dry_run, psac_session *session, const psac_trial *trials, int n);

// Call it when session->network is built: registers the sample that each of its arrays receives.
psac_status psac_dry_run_attach(psac_dry_run *dry_run, const psac_session *session);

// Zeroes the times of both transports / returns their sum.
void psac_dry_run_reset(const psac_dry_run *dry_run);
psac_dry_run_time psac_dry_run_read(const psac_dry_run *dry_run);

// Closes the transports and frees the samples.
void psac_dry_run_end(psac_dry_run *dry_run, psac_session *session);

#endif
