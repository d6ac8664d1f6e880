// Collectives among the ranks of one node through memory that they share: each writes its part, and reads those of the
// others as soon as they are there.
//
// Several times faster than a message per pair for the short messages of a time step, most of all when ranks outnumber
// cores: a rank that waits gives its core away and is woken once. Internal to partition/.
#ifndef PSAC_PARTITION_TRANSPORT_NODE_MEMORY_H
#define PSAC_PARTITION_TRANSPORT_NODE_MEMORY_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "partition/ranks.h"

typedef struct psac_node_memory psac_node_memory;

enum { PSAC_NODE_MEMORY_BYTES = 1 << 20 };  // longest part of a rank; longer ones are MPI's

// Collective. *memory is NULL, and MPI is to be used, where the ranks are spread over nodes.
psac_status psac_node_memory_create(const psac_ranks *ranks, psac_node_memory **memory);
void psac_node_memory_destroy(psac_node_memory **memory);

// Collective, parts of at most PSAC_NODE_MEMORY_BYTES; the meaning is that of psac_transport's entries.
void psac_node_all_gather(psac_node_memory *memory, const void *send, void *receive, size_t n_bytes);
void psac_node_reduce_i64(psac_node_memory *memory, const int64_t *value, int64_t *sum, size_t n);
void psac_node_broadcast(psac_node_memory *memory, void *bytes, size_t n_bytes);

#endif
