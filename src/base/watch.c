#include "base/watch.h"

#include <stddef.h>

static psac_watch own = {.trial = -1, .step = -1};
static psac_watch *here = &own;
static _Atomic(const char *) call_at_hand = "";

void psac_watch_move(psac_watch *place) {
  psac_watch *to = place ? place : &own;
  atomic_store(&to->n_calls, atomic_load(&here->n_calls));
  atomic_store(&to->trial, atomic_load(&here->trial));
  atomic_store(&to->step, atomic_load(&here->step));
  atomic_store(&to->is_inside, 0);
  here = to;
}

psac_watch *psac_watch_place(void) { return here; }

const char *psac_watch_call(void) { return atomic_load(&call_at_hand); }

void psac_watch_enter(const char *call) {
  atomic_store_explicit(&call_at_hand, call, memory_order_relaxed);
  atomic_store_explicit(&here->n_calls, atomic_load_explicit(&here->n_calls, memory_order_relaxed) + 1, memory_order_relaxed);
  atomic_store_explicit(&here->is_inside, 1, memory_order_release);
}

void psac_watch_leave(void) { atomic_store_explicit(&here->is_inside, 0, memory_order_release); }

void psac_watch_step(int64_t trial, int64_t step) {
  atomic_store_explicit(&here->trial, trial, memory_order_relaxed);
  atomic_store_explicit(&here->step, step, memory_order_relaxed);
}
