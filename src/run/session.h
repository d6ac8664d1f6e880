// What every job that simulates needs: configuration, digits, network. Set up step by step, each agreed on by all
// ranks, so that a fault found by one ends all with its message.
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

// Asked between two batches of an evaluation; what it returns, if not PSAC_OK, ends it. Collective.
typedef struct psac_pause {
  psac_status (*ask)(void *self);  // NULL = nothing is asked
  void *self;
} psac_pause;

typedef struct psac_session {
  const psac_run_options *options;
  psac_ranks *ranks;
  psac_config config;
  char *config_text;  // the resolved configuration, on every rank
  const psac_backend *backend;
  psac_device device;
  int device_index;                             // among those this rank may use
  int devices_each;                             // no two ranks share a device
  int n_replicas;                               // of the network; shards = ranks / replicas; 0 = not chosen yet
  psac_ranks shards;                            // the ranks of this replica
  psac_ranks replicas;                          // the ranks that hold this shard
  psac_transport_request request;               // of the transports
  int counts_traffic;                           // they are to count what they carry (transport_counted.h)
  psac_transport transport, replica_transport;  // among shards, among replicas
  char notice[512];                             // what was not to be expected of that choice; "" = nothing
  psac_network *network;
  psac_digits train, test;
  char out[PSAC_PATH_BYTES];  // file to write; "" = not claimed yet
  psac_lock *lock;            // of `out`; rank 0
  int out_exists;             // a file of that name was there; it may be replaced if `replace`
  int replace;
  char start_time[21];
  double start_seconds;
  double start_bytes;  // resident memory of this rank, when MPI was there and nothing else
  psac_pause pause;
  double io_seconds;  // spent on files so far
} psac_session;

// A YAML text that a job lays under --config or over it.
typedef struct psac_config_layer {
  const char *text;    // rank 0; NULL on the others
  const char *origin;  // names it in messages
  int over;            // over --config rather than under it
} psac_config_layer;

// The configuration: the defaults, then --config (or the job's own) and `layer` (may be NULL) in its place, then --set
// and --seed; the same on all ranks. A layer under --config replaces the job's own configuration. Collective.
psac_status psac_session_configure(psac_session *session, const psac_run_options *options, psac_ranks *ranks,
                                   const psac_config_layer *layer);

// Reads the wanted sets on rank 0 and gives them to all ranks; the images must have the configured size. Collective.
psac_status psac_session_read_digits(psac_session *session, int want_train);

// Makes this run the owner of `out`, or for NULL of runs/<model>-<time>.h5: a file that can be written, and that no
// other run is writing. Collective; what is claimed already stays so. Before psac_session_configure `ranks` must be
// set.
psac_status psac_session_claim(psac_session *session, const char *out);

// Refuses to replace what is there, unless --overwrite allows it. Collective.
psac_status psac_session_refuse_to_overwrite(psac_session *session);

// Fails if another process has taken over the output meanwhile; rank 0 looks. Collective.
psac_status psac_session_check_owner(const psac_session *session);

// Chooses backend, device, replicas and transports (--backend, --replicas, --transport); session->notice is for
// psac_session_announce. Collective.
psac_status psac_session_choose(psac_session *session);

// Cuts the ranks into session->n_replicas, if 0 by memory and time into as many as are best, and connects shards and
// replicas; a cut into another number is undone. No network may be there. Collective.
psac_status psac_session_cut(psac_session *session);
void psac_session_join(psac_session *session);              // undoes it
void psac_session_close_transports(psac_session *session);  // before others take their place
// --replicas: 0 for "auto", 1 where it is not given or not about these ranks (psac_replicas_use). PSAC_ERR_INPUT if
// they cannot be cut so.
psac_status psac_session_read_replicas(const psac_run_options *options, int n_ranks, int *n_replicas);
// Bytes that a rank may use of the device, or of the host that the ranks of a node share.
double psac_session_memory(const psac_session *session);

// The configuration with the numbers of images that are there, for plans.
psac_config psac_session_counted(const psac_session *session);

// What a rank will hold of the network, for its replica's share of a batch, and beside it.
psac_plan psac_session_plan(const psac_session *session);

// Refuses a network that does not fit into the free memory. Not collective.
psac_status psac_session_check_memory(const psac_session *session);

// A device had no room for a part of the network although the whole had seemed to fit: adds to the message, which every
// rank has, what would fit into the memory that is free on the rank with least when all have let go of theirs.
// Collective.
psac_status psac_session_say_what_fits(psac_session *session, psac_status status);

// Bytes by which this run made the resident memory of the largest rank grow, at most so far. Collective.
psac_status psac_session_peak(const psac_session *session, double *bytes);

// psac_session_choose, and builds the network. Collective.
psac_status psac_session_build(psac_session *session);

// Builds the network of session->config on what was chosen, if it fits. Collective.
psac_status psac_session_build_network(psac_session *session);

// Says on standard error what was not to be expected of the choice: to be called when nothing can be refused any more.
// Rank 0 speaks.
void psac_session_announce(const psac_session *session);

// Frees everything. `status` is how the job ended: after a failure that not every rank knows, nothing is tried that
// could wait for one.
void psac_session_end(psac_session *session, psac_status status);

psac_access psac_session_access(const psac_session *session);

#endif
