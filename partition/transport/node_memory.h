// Collectives among the ranks of one node through shared memory: each rank writes its part and reads the parts of the
// others when they are complete.
//
// Several times faster than a message per pair for the short messages of a time step, above all on oversubscribed
// nodes: a waiting rank frees its core and is woken once. Internal to partition/.
#ifndef PSAC_PARTITION_TRANSPORT_NODE_MEMORY_H
#define PSAC_PARTITION_TRANSPORT_NODE_MEMORY_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "partition/ranks.h"

typedef struct psac_node_memory psac_node_memory;

enum { PSAC_NODE_MEMORY_BYTES = 1 << 20 };  // maximum part of a rank; longer parts use MPI

// Collective. *memory is NULL if the ranks span several nodes; the caller then uses MPI. destroy is collective too
// (MPI_Win_free) and accepts NULL in *memory.
psac_status psac_node_memory_create(const psac_ranks *ranks, psac_node_memory **memory);
void psac_node_memory_destroy(psac_node_memory **memory);

// Collective. A part has at most PSAC_NODE_MEMORY_BYTES. Semantics as in psac_transport.
void psac_node_all_gather(psac_node_memory *memory, const void *send, void *receive, size_t n_bytes);
void psac_node_reduce_i64(psac_node_memory *memory, const int64_t *value, int64_t *sum, size_t n);
void psac_node_broadcast(psac_node_memory *memory, void *bytes, size_t n_bytes);

#endif
