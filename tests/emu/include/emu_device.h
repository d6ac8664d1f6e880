// What a kernel sees: its place in the grid, barriers, warp intrinsics, atomics. C++ only; included by cuda_runtime.h.
#ifndef PSAC_EMU_DEVICE_H
#define PSAC_EMU_DEVICE_H

#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>
#include <tuple>

#define __global__ static
#define __device__
#define __host__
#define __shared__ static
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...)
#define __align__(n) alignas(n)

struct dim3 {
  unsigned x, y, z;
  dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
};

namespace emu {

struct place {
  unsigned x, y, z;
};

extern place thread_index, block_index;  // of the thread that is running
extern dim3 block_size, grid_size;

enum class warp_call { sync, ballot, shuffle };

// Meets the other lanes of `mask`; what they brought, by lane.
const uint64_t *meet(warp_call call, unsigned mask, uint64_t value);
unsigned lane();
void barrier();
void before_atomic();    // a place where another thread may come in between
char *dynamic_shared();  // of the block that is running
void launch(const char *name, const void *kernel, dim3 grid, dim3 block, size_t n_shared, cudaStream_t stream,
            std::function<void()> body);

template <typename type>
type exchange(unsigned mask, type value, unsigned source) {
  static_assert(sizeof(type) <= sizeof(uint64_t), "a shuffle moves 64 bits at most");
  uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof value);
  const uint64_t *all = meet(warp_call::shuffle, mask, bits);
  std::memcpy(&value, &all[source], sizeof value);
  return value;
}

}  // namespace emu

#define threadIdx emu::thread_index
#define blockIdx emu::block_index
#define blockDim emu::block_size
#define gridDim emu::grid_size

// As kernel<<<grid, block, n_shared, stream>>>(argument...): arguments are copied now, whenever the kernel runs.
template <typename... parameter, typename... argument>
void psac_emu_launch(const char *name, dim3 grid, dim3 block, size_t n_shared, cudaStream_t stream,
                     void (*kernel)(parameter...), argument... value) {
  const std::tuple<parameter...> kept(value...);
  emu::launch(name, reinterpret_cast<const void *>(kernel), grid, block, n_shared, stream,
              [=] { std::apply(kernel, kept); });
}

static inline char *psac_emu_dynamic_shared() { return emu::dynamic_shared(); }

static inline void __syncthreads() { emu::barrier(); }
static inline void __syncwarp(unsigned mask = 0xffffffffu) { emu::meet(emu::warp_call::sync, mask, 0); }

static inline unsigned __ballot_sync(unsigned mask, int predicate) {
  const uint64_t *all = emu::meet(emu::warp_call::ballot, mask, predicate != 0);
  unsigned bits = 0;
  for (unsigned lane = 0; lane < 32; lane++) bits |= (mask >> lane & 1u) && all[lane] ? 1u << lane : 0u;
  return bits;
}

static inline int __any_sync(unsigned mask, int predicate) { return __ballot_sync(mask, predicate) != 0; }
static inline int __all_sync(unsigned mask, int predicate) { return __ballot_sync(mask, predicate) == mask; }

template <typename type>
type __shfl_sync(unsigned mask, type value, int source) {
  return emu::exchange(mask, value, static_cast<unsigned>(source) % 32);
}

template <typename type>
type __shfl_xor_sync(unsigned mask, type value, int distance) {
  return emu::exchange(mask, value, (emu::lane() ^ static_cast<unsigned>(distance)) % 32);
}

template <typename type>
type __shfl_down_sync(unsigned mask, type value, unsigned distance) {
  return emu::exchange(mask, value, emu::lane() + distance < 32 ? emu::lane() + distance : emu::lane());
}

static inline int __popc(unsigned bits) { return __builtin_popcount(bits); }
static inline int __popcll(unsigned long long bits) { return __builtin_popcountll(bits); }
static inline int __ffs(int bits) { return __builtin_ffs(bits); }
static inline int __ffsll(long long bits) { return __builtin_ffsll(bits); }

template <typename type>
type emu_atomic_add(type *where, type value) {
  emu::before_atomic();
  const type before = *where;
  *where = static_cast<type>(before + value);
  return before;
}
static inline unsigned atomicOr(unsigned *where, unsigned value) {
  emu::before_atomic();
  const unsigned before = *where;
  *where = before | value;
  return before;
}

static inline int atomicAdd(int *where, int value) {  // wraps around
  return static_cast<int>(emu_atomic_add(reinterpret_cast<unsigned *>(where), static_cast<unsigned>(value)));
}
static inline unsigned atomicAdd(unsigned *where, unsigned value) { return emu_atomic_add(where, value); }
static inline unsigned long long atomicAdd(unsigned long long *where, unsigned long long value) {
  return emu_atomic_add(where, value);
}

#endif
