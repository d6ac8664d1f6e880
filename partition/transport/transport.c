#include "partition/transport/transport.h"

#include <string.h>

#ifdef PSAC_HAS_NCCL
#include <nccl.h>

static const psac_transport *const nccl = &psac_transport_nccl;
const char *psac_transport_names(void) { return "self, mpi, nccl"; }
#define TEXT_OF(number) #number
#define VERSION_TEXT(major, minor, patch) TEXT_OF(major) "." TEXT_OF(minor) "." TEXT_OF(patch)
const char *psac_transport_library(void) { return "NCCL " VERSION_TEXT(NCCL_MAJOR, NCCL_MINOR, NCCL_PATCH); }
#else
static const psac_transport *const nccl = NULL;
const char *psac_transport_names(void) { return "self, mpi"; }
const char *psac_transport_library(void) { return ""; }
#endif

int psac_transport_connects_devices(void) { return nccl != NULL; }

static psac_status find(const psac_transport_request *request, int n_ranks, const psac_transport **found) {
  const char *name = request->name;
  const psac_transport *mpi = request->staging ? &psac_transport_staged : &psac_transport_mpi;
  // unused without NCCL: NOLINTNEXTLINE(clang-analyzer-deadcode.DeadStores)
  const int on_devices = request->staging && request->device_each;
  if (strcmp(name, "auto") == 0) {
    *found = n_ranks == 1 ? &psac_transport_self : nccl && on_devices ? nccl : mpi;
  } else if (strcmp(name, "mpi") == 0) {
    *found = mpi;
  } else if (strcmp(name, "self") == 0) {
    *found = &psac_transport_self;
    if (n_ranks > 1) {
      return psac_fail(PSAC_ERR_INPUT, "--transport self serves one rank, but this run has %d; use auto", n_ranks);
    }
  } else if (nccl && strcmp(name, "nccl") == 0) {
    *found = nccl;
    if (!request->staging) return psac_fail(PSAC_ERR_INPUT, "--transport nccl connects GPUs; it needs --backend cuda");
    if (!on_devices) {
      return psac_fail(PSAC_ERR_INPUT,
                       "--transport nccl needs a GPU for each rank, but ranks share one; start fewer ranks or "
                       "use --transport mpi");
    }
  } else {
    return psac_fail(PSAC_ERR_INPUT, "--transport %.40s is not in this build%s; allowed: auto, %s", name,
                     strcmp(name, "nccl") == 0 ? ", which was made without NCCL" : "", psac_transport_names());
  }
  return PSAC_OK;
}

void psac_transport_record_begin(const psac_transport *transport) {
  if (transport->record_begin) transport->record_begin(transport);
}

psac_traffic psac_transport_record_end(const psac_transport *transport) {
  return transport->record_end ? transport->record_end(transport) : (psac_traffic){0};
}

void psac_transport_replay(const psac_transport *transport, psac_traffic recorded) {
  if (transport->replay) transport->replay(transport, recorded);
}

size_t psac_transport_all_reduce_bytes(const psac_transport *transport, size_t n_bytes) {
  return 2 * n_bytes * (size_t)(transport->n_ranks - 1) / (size_t)transport->n_ranks;
}

psac_status psac_transport_choose(const psac_transport_request *request, psac_ranks *ranks, psac_transport *transport) {
  const psac_transport *found = NULL;
  PSAC_TRY(find(request, ranks->n_ranks, &found));
  *transport = *found;
  transport->rank = ranks->rank;
  transport->n_ranks = ranks->n_ranks;
  return transport->open(transport, ranks, request);
}
