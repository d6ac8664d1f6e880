// The heartbeat of a rank: the progress of its computation and the call that it waits in. It is written by its rank and
// read by that rank's watchdog thread (partition/liveness) and, in shared memory, by the other ranks of the node.
#ifndef PSAC_BASE_HEARTBEAT_H
#define PSAC_BASE_HEARTBEAT_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/wait.h"

enum { PSAC_WAIT_NONE, PSAC_WAIT_RANKS, PSAC_WAIT_DEVICE };

typedef struct psac_heartbeat {
  _Alignas(64) atomic_int_least64_t progress;  // blocking calls begun and time steps reached
  atomic_int waits_for;                        // PSAC_WAIT_*
  atomic_int_least64_t trial, step;            // current ones; -1 = none yet
  atomic_int_least64_t beats;  // incremented by the watchdog thread; constant while the process is stopped
  int rank;
  char device_call[32];  // device call that the rank waits in; "" = none
} psac_heartbeat;

// Moves this rank's heartbeat to `place`, which must stay valid until the next move; NULL moves it back to private
// memory, where it is initially. No thread may read the old place concurrently. Not collective.
void psac_heartbeat_move(psac_heartbeat *place);
psac_heartbeat *psac_heartbeat_own(void);

// The last blocking call, as text; "" if there was none.
const char *psac_heartbeat_call(void);

// Records that the computation has reached a time step of a trial.
void psac_heartbeat_step(int64_t trial, int64_t step);

#endif
