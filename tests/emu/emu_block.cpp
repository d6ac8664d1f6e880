// Runs the blocks of a grid, a thread at a time. A thread runs straight through on a fiber until it has to wait for
// others at a barrier or a warp intrinsic; then another one gets its turn. What can never go on is reported, not waited
// for.
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <utility>
#include <vector>

#include "emu_internal.h"
#include "emu_switch.h"

namespace emu {

place thread_index, block_index;
dim3 block_size, grid_size;

namespace {

constexpr unsigned WARP = 32, THREADS_MAX = 1024;

struct warp_meeting {
  unsigned mask = 0, arrived = 0;
  warp_call call = warp_call::sync;
  uint64_t brought[WARP], result[WARP];
};

enum class state { fresh, running, ready, at_barrier, in_warp, done };

struct thread {
  state now = state::fresh;
  fiber *on = nullptr;
  place index{};
  unsigned mask = 0;  // while in a warp intrinsic
};

const char *kernel_name;
const std::function<void()> *kernel_body;
std::vector<thread> threads;
std::vector<warp_meeting> meetings;  // by warp
std::vector<unsigned> ready;         // threads that may go on
std::vector<unsigned> start_order;
std::vector<fiber *> &idle_fibers = *new std::vector<fiber *>();  // kept to the very end: leak checkers look for fibers
fiber scheduler;
unsigned running, n_started, n_at_barrier, n_done;
uint64_t random_state = 0;  // 0 = in order
std::unique_ptr<char[]> shared_memory;

uint64_t next_random() {
  random_state ^= random_state << 13;
  random_state ^= random_state >> 7;
  random_state ^= random_state << 17;
  return random_state >> 16;
}

[[noreturn]] void broken(const char *format, ...) {
  char text[400];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  fail("kernel %s, block (%u, %u), thread %u: %s", kernel_name, block_index.x, block_index.y, running, text);
}

void suspend(state why) {
  thread &self = threads[running];
  self.now = why;
  const unsigned me = running;
  fiber_switch(self.on, &scheduler);
  running = me;
  thread_index = threads[me].index;
  threads[me].now = state::running;
}

void wake(unsigned which) {
  threads[which].now = state::ready;
  ready.push_back(which);
}

// The life of a fiber: fresh threads one after the other, as long as none of them has to wait.
void fiber_main(fiber *self) {
  for (;;) {
    while (n_started < threads.size()) {
      running = start_order[n_started++];
      thread &next = threads[running];
      next.on = self;
      next.now = state::running;
      thread_index = next.index;
      (*kernel_body)();
      threads[running].now = state::done;
      n_done++;
      if (!ready.empty()) break;  // those who wait first, so that few fibers are under way
    }
    idle_fibers.push_back(self);
    fiber_switch(self, &scheduler);
  }
}

fiber *take_fiber() {
  if (idle_fibers.empty()) return fiber_create(fiber_main);
  fiber *taken = idle_fibers.back();
  idle_fibers.pop_back();
  return taken;
}

void report_deadlock() {
  for (unsigned k = 0; k < threads.size(); k++) {
    running = k;
    if (threads[k].now == state::in_warp) {
      broken("waits in a warp intrinsic for lanes 0x%08x, of which only 0x%08x have come", threads[k].mask,
             meetings[k / WARP].arrived);
    }
  }
  for (running = 0; threads[running].now != state::at_barrier; running++) {
  }
  broken("waits at a barrier that only %u of %zu threads have reached; %u have ended", n_at_barrier, threads.size(),
         n_done);
}

void prepare_block(unsigned x, unsigned y) {
  block_index = {x, y, 0};
  n_started = n_at_barrier = n_done = 0;
  for (unsigned k = 0; k < threads.size(); k++) {
    threads[k] = thread();
    threads[k].index = {k, 0, 0};
    start_order[k] = k;
  }
  for (warp_meeting &each : meetings) each.arrived = 0;
  for (unsigned k = random_state ? static_cast<unsigned>(threads.size()) : 0; k > 1; k--) {
    std::swap(start_order[k - 1], start_order[next_random() % k]);
  }
}

void run_block(unsigned x, unsigned y) {
  prepare_block(x, y);
  while (n_done < threads.size()) {
    if (!ready.empty() && (n_started == threads.size() || !random_state || next_random() % 2)) {
      const size_t k = random_state ? next_random() % ready.size() : ready.size() - 1;
      const unsigned which = ready[k];
      ready[k] = ready.back();
      ready.pop_back();
      fiber_switch(&scheduler, threads[which].on);
    } else if (n_started < threads.size()) {
      fiber_switch(&scheduler, take_fiber());
    } else {
      report_deadlock();
    }
  }
}

}  // namespace

char *dynamic_shared() { return shared_memory.get(); }

void run_grid(const char *name, dim3 grid, dim3 block, size_t n_shared, const std::function<void()> &body) {
  static const char *order = getenv("PSAC_EMU_ORDER");
  if (order && !random_state) random_state = strtoull(order, nullptr, 10) * 0x9e3779b97f4a7c15u + 1;
  kernel_name = name;
  kernel_body = &body;
  block_size = block;
  grid_size = grid;
  threads.assign(block.x, thread());
  meetings.assign((block.x + WARP - 1) / WARP, warp_meeting());
  start_order.resize(block.x);
  std::vector<unsigned> blocks(static_cast<size_t>(grid.x) * grid.y);
  for (unsigned k = 0; k < blocks.size(); k++) blocks[k] = k;
  for (unsigned k = random_state ? static_cast<unsigned>(blocks.size()) : 0; k > 1; k--) {
    std::swap(blocks[k - 1], blocks[next_random() % k]);
  }
  shared_memory = std::make_unique<char[]>(n_shared);  // of that size exactly, so that sanitizers see its end
  for (const unsigned k : blocks) {
    memset(shared_memory.get(), 0xa5, n_shared);  // a block does not find zeros there
    run_block(k % grid.x, k / grid.x);
  }
}

bool is_launchable(dim3 grid, dim3 block) {
  return block.x >= 1 && block.x <= THREADS_MAX && block.y == 1 && block.z == 1 && grid.x >= 1 && grid.y >= 1 &&
         grid.z == 1 && grid.x <= 0x7fffffffu && grid.y <= 65535;
}

unsigned lane() { return running % WARP; }

void barrier() {
  if (++n_at_barrier < threads.size()) {
    suspend(state::at_barrier);
    return;
  }
  n_at_barrier = 0;
  for (unsigned k = 0; k < threads.size(); k++) {
    if (threads[k].now == state::at_barrier) wake(k);
  }
}

const uint64_t *meet(warp_call call, unsigned mask, uint64_t value) {
  const unsigned warp = running / WARP, own = lane();
  warp_meeting &meeting = meetings[warp];
  if (!(mask >> own & 1u)) broken("calls a warp intrinsic with mask 0x%08x, which leaves out its own lane", mask);
  for (unsigned k = 0; k < WARP; k++) {
    if (!(mask >> k & 1u)) continue;
    if (warp * WARP + k >= threads.size()) broken("mask 0x%08x names lane %u, which the block does not have", mask, k);
    if (threads[warp * WARP + k].now == state::done) broken("mask 0x%08x names lane %u, which has ended", mask, k);
  }
  if (meeting.arrived && (meeting.mask != mask || meeting.call != call)) {
    broken("calls another warp intrinsic or mask (0x%08x) than lanes 0x%08x, which wait with 0x%08x", mask,
           meeting.arrived, meeting.mask);
  }
  meeting.mask = mask;
  meeting.call = call;
  meeting.brought[own] = value;
  meeting.arrived |= 1u << own;
  if (meeting.arrived != mask) {
    threads[running].mask = mask;
    suspend(state::in_warp);
    return meeting.result;
  }
  memcpy(meeting.result, meeting.brought, sizeof meeting.result);
  meeting.arrived = 0;
  for (unsigned k = 0; k < WARP; k++) {
    if ((mask >> k & 1u) && k != own) wake(warp * WARP + k);
  }
  return meeting.result;
}

void before_atomic() {
  if (!random_state || next_random() % 4) return;
  ready.push_back(running);
  suspend(state::ready);
}

}  // namespace emu
