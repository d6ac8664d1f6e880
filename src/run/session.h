// A session: what every simulating job needs (configuration, digits, transports, network). It is set up in steps. All
// ranks agree on the status of each step, so that a failure on one rank ends all with its message.
#ifndef PSAC_RUN_SESSION_H
#define PSAC_RUN_SESSION_H

#include "io/disk.h"
#include "io/h5_file.h"
#include "io/idx.h"
#include "io/lock.h"
#include "partition/ranks.h"
#include "src/config/config.h"
#include "src/model/network.h"
#include "src/plan/memory_plan.h"
#include "src/run/run_options.h"

// Callback between two batches of an evaluation; any status but PSAC_OK ends the evaluation. Collective.
typedef struct psac_pause {
  psac_status (*ask)(void *self);  // NULL = none
  void *self;
} psac_pause;

typedef struct psac_session {
  const psac_run_options *options;
  psac_ranks *ranks;
  psac_config config;
  char *config_text;  // the resolved configuration, on every rank
  const psac_backend *backend;
  psac_device device;
  int device_index;                             // among the devices visible to this rank
  int devices_each;                             // 1 = no two ranks share a device
  int n_replicas;                               // of the network; shards = ranks / replicas; 0 = not chosen yet
  psac_ranks shards;                            // the ranks of this replica
  psac_ranks replicas;                          // the ranks that hold this shard
  psac_transport_request request;               // for opening transports
  int counts_traffic;                           // the transports count messages and bytes (transport_counted.h)
  psac_transport transport, replica_transport;  // among shards, among replicas
  char notice[512];  // an unexpected choice of backend or transport, for psac_session_announce; "" = none
  psac_network *network;
  psac_digits train, test;
  char out[PSAC_PATH_BYTES];  // output file; "" = not claimed yet
  psac_lock *lock;            // of `out`; rank 0
  int out_exists;             // the file existed when it was claimed; it may be replaced if `replace`
  int replace;
  char start_time[21];
  double start_seconds;
  double start_bytes;  // resident memory of this rank after MPI started, before a network was built
  psac_pause pause;
  double io_seconds;  // spent on file I/O so far
} psac_session;

// A YAML text that a job applies before --config or after it.
typedef struct psac_config_layer {
  const char *text;    // rank 0; NULL on the others
  const char *origin;  // names it in messages
  int over;            // applied after --config rather than before it
} psac_config_layer;

// Resolves the configuration, the same on all ranks. Later values win: the defaults, a layer before --config, --config
// (or the job's default_config), a layer after --config, --set, --seed, --neurons. A layer before --config replaces the
// job's default_config. `layer` may be NULL. Collective.
psac_status psac_session_configure(psac_session *session, const psac_run_options *options, psac_ranks *ranks,
                                   const psac_config_layer *layer);

// Reads the test set, and the training set if `want_train`, on rank 0 and broadcasts them. PSAC_ERR_INPUT if the images
// do not have the configured size. Collective.
psac_status psac_session_read_digits(psac_session *session, int want_train);

// Makes this run the owner of the output file `out`; NULL = runs/<model>-<time>.h5. Fails if the file cannot be written
// or another run owns it. A no-op if an output is already claimed. session->ranks must be set if this precedes
// psac_session_configure. Collective.
psac_status psac_session_claim(psac_session *session, const char *out);

// PSAC_ERR_INPUT if the output file exists, unless --overwrite is given. Collective.
psac_status psac_session_refuse_to_overwrite(psac_session *session);

// Fails if another process has taken over the output file; rank 0 checks. Collective.
psac_status psac_session_check_owner(const psac_session *session);

// Chooses backend, device, replicas and transports (--backend, --replicas, --transport) and sets session->notice.
// Collective.
psac_status psac_session_choose(psac_session *session);

// Splits the ranks into session->n_replicas replicas and opens the transports among shards and among replicas.
// n_replicas = 0 selects the fastest number that fits into memory (psac_cost_best_replicas). A split into another
// number is undone first. No network may exist. Collective.
psac_status psac_session_cut(psac_session *session);
void psac_session_join(psac_session *session);              // undoes it; collective
void psac_session_close_transports(psac_session *session);  // before others replace them
// Reads --replicas: 0 for "auto"; 1 if it is not given or does not apply to the ranks of this run (psac_replicas_use).
// PSAC_ERR_INPUT if it does not divide n_ranks. Not collective.
psac_status psac_session_read_replicas(const psac_run_options *options, int n_ranks, int *n_replicas);
// Bytes that this rank may use: its share of the device, or of the node's memory on a CPU backend. Not collective.
double psac_session_memory(const psac_session *session);

// The configuration with the numbers of images that were read, for plans. Not collective.
psac_config psac_session_counted(const psac_session *session);

// Memory plan of a rank, for its replica's share of a batch. Not collective.
psac_plan psac_session_plan(const psac_session *session);

// PSAC_ERR_MEMORY if the network does not fit into the free memory. Not collective.
psac_status psac_session_check_memory(const psac_session *session);

// Handles a device that ran out of memory although the plan fit. Destroys the network and appends to the message, which
// every rank has, the largest network that would fit into the memory then free on the rank with least. Returns
// `status`. Collective.
psac_status psac_session_say_what_fits(psac_session *session, psac_status status);

// Bytes by which resident memory has grown since start_bytes: peak so far, maximum over ranks. Collective.
psac_status psac_session_peak(const psac_session *session, double *bytes);

// Calls psac_session_choose, then builds the network. Collective.
psac_status psac_session_build(psac_session *session);

// Builds the network of session->config on the chosen backend and transports. PSAC_ERR_MEMORY if it does not fit.
// Collective.
psac_status psac_session_build_network(psac_session *session);

// Prints session->notice on standard error. Call it when nothing can be refused any more. Rank 0 prints.
void psac_session_announce(const psac_session *session);

// Frees the session. `status` is the job's final status: after a failure that not every rank knows, makes no call that
// could wait for another rank; otherwise collective.
void psac_session_end(psac_session *session, psac_status status);

psac_access psac_session_access(const psac_session *session);

#endif
