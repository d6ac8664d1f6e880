// Measures the constants of a GPU that `psac_dist plan` needs (configs/hardware.yaml) and prints them as that file has
// them. Not part of the build:
//   nvcc -O3 -std=c++17 -arch=native bench/device.cu -o device && ./device
#include <cuda_runtime.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

#define CHECK(call)                                                                                 \
  do {                                                                                              \
    const cudaError_t code = (call);                                                                \
    if (code != cudaSuccess) fprintf(stderr, "%s: %s\n", #call, cudaGetErrorString(code)), exit(1); \
  } while (0)

enum { THREADS = 256, REPEATS = 7, LAUNCHES = 2000 };

static cudaStream_t stream;

static double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// Median seconds of `work`, which enqueues on the stream, over several repeats after one that is not counted.
template <typename action>
static double seconds(action work) {
  std::vector<double> all;
  for (int k = 0; k <= REPEATS; k++) {
    CHECK(cudaStreamSynchronize(stream));
    const double started = now();
    work();
    CHECK(cudaStreamSynchronize(stream));
    if (k > 0) all.push_back(now() - started);
  }
  CHECK(cudaGetLastError());
  std::nth_element(all.begin(), all.begin() + REPEATS / 2, all.end());
  return all[REPEATS / 2];
}

__global__ void nothing(void) {}

__global__ void copy(const uint4 *from, uint4 *to, int64_t n) {
  for (int64_t k = (int64_t)blockIdx.x * blockDim.x + threadIdx.x; k < n; k += (int64_t)gridDim.x * blockDim.x)
    to[k] = from[k];
}

// Reads an array that fits into the level 2 cache `times` times.
__global__ void read(const uint4 *from, int64_t n, int times, uint32_t *out) {
  uint32_t sum = 0;
  for (int t = 0; t < times; t++) {
    for (int64_t k = (int64_t)blockIdx.x * blockDim.x + threadIdx.x; k < n; k += (int64_t)gridDim.x * blockDim.x) {
      const int64_t at =
          (k + (int64_t)t * 7919 * blockDim.x) % n;  // another block's part than before: not from the first level
      sum += __ldcg(from + at).x;
    }
  }
  if (sum == 12345) *out = sum;
}

// Additions to random words of an array, `times` by each thread.
__global__ void scatter(uint32_t *array, uint32_t n, int times) {
  uint32_t x = (blockIdx.x * blockDim.x + threadIdx.x) * 2654435761u + 1;
  for (int k = 0; k < times; k++) {
    x ^= x << 13, x ^= x >> 17, x ^= x << 5;
    atomicAdd(&array[x % n], 1u);
  }
}

int main(void) {
  cudaDeviceProp device;
  CHECK(cudaGetDeviceProperties(&device, 0));
  CHECK(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
  int shared = 0;
  CHECK(cudaDeviceGetAttribute(&shared, cudaDevAttrMaxSharedMemoryPerBlockOptin, 0));
  printf("# %s, %d multiprocessors, %d bytes of shared memory for a block; bench/device.cu\n", device.name,
         device.multiProcessorCount, shared);
  const int blocks = 8 * device.multiProcessorCount;

  const int64_t large = (int64_t)2 << 30, cached = (int64_t)device.l2CacheSize / 2;
  uint4 *a, *b;
  CHECK(cudaMalloc(&a, large));
  CHECK(cudaMalloc(&b, large));
  CHECK(cudaMemset(a, 1, large));
  printf("  bandwidth: %.3g        # [bytes/s] a copy of 2 GiB, bytes read and written (m)\n",
         2.0 * (double)large / seconds([&] { copy<<<4 * blocks, THREADS, 0, stream>>>(a, b, large / 16); }));
  printf("  cache: %.3g            # [bytes] level 2, as the device says\n", (double)device.l2CacheSize);
  printf(
      "  cache_bandwidth: %.3g  # [bytes/s] reading %.0f MB again and again (m)\n",
      20.0 * (double)cached / seconds([&] { read<<<blocks, THREADS, 0, stream>>>(a, cached / 16, 20, (uint32_t *)b); }),
      1e-6 * (double)cached);
  for (const int64_t bytes : {(int64_t)4 << 20, (int64_t)24 << 20, (int64_t)128 << 20}) {
    const double count = 64.0 * blocks * THREADS;
    printf("  atomics: %.3g          # [1/s] random additions to %.0f MB (m)\n",
           count / seconds([&] { scatter<<<blocks, THREADS, 0, stream>>>((uint32_t *)a, (uint32_t)(bytes / 4), 64); }),
           1e-6 * (double)bytes);
  }

  const auto launches = [] {
    for (int k = 0; k < LAUNCHES; k++) nothing<<<1, 32, 0, stream>>>();
  };
  printf("  launch: %.3g           # [s] of %d empty kernels in a stream (m)\n", seconds(launches) / LAUNCHES,
         LAUNCHES);
  cudaGraph_t graph;
  cudaGraphExec_t executable;
  CHECK(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal));
  launches();
  CHECK(cudaStreamEndCapture(stream, &graph));
  CHECK(cudaGraphInstantiate(&executable, graph, 0));
  printf("  launch_in_graph: %.3g  # [s] of %d empty kernels in a graph (m)\n",
         seconds([&] { CHECK(cudaGraphLaunch(executable, stream)); }) / LAUNCHES, LAUNCHES);
  char little[64];
  printf("  host_wait: %.3g        # [s] a copy of 64 bytes to pageable memory, and waiting for it (m)\n",
         seconds([&] { CHECK(cudaMemcpyAsync(little, a, sizeof little, cudaMemcpyDeviceToHost, stream)); }));
  void *host;
  CHECK(cudaMallocHost(&host, 256 << 20));
  printf("  staging_bandwidth: %.3g  # [bytes/s] 256 MiB to page-locked memory (m)\n",
         (double)(256 << 20) /
             seconds([&] { CHECK(cudaMemcpyAsync(host, a, 256 << 20, cudaMemcpyDeviceToHost, stream)); }));
  return 0;
}
