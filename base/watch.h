// Where this process is: which call that waits for other ranks or for its device it is in, and in which step of which
// trial it came there. Written by the thread that computes, read by the watchdog (partition/liveness/watchdog.h) and,
// where the place lies in shared memory, by other ranks.
#ifndef PSAC_BASE_WATCH_H
#define PSAC_BASE_WATCH_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/watch_call.h"

enum {
  PSAC_WATCH_OUTSIDE,
  PSAC_WATCH_RANKS,
  PSAC_WATCH_DEVICE
};  // of calls; in one that waits for other ranks; for the device

typedef struct psac_watch {
  _Alignas(64) atomic_int_least64_t n_moves;  // calls begun and steps come to
  atomic_int inside;                          // PSAC_WATCH_*: the last call, if it has not ended
  atomic_int_least64_t trial, step;           // -1 = none yet
  atomic_int_least64_t beats;                 // looks of the watchdog's thread: a process that is stopped makes none
  int rank;
  char device_call[32];  // that it was in at the last look; "" = in none
} psac_watch;

// Moves the place, which is this process's own memory at first and for NULL. Nobody must be looking at the old one.
void psac_watch_move(psac_watch *place);
psac_watch *psac_watch_place(void);

// The current call, as text; "" if there was none.
const char *psac_watch_call(void);

// The computation comes to a step of a trial.
void psac_watch_step(int64_t trial, int64_t step);

#endif
