// The processes of one run and how they end together: MPI's life cycle and the messages that steer a run (not its
// spikes).
#ifndef PSAC_PARTITION_RANKS_H
#define PSAC_PARTITION_RANKS_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

typedef struct psac_ranks {
  int rank, n_ranks;
  int world_rank;            // of the whole run; differs from rank in a part of it
  int outnumber_cores;       // the run has more ranks on this node than it has cores
  int node_rank, node_size;  // among the ranks of this node
  char host[128];
  char mpi_library[128];           // name and version
  int agreed_to_fail;              // set when a failure is known to every rank, so that all may end normally
  struct psac_watchdog *watchdog;  // NULL = none
  const void
      *mpi_comm;  // MPI_Comm *: who takes part in the calls below; also for libraries that need it (parallel HDF5)
} psac_ranks;

// Starts MPI; collective. Tunes Open MPI for more ranks than cores where the user has not.
psac_status psac_ranks_start(int *argc, char ***argv, psac_ranks *ranks);

// Collective. From now on a rank that keeps another one waiting for longer than `seconds` ends the run, with a line
// that says who waits where, and who is late. `ranks` must stay where it is.
psac_status psac_ranks_watch(psac_ranks *ranks, double seconds);

// Ends MPI; collective over ranks that end normally.
void psac_ranks_finish(psac_ranks *ranks);

// The ranks that name the same color, in their order: a part of the run with collectives of its own. Collective over
// `ranks`; to be given back with psac_ranks_rejoin, which is collective over the part and accepts what was never split
// off.
psac_status psac_ranks_split(const psac_ranks *ranks, int color, psac_ranks *part);
void psac_ranks_rejoin(psac_ranks *part);

// Waits a moment, longer on higher ranks, so that a lower rank with the same failure can end the run first; longest if
// there are signs that one does (is_ending). Not collective.
void psac_ranks_give_way(const psac_ranks *ranks, int is_ending);

// Ends every rank with this exit code at once. Called by one rank; does not return.
_Noreturn void psac_ranks_abort(const psac_ranks *ranks, int exit_code);

// Collective. If any rank brings a failure, every rank returns the failure of the lowest such rank, message included.
psac_status psac_ranks_agree(psac_ranks *ranks, psac_status status);

// Collective: root's bytes to every rank; counts may exceed 2^31.
psac_status psac_ranks_broadcast(const psac_ranks *ranks, void *bytes, size_t n_bytes);

// Collective: all [n_ranks][n_bytes] = everybody's own [n_bytes]; a few bytes of host memory.
psac_status psac_ranks_gather(const psac_ranks *ranks, const void *own, void *all, int n_bytes);

// Rank 0 gets the bytes of rank `from`. Point to point; a no-op on other ranks.
psac_status psac_ranks_move(const psac_ranks *ranks, int from, void *bytes, size_t n_bytes);

// Collective: element-wise over ranks, result on every rank.
psac_status psac_ranks_sum_i32(const psac_ranks *ranks, int32_t *value, size_t n);
psac_status psac_ranks_sum_i64(const psac_ranks *ranks, int64_t *value, size_t n);
psac_status psac_ranks_sum_f64(const psac_ranks *ranks, double *value, size_t n);
psac_status psac_ranks_max_f64(const psac_ranks *ranks, double *value, size_t n);

// Collective: *before = sum of `value` over the ranks below this one, *total over all.
psac_status psac_ranks_offset(const psac_ranks *ranks, int64_t value, int64_t *before, int64_t *total);

#endif
