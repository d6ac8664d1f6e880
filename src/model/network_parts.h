// The parts of a network on this rank, and what every stage of a presentation needs of them: waiting for the device,
// the time of a stage, the share of a replica.
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

// The middle layer's steps as one piece of work (simulation.cuda_graph), for one number of concurrent trials.
typedef struct psac_recorded {
  int is_warm;  // presented once without a recording, so that NCCL has connected for messages of this length
  psac_recording *recording;  // NULL = none yet
  psac_traffic traffic;       // calls of the transport in it
} psac_recorded;

struct psac_network {
  psac_config config;
  const psac_backend *backend;
  psac_transport transport;          // among the shards of a replica
  psac_transport replica_transport;  // among the ranks that hold the same shard: rank = of this replica, n_ranks =
                                     // their number
  const psac_ranks *replica_ranks;   // the same ranks, for messages of the host; NULL with one replica
  psac_layout layout;
  psac_exchange exchange;
  psac_shard shard;
  psac_readout readout;  // drives on every rank, the rest on rank 0
  psac_messages messages;
  psac_extents extents;  // of the arrays in these three
  psac_stream *stream;
  void *native_stream;         // of the device library, for transports; NULL on the CPU
  int launches_presentations;  // the middle layer's kernel runs a whole presentation, not a step
  psac_recorded *recorded;     // [n_concurrent + 1] the middle layer's steps, by the number of concurrent trials
  int64_t trial;               // number of the first current trial, for the watchdog
  psac_critic critic;          // rank 0 of every replica
  int n_concurrent;            // concurrent trials at most
  int steps_per_reduce;
  double learning_rate;  // of the present epoch, per synapse
  int weights_in_range;  // all weights are known to lie in [0, 1]
  psac_stages stages;
};

// The structs that hold the arrays of arrays.def.
psac_array_owners psac_network_arrays(psac_network *network);

// 1 where the device works while the host continues.
int psac_network_is_asynchronous(const psac_network *network);

// Trials of a batch of n that this replica simulates: [*first, *first + *n_own). The share of a replica comes first.
int psac_network_share(const psac_network *network, int n);  // trials of a full share
void psac_network_own_trials(const psac_network *network, int n, int *first, int *n_own);

// 1 on the one rank that speaks for the network: the first shard of the first replica.
int psac_network_is_root(const psac_network *network);

// Rows of neurons that this rank stores in files: those of its shard, in the first replica.
int64_t psac_network_stored_rows(const psac_network *network);

// Sets the learning rate for the trials after the first `done` of the training's n_epochs * n_images; a linear schedule
// begins with first_epoch.
void psac_network_set_progress(psac_network *network, int64_t done, int64_t n_images, int64_t first_epoch);

// Waits for everything enqueued so far; fails instead of waiting for ever where another rank is lost.
psac_status psac_network_settle(const psac_network *network);

// Copies n_bytes of the backend's memory to the host, and waits for them.
psac_status psac_network_fetch(const psac_network *network, void *host, const void *device, size_t n_bytes);

// Books the time since the last mark under `stage`, when the device has done what was enqueued for it.
psac_status psac_network_mark(psac_network *network, psac_stage stage);

// The same within a loop whose work a device does later: there it books nothing.
void psac_network_mark_step(psac_network *network, psac_stage stage);

// Rank 0 of every replica: outcomes [n] of all replicas' shares, from their own.
psac_status psac_network_share_outcomes(const psac_network *network, int n, psac_outcome *outcomes);

#endif
