// The MPI processes of a run: start, end, agreement on failures, and control messages (spikes are sent by
// partition/transport).
#ifndef PSAC_PARTITION_RANKS_H
#define PSAC_PARTITION_RANKS_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

typedef struct psac_ranks {
  int rank, n_ranks;
  int world_rank;            // in the whole run; differs from `rank` after psac_ranks_split
  int outnumber_cores;       // the node runs more ranks than it has cores
  int node_rank, node_size;  // among these ranks on this node
  char host[128];
  char mpi_library[128];           // name and version
  int agreed_to_fail;              // 1 = every rank knows of a failure, so that all end normally
  struct psac_watchdog *watchdog;  // NULL = none
  const void *mpi_comm;            // MPI_Comm * of these ranks; also for libraries that need it (parallel HDF5)
} psac_ranks;

// Initializes MPI. Collective. Sets parameters of Open MPI that the user has not set: yielding on oversubscribed nodes,
// ROMIO for parallel files, no warning on fork.
psac_status psac_ranks_start(int *argc, char ***argv, psac_ranks *ranks);

// Starts the watchdog. Collective. If a rank waits longer than `seconds`, the run ends with one line that names the
// waiting rank, its call and the late rank. `ranks` must not move afterwards: the watchdog keeps a pointer to its host
// name.
psac_status psac_ranks_watch(psac_ranks *ranks, double seconds);

// Finalizes MPI and stops the watchdog. Collective over ranks that end normally.
void psac_ranks_finish(psac_ranks *ranks);

// Splits `ranks` by color, in rank order (MPI_Comm_split). Collective over `ranks`. The caller frees `part` with
// psac_ranks_rejoin, which is collective over `part` and accepts a part whose mpi_comm is NULL.
psac_status psac_ranks_split(const psac_ranks *ranks, int color, psac_ranks *part);
void psac_ranks_rejoin(psac_ranks *part);

// Sleeps min(rank, 5) s, so that a lower rank with the same failure ends the run first; 5 s if another rank seems to be
// ending the run already (is_ending). Not collective.
void psac_ranks_give_way(const psac_ranks *ranks, int is_ending);

// Ends every rank with this exit code at once. Called by one rank; does not return.
_Noreturn void psac_ranks_abort(const psac_ranks *ranks, int exit_code);

// Collective. If any rank passes a failure, every rank returns the failure of the lowest such rank, message included,
// and sets agreed_to_fail.
psac_status psac_ranks_agree(psac_ranks *ranks, psac_status status);

// Collective: rank 0's bytes to every rank; n_bytes may exceed 2^31.
psac_status psac_ranks_broadcast(const psac_ranks *ranks, void *bytes, size_t n_bytes);

// Collective: all [n_ranks][n_bytes] = own [n_bytes] of every rank; for a few bytes of host memory.
psac_status psac_ranks_gather(const psac_ranks *ranks, const void *own, void *all, int n_bytes);

// Sends n_bytes from rank `from` to rank 0. Point to point; a no-op on other ranks and for from == 0.
psac_status psac_ranks_move(const psac_ranks *ranks, int from, void *bytes, size_t n_bytes);

// Collective: element-wise over ranks, result on every rank. For doubles n must fit an int.
psac_status psac_ranks_sum_i32(const psac_ranks *ranks, int32_t *value, size_t n);
psac_status psac_ranks_sum_i64(const psac_ranks *ranks, int64_t *value, size_t n);
psac_status psac_ranks_sum_f64(const psac_ranks *ranks, double *value, size_t n);
psac_status psac_ranks_max_f64(const psac_ranks *ranks, double *value, size_t n);

// Collective: *before = sum of `value` over the ranks below this one, *total over all.
psac_status psac_ranks_offset(const psac_ranks *ranks, int64_t value, int64_t *before, int64_t *total);

#endif
