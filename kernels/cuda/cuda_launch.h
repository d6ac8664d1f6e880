// Kernel launches and CUDA error reports. Only this header knows that the same sources also compile for the host
// (tests/emu).
#ifndef PSAC_KERNELS_CUDA_CUDA_LAUNCH_H
#define PSAC_KERNELS_CUDA_CUDA_LAUNCH_H

#include <cuda_runtime.h>
#include <stddef.h>
#include <stdint.h>

#include "base/wait.h"
#include "kernels/cuda/cuda_kernels.h"
#include "kernels/cuda/cuda_shape.h"

struct psac_stream {
  cudaStream_t cuda;
};

extern "C" psac_status psac_cuda_failure(cudaError_t code, const char *call, const char *file, int line);

#define PSAC_CUDA(call)                                                                             \
  do {                                                                                              \
    psac_wait_begin_device(#call);                                                                  \
    const cudaError_t psac_code_ = (call);                                                          \
    psac_wait_end();                                                                                \
    if (psac_code_ != cudaSuccess) return psac_cuda_failure(psac_code_, #call, __FILE__, __LINE__); \
  } while (0)

// PSAC_LAUNCH(kernel, grid, block, stream, argument...): a no-op for an empty grid. PSAC_LAUNCH_SHARED adds n_bytes of
// dynamic shared memory, which the kernel declares as PSAC_DYNAMIC_SHARED(name), a char array aligned to 16 bytes.
#ifdef PSAC_EMULATED
#define PSAC_RUN(kernel, grid, block, n_bytes, stream, ...) \
  psac_emu_launch(#kernel, grid, block, n_bytes, stream, kernel, __VA_ARGS__)
#define PSAC_DYNAMIC_SHARED(name) char *const name = psac_emu_dynamic_shared()
#define PSAC_NO_UNROLL
#else
#define PSAC_RUN(kernel, grid, block, n_bytes, stream, ...) kernel<<<grid, block, n_bytes, stream>>>(__VA_ARGS__)
#define PSAC_DYNAMIC_SHARED(name) extern __shared__ __align__(16) char name[]
#define PSAC_NO_UNROLL _Pragma("unroll 1")  // for a loop that mostly runs once; unrolling would cost registers
#endif
#define PSAC_LAUNCH(kernel, grid, block, stream, ...) PSAC_LAUNCH_SHARED(kernel, grid, block, 0, stream, __VA_ARGS__)
#define PSAC_LAUNCH_SHARED(kernel, grid, block, n_bytes, stream, ...)            \
  do {                                                                           \
    const dim3 psac_grid_ = (grid);                                              \
    if (psac_grid_.x > 0 && psac_grid_.y > 0) {                                  \
      psac_wait_begin_device(#kernel); /* blocks while the queue is full */      \
      PSAC_RUN(kernel, psac_grid_, block, n_bytes, (stream)->cuda, __VA_ARGS__); \
      psac_wait_end();                                                           \
      PSAC_CUDA(cudaGetLastError());                                             \
    }                                                                            \
  } while (0)

#define PSAC_ALL_LANES 0xffffffffu

// Blocks of PSAC_THREADS threads for n threads, and for n warps.
static inline unsigned psac_blocks(int64_t n) { return (unsigned)((n + PSAC_THREADS - 1) / PSAC_THREADS); }
static inline unsigned psac_warp_blocks(int64_t n) { return (unsigned)((n + PSAC_WARPS - 1) / PSAC_WARPS); }

__device__ static inline int64_t psac_thread(void) { return (int64_t)blockIdx.x * blockDim.x + threadIdx.x; }
__device__ static inline int64_t psac_warp(void) { return psac_thread() / PSAC_WARP; }
__device__ static inline int psac_lane(void) { return (int)(threadIdx.x % PSAC_WARP); }

__device__ static inline void psac_add_i64(int64_t *sum, int64_t value) {
  atomicAdd((unsigned long long *)sum, (unsigned long long)value);
}

// Sum over the lanes of a warp, or over the lanes with equal index in each group of n lanes; every lane gets it.
__device__ static inline int64_t psac_warp_sum(int64_t value, int n = 1) {
  for (int distance = PSAC_WARP / 2; distance >= n; distance /= 2) {
    value += (int64_t)__shfl_xor_sync(PSAC_ALL_LANES, (unsigned long long)value, distance);
  }
  return value;
}

// 32-bit halves of the 64-bit words of spike vectors; one warp writes one half. Little endian, as are the hosts of all
// GPUs.
__host__ __device__ static inline uint32_t *psac_halves(uint64_t *words) { return (uint32_t *)words; }
__host__ __device__ static inline const uint32_t *psac_halves(const uint64_t *words) { return (const uint32_t *)words; }

#endif
