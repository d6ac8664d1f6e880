// The watchdog: a thread per rank that ends the run when this rank has waited too long for another one, or for its own
// device, and says where each was.
//
// It counts the time by its own naps instead of looking at a clock, so neither a clock that jumps nor a job that was
// suspended as a whole and goes on an hour later looks like a rank that is late. Internal to partition/.
#ifndef PSAC_PARTITION_LIVENESS_WATCHDOG_H
#define PSAC_PARTITION_LIVENESS_WATCHDOG_H

#include "base/status.h"

// Where this process is in the run; as in psac_ranks.
typedef struct psac_watchdog_place {
  int rank, n_ranks, node_rank, node_size;
  const char *host;  // outlives the watchdog
} psac_watchdog_place;

typedef struct psac_watchdog psac_watchdog;

// Collective. From now on a wait longer than `seconds` ends the run with exit code 1; with a single rank only one for
// its device.
psac_status psac_watchdog_start(const psac_watchdog_place *place, double seconds, psac_watchdog **watchdog);

// Collective: the ranks' places are no longer shared. The thread goes on, to watch the end of MPI.
void psac_watchdog_leave_node(psac_watchdog *watchdog);

// Ends the thread and frees; NULL-safe. Not collective.
void psac_watchdog_stop(psac_watchdog **watchdog);

#endif
