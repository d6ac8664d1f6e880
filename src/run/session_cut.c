// The grid of ranks: shards of a network x replicas of it. Rank r holds shard r % n_shards of replica r / n_shards, so
// that the ranks of a replica, which communicate in every time step, are neighbors.
#include "partition/transport/transport_counted.h"
#include "src/plan/cost.h"
#include "src/run/session.h"

psac_status psac_session_read_replicas(const psac_run_options *options, int n_ranks, int *n_replicas) {
  const char *text = options->replicas;
  *n_replicas = 1;
  const psac_replicas_use use = options->replicas_use;
  if (!text || (use != PSAC_REPLICAS_LEARN && use != PSAC_REPLICAS_TEST)) return PSAC_OK;
  int64_t n;
  PSAC_TRY(psac_option_replicas(text, &n));
  if (n > 0 && n_ranks % n != 0) {
    return psac_fail(PSAC_ERR_INPUT,
                     "--replicas %.40s does not divide the %d rank%s of this run; allowed: auto, or a divisor", text,
                     n_ranks, n_ranks == 1 ? "" : "s");
  }
  *n_replicas = (int)n;
  return PSAC_OK;
}

// Uses the cost model with the profile h100 or cpu and the free memory of the rank that has least. Model notebook
// learns within a trial and cannot share a batch.
static psac_status choose_replicas(psac_session *session) {
  const psac_config counted = psac_session_counted(session), *config = &counted;
  const int on_device = psac_backend_can(session->backend, PSAC_CAP_DEVICE);
  psac_hardware hardware;
  double missing = -psac_session_memory(session);
  PSAC_TRY(psac_ranks_max_f64(session->ranks, &missing, 1));
  PSAC_TRY(psac_ranks_agree(session->ranks, psac_hardware_find(on_device ? "h100" : "cpu", &hardware)));
  hardware.memory = -missing;
  session->n_replicas = 1;
  if (config->network.model == PSAC_MODEL_PSAC) {
    session->n_replicas = (int)psac_cost_best_replicas(config, session->ranks->n_ranks, &hardware, NULL);
  }
  return PSAC_OK;
}

static psac_status open_transport(const psac_session *session, psac_ranks *ranks, psac_transport *transport) {
  PSAC_TRY(psac_ranks_agree(session->ranks, psac_transport_choose(&session->request, ranks, transport)));
  return session->counts_traffic ? psac_ranks_agree(session->ranks, psac_transport_count(transport)) : PSAC_OK;
}

static psac_status connect(psac_session *session) {
  const int n_shards = session->ranks->n_ranks / session->n_replicas, rank = session->ranks->rank;
  PSAC_TRY(psac_ranks_split(session->ranks, rank / n_shards, &session->shards));
  PSAC_TRY(psac_ranks_split(session->ranks, rank % n_shards, &session->replicas));
  PSAC_TRY(open_transport(session, &session->shards, &session->transport));
  return session->n_replicas > 1 ? open_transport(session, &session->replicas, &session->replica_transport) : PSAC_OK;
}

void psac_session_close_transports(psac_session *session) {
  if (session->transport.close) session->transport.close(&session->transport);
  if (session->replica_transport.close) session->replica_transport.close(&session->replica_transport);
  session->transport = session->replica_transport = (psac_transport){0};
}

void psac_session_join(psac_session *session) {
  psac_session_close_transports(session);
  psac_ranks_rejoin(&session->shards);
  psac_ranks_rejoin(&session->replicas);
}

psac_status psac_session_cut(psac_session *session) {
  if (session->n_replicas == 0) PSAC_TRY(choose_replicas(session));
  if (session->shards.mpi_comm && session->replicas.n_ranks == session->n_replicas) return PSAC_OK;
  psac_session_join(session);
  PSAC_TRY(connect(session));
  // Reads the free memory again, as the transports may have allocated some of the device's memory.
  return psac_ranks_agree(session->ranks,
                          session->backend->device->device_open(session->device_index, &session->device));
}
