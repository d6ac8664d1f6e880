// Diagnosis of ranks that stop responding: no rank waits longer than watchdog.seconds, and the run ends with one line
// that names the rank to blame. Three parts, internal to partition/:
//   watchdog.c      a thread per rank ends the run if a blocking call of the main thread takes too long. It reads the
//                   heartbeats of the ranks of its node in shared memory
//   status_poll.c   messages among all ranks, for waits that poll a GPU instead of blocking: which ranks answer, and
//                   whose GPU is late
//   gpu_progress.c  the number of collectives that this rank's GPU has reached (builds with NCCL)
#ifndef PSAC_PARTITION_LIVENESS_LIVENESS_H
#define PSAC_PARTITION_LIVENESS_LIVENESS_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

// Where this process is in the run; as in psac_ranks.
typedef struct psac_watchdog_place {
  int rank, n_ranks, node_rank, node_size;
  const char *host;  // outlives the watchdog
} psac_watchdog_place;

typedef struct psac_watchdog psac_watchdog;

// Collective. From now on a call that blocks longer than `seconds` ends the run with exit code 1; with a single rank
// only one that waits for its device. The time is counted in intervals of the thread, not read from a clock: a clock
// that jumps or a job that is suspended as a whole does not look like a late rank.
psac_status psac_watchdog_start(const psac_watchdog_place *place, double seconds, psac_watchdog **watchdog);

// Ends the sharing of heartbeats. The thread continues and watches MPI_Finalize. Collective.
void psac_watchdog_leave_node(psac_watchdog *watchdog);

// Ends the thread and frees; NULL-safe. Not collective.
void psac_watchdog_stop(psac_watchdog **watchdog);

// Progress of a rank's GPU.
typedef struct psac_gpu_report {
  int64_t group;        // id of the NCCL communicator: equal only on ranks whose GPUs communicate
  int64_t collectives;  // collectives of the group that the GPU has reached
} psac_gpu_report;

// How a rank answers a status poll; called only when one arrives.
typedef struct psac_gpu_report_source {
  psac_gpu_report (*read)(const void *self);
  const void *self;
} psac_gpu_report_source;

// Answers status polls of other ranks. Call repeatedly while waiting; cheap. Not collective.
psac_status psac_status_poll_answer(psac_gpu_report_source own);

// Polls all ranks, and writes whose GPU has reached fewer collectives than others of its group, or else which ranks do
// not answer within `seconds` ("rank 2 and 3 more do not answer"). If no GPU is late, it returns later, so that a rank
// with better evidence ends the run first. Not collective.
psac_status psac_status_poll(double seconds, psac_gpu_report_source own, char *text, size_t n_bytes);

#endif
