// What the parts of the emulation know of each other.
#ifndef PSAC_EMU_INTERNAL_H
#define PSAC_EMU_INTERNAL_H

#include <cuda_runtime.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace emu {

// Ends the process with "emulation: ..." on standard error.
[[noreturn]] void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

// Records an error for cudaGetLastError and gives it back.
cudaError_t set_error(cudaError_t code);

bool has_mode(const char *variable);  // set to anything but 0

// To be asked at every call: true where PSAC_EMU_FAIL means this one. Does not return where PSAC_EMU_HANG does.
bool fails(const char *call);
bool sticks(const char *kernel);  // the same for PSAC_EMU_STICK
// A kernel went wrong: nothing runs on this device any more, and every call says so. device_error: that, or success.
void break_device();
cudaError_t device_error();

// emu_device.cpp: identity of the current device over the processes of a host, after CUDA_VISIBLE_DEVICES.
int current_device();
int physical_device(int device);

// emu_device.cpp: whether a kernel may have n_bytes of dynamic shared memory
bool has_shared(const void *kernel, size_t n_bytes);

// emu_block.cpp
bool is_launchable(dim3 grid, dim3 block);
void run_grid(const char *name, dim3 grid, dim3 block, size_t n_shared, const std::function<void()> &body);

// How far each stream had come: what an operation may rely on.
typedef std::map<const void *, unsigned long> moment;
void merge(moment *into, const moment &other);

// emu_stream.cpp: something that a stream does. `name` for messages.
struct operation;
typedef std::function<bool()> gate;
typedef std::function<gate()> gate_maker;  // one gate for each time that the operation is enqueued
typedef std::function<void(const operation &self)> action;
struct operation {
  std::string name;
  action run;
  gate is_ready;                                  // empty = always; what waits for other ranks may have to wait
  std::vector<std::shared_ptr<operation>> after;  // in other streams
  cudaStream_t stream = nullptr;
  moment known;
  bool done = false;
};
typedef std::shared_ptr<operation> operation_pointer;

// Enqueues; runs at once unless streams are lazy. `after` and `make_gate` may be empty. `held`: memory that a graph
// holds on to where this is captured.
cudaError_t enqueue(cudaStream_t stream, const std::string &name, action run,
                    const std::vector<operation_pointer> &after = {}, operation_pointer *made = nullptr,
                    gate_maker make_gate = nullptr, const void *held = nullptr);
bool is_lazy();
bool is_capturing();

// emu_memory.cpp
bool is_page_locked(const void *pointer);
bool is_rubbish(const void *pointer, size_t n_bytes);  // nothing was written there yet
// An executable graph begins (1) or ceases (-1) to hold the allocation of `pointer`.
void hold(const void *pointer, int change);
// While a doorway is open, device memory can be touched. With PSAC_EMU_CHECK, results of collectives that `known` does
// not cover stay shut, and touching them is reported as a fault of `who`.
class doorway {
 public:
  doorway(const std::string &who, const moment &known);
  ~doorway();
};
// The allocation that holds `pointer` was written by a collective on this stream.
void note_collective_result(const void *pointer, const void *stream, unsigned long when);

}  // namespace emu

#endif
