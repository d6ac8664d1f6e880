// All-gather among the ranks of one node through memory that they share: each writes its part, all meet, each reads the whole.
//
// Several times faster than a message per pair for the short spike vectors of a timestep, most of all when ranks outnumber cores:
// a rank that waits gives its core away, and every rank has to run just once. Internal to partition/.
#ifndef PSAC_PARTITION_NODE_GATHER_H
#define PSAC_PARTITION_NODE_GATHER_H

#include <stddef.h>

#include "base/status.h"
#include "ranks.h"

typedef struct psac_node_gather psac_node_gather;

enum { PSAC_NODE_GATHER_BYTES = 1 << 20 };  // longest part of a rank; longer ones are MPI's

// Collective. *gather is NULL, and MPI is to be used, where the ranks are spread over nodes.
psac_status psac_node_gather_create(const psac_ranks *ranks, psac_node_gather **gather);
void psac_node_gather_destroy(psac_node_gather **gather);

// Collective: receive [n_ranks][n_bytes] = everybody's send [n_bytes], n_bytes <= PSAC_NODE_GATHER_BYTES.
psac_status psac_node_gather_run(psac_node_gather *gather, const void *send, void *receive, size_t n_bytes);

#endif
