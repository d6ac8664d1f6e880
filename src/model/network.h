// One rank's part of the network, and what can be done with it: present a batch of trials, learn from it.
//
//   psac_network_create -> psac_network_present (any number of times) -> psac_network_destroy
//
// All functions marked collective are called by every rank, in the same order, with the same arguments.
#ifndef PSAC_MODEL_NETWORK_H
#define PSAC_MODEL_NETWORK_H

#include <stdint.h>

#include "config/config.h"
#include "exchange.h"
#include "kernels.h"
#include "layout.h"
#include "model/critic.h"
#include "model/stages.h"
#include "transport.h"

enum { PSAC_N_LABELS = 10 };

typedef struct psac_trial {
  uint64_t number;               // of the trial in its random stream
  psac_rng_stream stream;        // PSAC_STREAM_RETINA_TRAIN or _TEST
  const uint8_t *image;          // [input height][input width]; NULL where `retina_spikes` is given
  const uint64_t *retina_spikes; // [n_steps][n_retina_words] recorded spikes to present; NULL = draw them
  uint8_t label;                 // 0..9; used for the reward and nothing else
} psac_trial;

// What rank 0 knows of a trial afterwards.
typedef struct psac_outcome {
  int prediction;       // argmax of the output counts, lowest index on a tie
  double reward;
  double value;         // what the critic expected
  double td_error;
  double activity;      // alpha_b: how strongly the middle layer responded, relative to its running mean
  int32_t output_counts[PSAC_MAX_PLASTIC];  // spikes counted from t_skip on
  int32_t critic_counts[PSAC_MAX_PLASTIC];
} psac_outcome;

typedef struct psac_network psac_network;

// A look at simulated trials while their spikes are in memory: trials [first, first + n) of the batch are trials
// [offset, offset + n) of the `stride` that lie side by side in the shard; the readout arrays hold just these n.
typedef struct psac_view {
  const psac_network *network;
  int pass;    // 0; 1 in the notebook's second pass
  int first, n;
  int offset, stride;
} psac_view;

// Called for every trial, in order, on every rank of the replica that simulated it; may communicate among them.
typedef struct psac_observer {
  psac_status (*see)(void *self, const psac_view *view);
  void *self;
} psac_observer;

// The middle layer's steps as one piece of work (simulation.cuda_graph), for one number of concurrent trials.
typedef struct psac_recorded {
  int is_warm;  // presented once without a recording, so that NCCL has connected for messages of this length
  psac_recording *recording;  // NULL = none yet
  psac_traffic traffic;       // calls of the transport in it
} psac_recorded;

struct psac_network {
  psac_config config;
  const psac_kernels *kernels;
  psac_transport transport;   // among the shards of a replica
  psac_transport replicas;    // among the ranks that hold the same shard: rank = which replica this is, n_ranks = how many there are
  const psac_ranks *replica_ranks;  // the same ranks, for messages of the host; NULL with one replica
  psac_layout layout;
  psac_exchange exchange;
  psac_shard shard;
  psac_readout readout;       // drives on every rank, the rest on rank 0
  psac_stream *stream;
  void *channel;              // the same for the transport: the device library's handle of the stream
  int launches_presentations; // the middle layer's kernel runs a whole presentation, not a step
  psac_recorded *recorded;    // [n_concurrent + 1] the middle layer's steps, by the number of concurrent trials
  int64_t trial;              // number of the first trial at hand, for the watchdog
  psac_critic critic;         // rank 0 of every replica
  int n_concurrent;             // trials simulated side by side at most
  int steps_per_reduce;
  // in the backend's memory
  psac_third_factor *third;   // [n_concurrent]
  psac_batch_factor *factor;  // [1]
  int64_t *mean_squares;      // [1] sum of squared running means
  double learning_rate;       // of the present epoch, per synapse
  int64_t *spike_counts;      // [2] spikes of this rank since the last psac_network_take_spikes, exc and inh
  psac_event *event;          // [1] model seed
  int weights_in_range;       // all weights are known to lie in [0, 1]
  psac_stages stages;
};

// Builds this rank's neurons, synapses and initial weights. Collective.
psac_status psac_network_create(const psac_config *config, const psac_kernels *kernels, const psac_transport *transport,
                                psac_network **network);
void psac_network_destroy(psac_network **network);

// Makes the network one of several equal ones, each of which simulates its share of every batch; they sum what they learned. Both
// arguments have to outlive it. Collective over all replicas, which are then meant by "collective" below. Model seed cannot learn so.
void psac_network_replicate(psac_network *network, const psac_transport *replicas, const psac_ranks *replica_ranks);

// Trials of a batch of n that this replica simulates: [*first, *first + *n_own). The share of a replica comes first.
int psac_network_share(const psac_network *network, int n);  // trials of a full share
void psac_network_own_trials(const psac_network *network, int n, int *first, int *n_own);

// 1 on the one rank that speaks for the network: the first shard of the first replica.
int psac_network_is_root(const psac_network *network);

// Rows of neurons that this rank stores in files: those of its shard, in the first replica.
int64_t psac_network_stored_rows(const psac_network *network);

// Trials that psac_network_present takes at a time: training.batch_size when it learns, in model seed, whose weights change within
// a trial, and without learning as many as are simulated together.
int psac_network_batch_size(const psac_network *network, int learn);

// Presents n trials (at most the batch size) and, if `learn`, changes the weights by their outcomes. outcomes [n] is filled
// on rank 0 of every replica only. `observer` may be NULL. Collective.
psac_status psac_network_present(psac_network *network, const psac_trial *trials, int n, int learn,
                                 const psac_observer *observer, psac_outcome *outcomes);

// Sets the learning rate for the trials after the first `done` of the training's n_epochs * n_images; a linear schedule
// begins with first_epoch.
void psac_network_set_progress(psac_network *network, int64_t done, int64_t n_images, int64_t first_epoch);

// Collective: spikes of all excitatory and inhibitory middle neurons since the last call.
psac_status psac_network_take_spikes(psac_network *network, const psac_ranks *ranks, int64_t spikes[2]);

// Weights of this rank's neurons [first, first + n) as float: to_output [n][n_output], to_critic
// [n][num_critic_neurons] (0 where the critic has no plastic input; may be NULL). set refuses values beyond
// psac_bounds_weight, [-2, 2) or less; after the last, the network is complete with psac_network_rows_are_set
// (state.h). Not collective.
psac_status psac_network_get_weights(const psac_network *network, int64_t first, int64_t n, float *to_output,
                                     float *to_critic);
psac_status psac_network_set_weights(psac_network *network, int64_t first, int64_t n, const float *to_output,
                                     const float *to_critic);

// Waits for everything enqueued so far; fails instead of waiting for ever where another rank is lost.
psac_status psac_network_settle(const psac_network *network);

// Copies n_bytes of the backend's memory to the host, and waits for them.
psac_status psac_network_fetch(const psac_network *network, void *host, const void *device, size_t n_bytes);

// Books the time since the last mark under `stage`, when the device has done what was enqueued for it.
psac_status psac_network_mark(psac_network *network, psac_stage stage);

// The same within a loop whose work a device does later: there it books nothing.
void psac_network_mark_step(psac_network *network, psac_stage stage);

// Lets NCCL connect and take its memory at the start, for messages as long as the run's, by a presentation of silent
// trials; nothing where no GPUs are connected. The state is as before. Collective; a rank that fails leaves the others
// waiting for it.
psac_status psac_network_warm_up(psac_network *network);

// Makes the recording of n_concurrent trials (simulation.cuda_graph), so that it takes its memory now; PSAC_ERR_MEMORY
// where there is too little. Nothing where there is none to make. Needs a warm network. Not collective.
psac_status psac_network_record(psac_network *network);

// The rooms of one presentation, used by the two models below.

// Retina and middle layer for n trials side by side: fills shard.retina_spikes and shard.spikes. Collective.
psac_status psac_network_simulate_middle(psac_network *network, const psac_trial *trials, int n);

// Output and critic layers for the simulated trials: fills readout on rank 0. Collective.
psac_status psac_network_simulate_readout(psac_network *network, int n);

// Rank 0 of every replica: outcomes [n] of all replicas' shares, from their own.
psac_status psac_network_share_outcomes(const psac_network *network, int n, psac_outcome *outcomes);

// A whole batch, as psac_network_present does it for config.network.model.
psac_status psac_present_psac(psac_network *network, const psac_trial *trials, int n, int learn, const psac_observer *observer,
                              psac_outcome *outcomes);
psac_status psac_present_seed(psac_network *network, const psac_trial *trials, int n, int learn, const psac_observer *observer,
                              psac_outcome *outcomes);

#endif
