// Fibers: several stacks in one thread of the host. x86-64, System V.
#ifndef PSAC_EMU_SWITCH_H
#define PSAC_EMU_SWITCH_H

#include <cstddef>

namespace emu {

struct fiber {
  void *stack_pointer = nullptr;
  char *stack = nullptr;  // lowest byte; nullptr = the stack of the host's thread
  size_t n_bytes = 0;
  void *fake_stack = nullptr;  // the address sanitizer's
  void (*run)(fiber *self) = nullptr;
};

fiber *fiber_create(void (*run)(fiber *self));
void fiber_switch(fiber *from, fiber *to);

}  // namespace emu

#endif
