#include "node_gather.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "mpi_check.h"

enum { CACHE_LINE = 64, SPINS = 200, SPINS_PER_LOOK = 1 << 16 };
static const double TIMEOUT_SECONDS = 600.0;  // a rank that is this late is not coming

// Two buffers in turn: a rank can be one gather ahead of another, never two.
typedef struct shared_header {
  _Alignas(CACHE_LINE) atomic_uint_fast64_t arrived;  // ranks that have written, over all gathers
} shared_header;

struct psac_node_gather {
  MPI_Win window;
  shared_header *header;
  unsigned char *buffer[2];  // [n_ranks][n_bytes] of the gather at hand
  int rank, n_ranks;
  int spins;                 // before a waiting rank gives its core away
  uint64_t n_gathers;        // so far
};

psac_status psac_node_gather_create(const psac_ranks *ranks, psac_node_gather **gather) {
  *gather = NULL;
  if (ranks->node_size != ranks->n_ranks) return PSAC_OK;
  psac_node_gather *made = calloc(1, sizeof *made);
  if (!made) return psac_fail(PSAC_ERR_MEMORY, "out of memory for the spike exchange");
  made->rank = ranks->rank;
  made->n_ranks = ranks->n_ranks;
  made->spins = ranks->n_ranks > sysconf(_SC_NPROCESSORS_ONLN) ? 0 : SPINS;
  const MPI_Aint bytes = (MPI_Aint)PSAC_NODE_GATHER_BYTES * ranks->n_ranks;
  void *base = NULL;
  MPI_Aint size;
  int unit;
  *gather = made;
  PSAC_MPI(MPI_Win_allocate_shared(ranks->rank == 0 ? (MPI_Aint)sizeof(shared_header) + 2 * bytes : 0, 1, MPI_INFO_NULL,
                                   MPI_COMM_WORLD, &base, &made->window));
  PSAC_MPI(MPI_Win_shared_query(made->window, 0, &size, &unit, &base));
  made->header = base;
  made->buffer[0] = (unsigned char *)base + sizeof(shared_header);
  made->buffer[1] = made->buffer[0] + bytes;
  if (ranks->rank == 0) atomic_init(&made->header->arrived, 0);
  PSAC_MPI(MPI_Barrier(MPI_COMM_WORLD));
  return PSAC_OK;
}

void psac_node_gather_destroy(psac_node_gather **gather) {
  if (!*gather) return;
  if ((*gather)->header) MPI_Win_free(&(*gather)->window);
  free(*gather);
  *gather = NULL;
}

static psac_status wait_for_all(const psac_node_gather *gather) {
  const uint64_t expected = gather->n_gathers * (uint64_t)gather->n_ranks;
  double started = 0.0;
  for (uint64_t spin = 0; atomic_load_explicit(&gather->header->arrived, memory_order_acquire) < expected; spin++) {
    if (spin >= (uint64_t)gather->spins) sched_yield();
    if (spin % SPINS_PER_LOOK != SPINS_PER_LOOK - 1) continue;
    if (started == 0.0) started = psac_clock_seconds();
    if (psac_clock_seconds() - started > TIMEOUT_SECONDS) {
      return psac_fail(PSAC_ERR_MPI, "rank %d has waited %.0f s for the spikes of the other ranks", gather->rank, TIMEOUT_SECONDS);
    }
  }
  return PSAC_OK;
}

psac_status psac_node_gather_run(psac_node_gather *gather, const void *send, void *receive, size_t n_bytes) {
  unsigned char *buffer = gather->buffer[gather->n_gathers++ % 2];
  memcpy(buffer + (size_t)gather->rank * n_bytes, send, n_bytes);
  atomic_fetch_add_explicit(&gather->header->arrived, 1, memory_order_release);
  PSAC_TRY(wait_for_all(gather));
  memcpy(receive, buffer, n_bytes * (size_t)gather->n_ranks);
  return PSAC_OK;
}
