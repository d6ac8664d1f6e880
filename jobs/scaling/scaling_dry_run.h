// One rank of many on this machine (scaling --dry-run-ranks): what the others would send is learned from a small
// network that really runs here first.
#ifndef PSAC_JOBS_SCALING_SCALING_DRY_RUN_H
#define PSAC_JOBS_SCALING_SCALING_DRY_RUN_H

#include "partition/transport/transport_dry_run.h"
#include "src/plan/hardware.h"
#include "src/run/session.h"

typedef struct psac_dry_run {
  int rank, n_ranks;
  psac_hardware hardware;    // whose network lies between the ranks
  psac_transport transport;  // of the current case, among the shards of the replica
  psac_transport replicas;   // among the replicas; closed where there is one
  // what the small network did
  double rate[2];  // spikes per step of an excitatory and an inhibitory neuron
  struct {
    void *bytes;  // host memory
    size_t n_bytes;
  } retina, third, output, factor;
} psac_dry_run;

// Runs the small network on a batch of `trials` (n of them at most) and opens transports for session->config cut into
// session->n_replicas (0 = as many as are best), in the place of the session's. PSAC_ERR_INPUT if they cannot be cut
// so.
psac_status psac_dry_run_begin(psac_dry_run *dry_run, psac_session *session, const psac_trial *trials, int n);

// To be called when session->network is built: tells the transport which of its arrays get what.
psac_status psac_dry_run_attach(psac_dry_run *dry_run, const psac_session *session);

// Zeroes the times of both transports / adds them up.
void psac_dry_run_reset(const psac_dry_run *dry_run);
psac_dry_run_time psac_dry_run_read(const psac_dry_run *dry_run);

// Closes the transports and frees what was learned.
void psac_dry_run_end(psac_dry_run *dry_run, psac_session *session);

#endif
