#include "base/heartbeat.h"

#include <stddef.h>

static psac_heartbeat private_place = {.trial = -1, .step = -1};
static psac_heartbeat *own = &private_place;
static _Atomic(const char *) last_call = "";

void psac_heartbeat_move(psac_heartbeat *place) {
  psac_heartbeat *to = place ? place : &private_place;
  atomic_store(&to->progress, atomic_load(&own->progress));
  atomic_store(&to->trial, atomic_load(&own->trial));
  atomic_store(&to->step, atomic_load(&own->step));
  atomic_store(&to->waits_for, PSAC_WAIT_NONE);
  own = to;
}

psac_heartbeat *psac_heartbeat_own(void) { return own; }

const char *psac_heartbeat_call(void) { return atomic_load(&last_call); }

// Only the main thread writes, so a load and a store suffice.
static void count_progress(void) {
  atomic_store_explicit(&own->progress, atomic_load_explicit(&own->progress, memory_order_relaxed) + 1,
                        memory_order_relaxed);
}

static void begin(const char *call, int waits_for) {
  atomic_store_explicit(&last_call, call, memory_order_relaxed);
  count_progress();
  atomic_store_explicit(&own->waits_for, waits_for, memory_order_release);
}

void psac_wait_begin(const char *call) { begin(call, PSAC_WAIT_RANKS); }
void psac_wait_begin_device(const char *call) { begin(call, PSAC_WAIT_DEVICE); }
void psac_wait_end(void) { atomic_store_explicit(&own->waits_for, PSAC_WAIT_NONE, memory_order_release); }

void psac_heartbeat_step(int64_t trial, int64_t step) {
  atomic_store_explicit(&own->trial, trial, memory_order_relaxed);
  atomic_store_explicit(&own->step, step, memory_order_relaxed);
  count_progress();
}
