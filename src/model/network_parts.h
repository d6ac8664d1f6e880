// The parts of a network on this rank, and what every stage of a presentation uses: waiting for the device, timing of
// stages, the share of a replica.
#ifndef PSAC_MODEL_NETWORK_PARTS_H
#define PSAC_MODEL_NETWORK_PARTS_H

#include <stdint.h>

#include "kernels/arrays.h"
#include "partition/exchange/exchange.h"
#include "partition/layout.h"
#include "partition/transport/transport.h"
#include "src/config/config.h"
#include "src/model/critic.h"
#include "src/model/stages.h"
#include "src/model/trial.h"

// Recording (CUDA graph, simulation.cuda_graph) of the middle layer's steps for one number of concurrent trials.
typedef struct psac_recorded {
  int is_warm;  // presented once without a recording, so that NCCL has connected for messages of this length
  psac_recording *recording;  // NULL = none yet
  psac_traffic traffic;       // the recording's transport calls
} psac_recorded;

struct psac_network {
  psac_config config;
  const psac_backend *backend;
  psac_transport transport;          // among the shards of a replica
  psac_transport replica_transport;  // among the ranks that hold the same shard: rank = this replica, n_ranks = number
                                     // of replicas
  const psac_ranks *replica_ranks;   // the same ranks, for host messages; NULL with one replica, or simulated ones
  psac_layout layout;
  psac_exchange exchange;
  psac_shard shard;
  psac_readout readout;  // drives on every rank, the rest on rank 0
  psac_messages messages;
  psac_extents extents;  // of the arrays of shard, readout and messages
  psac_stream *stream;
  void *native_stream;         // the device library's handle, for transports; NULL on the CPU
  int launches_presentations;  // one kernel launch of the middle layer runs a whole presentation, not a step
  psac_recorded *recorded;     // [n_concurrent + 1] by number of concurrent trials
  int64_t trial;               // number of the first of the current trials, for the watchdog
  psac_critic critic;          // rank 0 of every replica
  int n_concurrent;            // maximum number of concurrent trials
  int steps_per_reduce;
  double learning_rate;  // current, per synapse: after rate_scaling and rate_schedule
  int weights_in_range;  // all weights are known to lie in [0, 1]
  psac_stages stages;
};

// The structs that hold the arrays of arrays.def.
psac_array_owners psac_network_arrays(psac_network *network);

// 1 if the device works asynchronously to the host.
int psac_network_is_asynchronous(const psac_network *network);

// Distribution of a batch of n trials over replicas. psac_network_share: trials of a full share, n / replicas rounded
// up. psac_network_own_trials: trials [*first, *first + *n_own) of this replica; the last replicas may have fewer, or
// none.
int psac_network_share(const psac_network *network, int n);
void psac_network_own_trials(const psac_network *network, int n, int *first, int *n_own);

// 1 on the root rank only: the first shard of the first replica.
int psac_network_is_root(const psac_network *network);

// Number of neurons whose rows this rank writes to files: n_local in the first replica, 0 in others.
int64_t psac_network_stored_rows(const psac_network *network);

// Sets the learning rate for the trials after the first `done` of the num_epochs * n_images of training. A linear
// schedule begins with epoch first_epoch. Not collective.
void psac_network_set_progress(psac_network *network, int64_t done, int64_t n_images, int64_t first_epoch);

// Waits for all enqueued work. Fails if another rank is lost, instead of waiting forever.
psac_status psac_network_settle(const psac_network *network);

// Copies n_bytes of the backend's memory to the host and waits for the copy.
psac_status psac_network_fetch(const psac_network *network, void *host, const void *device, size_t n_bytes);

// Waits for the enqueued work, then adds the time since the last mark to `stage`.
psac_status psac_network_mark(psac_network *network, psac_stage stage);

// The same within the time-step loop, without waiting; a no-op if the device works asynchronously.
void psac_network_mark_step(psac_network *network, psac_stage stage);

// Gathers the outcomes of every replica's share into outcomes [n]. Collective over rank 0 of all replicas; a no-op on
// other ranks and with one replica.
psac_status psac_network_share_outcomes(const psac_network *network, int n, psac_outcome *outcomes);

#endif
