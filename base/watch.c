#include "base/watch.h"

#include <stddef.h>

static psac_watch own = {.trial = -1, .step = -1};
static psac_watch *here = &own;
static _Atomic(const char *) call_at_hand = "";

void psac_watch_move(psac_watch *place) {
  psac_watch *to = place ? place : &own;
  atomic_store(&to->n_moves, atomic_load(&here->n_moves));
  atomic_store(&to->trial, atomic_load(&here->trial));
  atomic_store(&to->step, atomic_load(&here->step));
  atomic_store(&to->inside, PSAC_WATCH_OUTSIDE);
  here = to;
}

psac_watch *psac_watch_place(void) { return here; }

const char *psac_watch_call(void) { return atomic_load(&call_at_hand); }

// Only the thread that computes writes, so a load and a store will do.
static void count_move(void) {
  atomic_store_explicit(&here->n_moves, atomic_load_explicit(&here->n_moves, memory_order_relaxed) + 1,
                        memory_order_relaxed);
}

static void enter(const char *call, int inside) {
  atomic_store_explicit(&call_at_hand, call, memory_order_relaxed);
  count_move();
  atomic_store_explicit(&here->inside, inside, memory_order_release);
}

void psac_watch_enter(const char *call) { enter(call, PSAC_WATCH_RANKS); }
void psac_watch_enter_device(const char *call) { enter(call, PSAC_WATCH_DEVICE); }
void psac_watch_leave(void) { atomic_store_explicit(&here->inside, PSAC_WATCH_OUTSIDE, memory_order_release); }

void psac_watch_step(int64_t trial, int64_t step) {
  atomic_store_explicit(&here->trial, trial, memory_order_relaxed);
  atomic_store_explicit(&here->step, step, memory_order_relaxed);
  count_move();
}
