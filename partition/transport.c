#include "transport.h"

#include <string.h>

psac_status psac_transport_choose(const char *name, const psac_ranks *ranks, psac_transport *transport) {
  if (strcmp(name, "auto") == 0) name = ranks->n_ranks == 1 ? "self" : "mpi";
  if (strcmp(name, "mpi") == 0) {
    *transport = psac_transport_mpi;
  } else if (strcmp(name, "self") == 0) {
    if (ranks->n_ranks > 1) {
      return psac_fail(PSAC_ERR_INPUT, "--transport self serves one rank, but this run has %d; use mpi or auto", ranks->n_ranks);
    }
    *transport = psac_transport_self;
  } else {
    return psac_fail(PSAC_ERR_INPUT, "--transport %s is unknown to this build; allowed: auto, self, mpi", name);
  }
  transport->rank = ranks->rank;
  transport->n_ranks = ranks->n_ranks;
  return transport->open(transport, ranks);
}
