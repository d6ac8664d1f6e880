// How the data of the simulation crosses ranks: one contract, filled by self (one rank) and mpi.
//
// All calls are collective over the run's ranks, in the same order and with the same sizes, enqueued on `stream` (NULL where the
// backend has none). Buffers belong to the caller and are in the backend's memory. A failure names rank, call and place.
#ifndef PSAC_PARTITION_TRANSPORT_H
#define PSAC_PARTITION_TRANSPORT_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "ranks.h"

typedef struct psac_transport psac_transport;
struct psac_transport {
  const char *name;
  int rank, n_ranks;
  void *state;  // the implementation's own
  // receive [n_ranks][n_bytes] = everybody's send [n_bytes]; `send` may be this rank's place in `receive`
  psac_status (*all_gather)(const psac_transport *transport, void *stream, const void *send, void *receive, size_t n_bytes);
  // on rank 0: sum [n] = sum over ranks of value [n], which may be the same array; other ranks' `sum` is not touched
  psac_status (*reduce_i64)(const psac_transport *transport, void *stream, const int64_t *value, int64_t *sum, size_t n);
  // rank 0's bytes to every rank
  psac_status (*broadcast)(const psac_transport *transport, void *stream, void *bytes, size_t n_bytes);
  // what the transport holds; collective
  psac_status (*open)(psac_transport *transport, const psac_ranks *ranks);
  void (*close)(psac_transport *transport);
};

// Picks by name and opens: "auto" takes self for one rank and mpi otherwise. PSAC_ERR_INPUT for an unknown name, or self with
// several ranks. Collective; all ranks must ask for the same. Close with transport->close.
psac_status psac_transport_choose(const char *name, const psac_ranks *ranks, psac_transport *transport);

extern const psac_transport psac_transport_self;
extern const psac_transport psac_transport_mpi;

#endif
