#include "emu_switch.h"

#include <pthread.h>
#include <sys/mman.h>

#include <cstdint>

#include "emu_internal.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#endif

#if !defined(__x86_64__)
#error "the emulation's fibers are written for x86-64"
#endif

extern "C" void psac_emu_switch(void **from, void *to);

// Saves what a called function has to keep, changes stacks, restores.
asm(".text\n"
    ".globl psac_emu_switch\n"
    ".type psac_emu_switch,@function\n"
    "psac_emu_switch:\n"
    "  push %rbp\n  push %rbx\n  push %r12\n  push %r13\n  push %r14\n  push %r15\n"
    "  mov %rsp, (%rdi)\n"
    "  mov %rsi, %rsp\n"
    "  pop %r15\n  pop %r14\n  pop %r13\n  pop %r12\n  pop %rbx\n  pop %rbp\n"
    "  ret\n"
    ".size psac_emu_switch, .-psac_emu_switch\n");

namespace emu {

namespace {

constexpr size_t STACK_BYTES = 256 * 1024, GUARD_BYTES = 4096, SAVED_REGISTERS = 6;
fiber *current;  // that is being switched to

void after_switch(fiber *arrived) {
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_finish_switch_fiber(arrived->fake_stack, nullptr, nullptr);
#else
  (void)arrived;
#endif
}

void fiber_entry() {
  fiber *self = current;
  after_switch(self);
  self->run(self);
  fail("a fiber has ended");
}

#if defined(__SANITIZE_ADDRESS__)
void know_host_stack(fiber *host) {
  pthread_attr_t attributes;
  void *lowest;
  pthread_getattr_np(pthread_self(), &attributes);
  pthread_attr_getstack(&attributes, &lowest, &host->n_bytes);
  pthread_attr_destroy(&attributes);
  host->stack = static_cast<char *>(lowest);
}
#endif

}  // namespace

fiber *fiber_create(void (*run)(fiber *self)) {
  fiber *made = new fiber();
  void *memory = mmap(nullptr, STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) fail("no memory for a fiber's stack");
  mprotect(memory, GUARD_BYTES, PROT_NONE);  // a stack that overflows is noticed
  made->stack = static_cast<char *>(memory);
  made->n_bytes = STACK_BYTES;
  made->run = run;
  void **top =
      reinterpret_cast<void **>(made->stack + STACK_BYTES) - 1;  // so that the entry finds it aligned as after a call
  *--top = reinterpret_cast<void *>(fiber_entry);
  for (size_t k = 0; k < SAVED_REGISTERS; k++) *--top = nullptr;
  made->stack_pointer = top;
  return made;
}

void fiber_switch(fiber *from, fiber *to) {
  current = to;
#if defined(__SANITIZE_ADDRESS__)
  if (!to->stack) know_host_stack(to);
  __sanitizer_start_switch_fiber(&from->fake_stack, to->stack, to->n_bytes);
#endif
  psac_emu_switch(&from->stack_pointer, to->stack_pointer);
  after_switch(from);
}

}  // namespace emu
