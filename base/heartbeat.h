// The heartbeat of a rank: how far its computation has come, and which call it waits in. Written by the rank that owns
// it, read by its watchdog thread (partition/liveness) and, in shared memory, by other ranks of the node.
#ifndef PSAC_BASE_HEARTBEAT_H
#define PSAC_BASE_HEARTBEAT_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/wait.h"

enum { PSAC_WAIT_NONE, PSAC_WAIT_RANKS, PSAC_WAIT_DEVICE };

typedef struct psac_heartbeat {
  _Alignas(64) atomic_int_least64_t progress;  // blocking calls begun and time steps reached
  atomic_int waits_for;                        // PSAC_WAIT_*
  atomic_int_least64_t trial, step;            // the current ones; -1 = none yet
  atomic_int_least64_t beats;                  // of the watchdog thread: a stopped process has none
  int rank;
  char device_call[32];  // that it waits in; "" = in none
} psac_heartbeat;

// Moves this rank's heartbeat to `place`, or for NULL back to memory of its own, where it is at first. Nobody may read
// the old place concurrently.
void psac_heartbeat_move(psac_heartbeat *place);
psac_heartbeat *psac_heartbeat_own(void);

// The last blocking call, as text; "" if there was none.
const char *psac_heartbeat_call(void);

// The computation reaches a time step of a trial.
void psac_heartbeat_step(int64_t trial, int64_t step);

#endif
