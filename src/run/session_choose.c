// Choice of backend, device and transport, agreed on by all ranks.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "src/run/session.h"

// What every rank contributes to the choice.
typedef struct offer {
  int n_devices;     // of the backend that was asked for
  char reason[160];  // why there is none
  char host[128];
  char device[48];  // psac_device.id
} offer;

static psac_status find_backend(const char *name, const psac_backend **found) {
  char allowed[128] = "auto";
  for (const psac_backend *const *each = psac_backends(); *each; each++) {
    if (strcmp(name, (*each)->name) == 0) return *found = *each, PSAC_OK;
    snprintf(allowed + strlen(allowed), sizeof allowed - strlen(allowed), ", %s", (*each)->name);
  }
  return psac_fail(PSAC_ERR_INPUT, "--backend %.40s is not in this build; allowed: %s", name, allowed);
}

// The device backend if this build has one, else the CPU backend.
static const psac_backend *preferred(void) {
  const psac_backend *const *all = psac_backends();
  return all[1] ? all[1] : all[0];
}

// Either every rank has a device or none has: a network of mixed backends would compute right results, but at the speed
// of its slowest rank.
static psac_status check_mixture(const offer *offers, int n_ranks, const char *backend) {
  for (int r = 1; r < n_ranks; r++) {
    if ((offers[r].n_devices > 0) == (offers[0].n_devices > 0)) continue;
    const int without = offers[0].n_devices > 0 ? r : 0;
    return psac_fail(PSAC_ERR_INPUT,
                     "rank %d on %s has a device for backend %s, but rank %d on %s has none (%s); start one rank per "
                     "GPU, or use --backend cpu",
                     without == 0 ? r : 0, offers[without == 0 ? r : 0].host, backend, without, offers[without].host,
                     offers[without].reason);
  }
  return PSAC_OK;
}

static psac_status choose_backend(psac_session *session, offer *mine, offer *offers) {
  const char *name = session->options->backend;
  const int automatic = strcmp(name, "auto") == 0;
  session->backend = preferred();
  if (!automatic) PSAC_TRY(psac_ranks_agree(session->ranks, find_backend(name, &session->backend)));
  const char *reason;
  mine->n_devices = session->backend->device->device_count(&reason);
  snprintf(mine->reason, sizeof mine->reason, "%s", reason);
  PSAC_TRY(psac_ranks_gather(session->ranks, mine, offers, (int)sizeof *mine));
  psac_status status = check_mixture(offers, session->ranks->n_ranks, session->backend->name);
  if (status == PSAC_OK && offers[0].n_devices == 0 && !automatic) {
    status =
        psac_fail(PSAC_ERR_INPUT, "--backend %s finds no device on %s: %s", name, offers[0].host, offers[0].reason);
  }
  PSAC_TRY(psac_ranks_agree(session->ranks, status));
  if (offers[0].n_devices > 0) return PSAC_OK;
  snprintf(session->notice, sizeof session->notice, "no device for backend %s on %s (%s): using the CPU",
           session->backend->name, offers[0].host, offers[0].reason);
  session->backend = psac_backends()[0];
  mine->n_devices = session->backend->device->device_count(&reason);
  return PSAC_OK;
}

// Assigns the devices of a node to its ranks round-robin.
static psac_status choose_device(psac_session *session, offer *mine, offer *offers) {
  session->device_index = session->ranks->node_rank % mine->n_devices;
  PSAC_TRY(
      psac_ranks_agree(session->ranks, session->backend->device->device_open(session->device_index, &session->device)));
  memcpy(mine->device, session->device.id, sizeof mine->device);
  PSAC_TRY(psac_ranks_gather(session->ranks, mine, offers, (int)sizeof *mine));
  session->devices_each = 1;
  for (int a = 1; a < session->ranks->n_ranks; a++) {
    for (int b = 0; b < a; b++) {
      if (strcmp(offers[a].host, offers[b].host) == 0 && strcmp(offers[a].device, offers[b].device) == 0)
        session->devices_each = 0;
    }
  }
  return PSAC_OK;
}

static psac_status choose(psac_session *session, offer *offers) {
  offer mine = {0};
  memcpy(mine.host, session->ranks->host, sizeof mine.host);
  PSAC_TRY(choose_backend(session, &mine, offers));
  PSAC_TRY(choose_device(session, &mine, offers));
  session->request = (psac_transport_request){
      .name = session->options->transport,
      .staging = session->backend->device->staging(),
      .device_each = session->devices_each,
      .timeout_seconds = session->config.watchdog.seconds,
  };
  const psac_transport_request *request = &session->request;
  const int is_left_to_us = request->staging && session->ranks->n_ranks > 1 && strcmp(request->name, "auto") == 0;
  if (is_left_to_us && !session->devices_each) {
    snprintf(session->notice, sizeof session->notice,
             "%d ranks share devices: spikes are exchanged through MPI, not NCCL; one "
             "rank per GPU is faster",
             session->ranks->n_ranks);
  } else if (is_left_to_us && !psac_transport_connects_devices()) {
    snprintf(session->notice, sizeof session->notice,
             "this program was built without NCCL: GPUs exchange spikes through MPI");
  }
  return psac_session_cut(session);
}

psac_status psac_session_choose(psac_session *session) {
  offer *offers = calloc((size_t)session->ranks->n_ranks, sizeof *offers);
  psac_status status = psac_ranks_agree(session->ranks, offers ? PSAC_OK : psac_fail(PSAC_ERR_MEMORY, "out of memory"));
  if (status == PSAC_OK) status = choose(session, offers);
  free(offers);
  return status;
}

void psac_session_announce(const psac_session *session) {
  if (session->notice[0]) psac_log("psac_dist: %s", session->notice);
}
