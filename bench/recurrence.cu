// Three ways to deliver the spikes of one timestep to their targets on a GPU, on random lists: what bounds each, before
// a kernel is written for it (docs/measurements/gpu.md). Not part of the build:
//   nvcc -O3 -std=c++17 -arch=native bench/recurrence.cu -o recurrence
//   ./recurrence [NEURONS [IN_DEGREE [SPIKES_PER_NEURON_AND_STEP]]]
//
//   push    a spike adds its current to each target in global memory, as recurrent_currents does (cuda_middle.cu)
//   pull    a neuron reads one word per source, a bit per trial, and counts with carry-save adders
//   ranged  a block counts the spikes that arrive at a range of targets of one trial in shared memory
#include <cuda_runtime.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>

#define CHECK(call)                                                                                 \
  do {                                                                                              \
    const cudaError_t code = (call);                                                                \
    if (code != cudaSuccess) fprintf(stderr, "%s: %s\n", #call, cudaGetErrorString(code)), exit(1); \
  } while (0)

enum { THREADS = 256, BLOCK = 1024, LANES = 8, REPEATS = 20, PLANES = 6 };

__host__ __device__ static inline uint32_t mix(uint64_t x) {
  x ^= x >> 33, x *= 0xff51afd7ed558ccdull, x ^= x >> 33, x *= 0xc4ceb9fe1a85ec53ull, x ^= x >> 33;
  return (uint32_t)x;
}

__global__ void fill(uint32_t *out, int64_t n, uint32_t below, uint64_t salt) {
  for (int64_t k = (int64_t)blockIdx.x * blockDim.x + threadIdx.x; k < n; k += (int64_t)gridDim.x * blockDim.x) {
    out[k] = mix(k + salt) % below;
  }
}

__global__ void draw_spikes(uint64_t *spikes, int64_t n_words, uint32_t threshold) {
  for (int64_t w = (int64_t)blockIdx.x * blockDim.x + threadIdx.x; w < n_words; w += (int64_t)gridDim.x * blockDim.x) {
    uint64_t word = 0;
    for (int b = 0; b < 64; b++) word |= (uint64_t)(mix(64 * w + b + (1ull << 40)) < threshold) << b;
    spikes[w] = word;
  }
}

// spikes [trials][n_words]; target [n][in_degree].
__global__ void push(const uint64_t *spikes, int n_words, const uint32_t *target, int in_degree, int64_t n,
                     int32_t *current) {
  const int place = (int)((blockIdx.x * blockDim.x + threadIdx.x) / LANES), lane = threadIdx.x % LANES;
  if (place >= n_words) return;
  for (uint64_t word = spikes[(int64_t)blockIdx.y * n_words + place]; word; word &= word - 1) {
    const uint32_t *list = target + (64 * (int64_t)place + __ffsll((long long)word) - 1) * in_degree;
    for (int k = lane; k < in_degree; k += LANES) atomicAdd(&current[blockIdx.y * n + list[k]], 10);
  }
}

// words [n][parts]: bit = trial; source [in_degree][n]; out [n]: something that depends on all planes.
template <int parts>
__global__ void pull(const uint64_t *words, const uint32_t *source, int in_degree, int64_t n, uint64_t *out) {
  const int64_t i = (int64_t)blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= n) return;
  uint64_t plane[parts][PLANES] = {};
#pragma unroll 4
  for (int k = 0; k < in_degree; k++) {
    const uint64_t *word = words + (int64_t)source[(int64_t)k * n + i] * parts;
    for (int p = 0; p < parts; p++) {
      uint64_t carry = word[p];
      for (int b = 0; b < PLANES; b++) {
        const uint64_t both = plane[p][b] & carry;
        plane[p][b] ^= carry;
        carry = both;
      }
    }
  }
  uint64_t all = 0;
  for (int p = 0; p < parts; p++) {
    for (int b = 0; b < PLANES; b++) all = all * 3 + plane[p][b];
  }
  out[i] = all;
}

// start [n_ranges][n + 1], target: local indices in the range; out [trials][n_ranges][BLOCK].
__global__ void __launch_bounds__(BLOCK, 1) ranged(const uint64_t *spikes, int n_words, const uint32_t *start,
                                                   const uint32_t *target, int64_t n, int range, uint32_t *out) {
  extern __shared__ uint32_t count[];
  for (int k = threadIdx.x; k < (range + 1) / 2; k += BLOCK) count[k] = 0;
  __syncthreads();
  const uint64_t *own = spikes + (int64_t)blockIdx.y * n_words;
  const uint32_t *first = start + blockIdx.x * (n + 1);
  for (int w = threadIdx.x; w < n_words; w += BLOCK) {
    for (uint64_t word = own[w]; word; word &= word - 1) {
      const int64_t source = 64 * (int64_t)w + __ffsll((long long)word) - 1;
      const uint32_t end = first[source + 1];
      for (uint32_t k = first[source]; k < end; k++) atomicAdd(&count[target[k] / 2], 1u << 16 * (target[k] % 2));
    }
  }
  __syncthreads();
  uint32_t sum = 0;
  for (int k = threadIdx.x; k < (range + 1) / 2; k += BLOCK) sum += count[k];
  out[(blockIdx.y * gridDim.x + blockIdx.x) * BLOCK + threadIdx.x] = sum;
}

__global__ void make_starts(uint32_t *start, int64_t n, int n_ranges, int in_degree) {
  for (int64_t k = (int64_t)blockIdx.x * blockDim.x + threadIdx.x; k < n_ranges * (n + 1);
       k += (int64_t)gridDim.x * blockDim.x) {
    const int64_t range = k / (n + 1), s = k % (n + 1), before = range * n + s;
    start[k] = (uint32_t)(before * in_degree / n_ranges);  // lists of in_degree / n_ranges targets, rounded up or down
  }
}

template <typename launcher>
static float microseconds(launcher launch) {
  cudaEvent_t begin, end;
  float ms = 0.0f;
  CHECK(cudaEventCreate(&begin));
  CHECK(cudaEventCreate(&end));
  launch();
  CHECK(cudaEventRecord(begin));
  for (int k = 0; k < REPEATS; k++) launch();
  CHECK(cudaEventRecord(end));
  CHECK(cudaEventSynchronize(end));
  CHECK(cudaEventElapsedTime(&ms, begin, end));
  CHECK(cudaGetLastError());
  return 1e3f * ms / REPEATS;
}

template <typename type>
static type *device_array(int64_t n) {
  type *pointer;
  CHECK(cudaMalloc(&pointer, n * sizeof *pointer));
  CHECK(cudaMemset(pointer, 0, n * sizeof *pointer));
  return pointer;
}

int main(int argc, char **argv) {
  const int64_t n = (argc > 1 ? (int64_t)atof(argv[1]) : 1000000) / 64 * 64;
  const int in_degree = argc > 2 ? atoi(argv[2]) : 50, n_words = (int)(n / 64), trials = 64;
  const double rate = argc > 3 ? atof(argv[3]) : 0.0165;
  cudaDeviceProp device;
  CHECK(cudaGetDeviceProperties(&device, 0));
  printf("%s, %lld neurons, in-degree %d, %.4f spikes per neuron and step; microseconds per step of 64 trials\n",
         device.name, (long long)n, in_degree, rate);

  uint64_t *spikes = device_array<uint64_t>(trials * (int64_t)n_words);
  uint32_t *target = device_array<uint32_t>(n * in_degree);
  draw_spikes<<<1024, THREADS>>>(spikes, trials * (int64_t)n_words, (uint32_t)(rate * 4294967296.0));
  fill<<<1024, THREADS>>>(target, n * in_degree, (uint32_t)n, 0);
  int32_t *current = device_array<int32_t>(trials * n);
  // Trials in a launch: their currents stay in the level 2 cache, or do not.
  for (int together = 8; together <= trials; together *= 8) {
    const dim3 grid((unsigned)((n_words * LANES + THREADS - 1) / THREADS), (unsigned)together);
    const float us = microseconds([&] {
      for (int b = 0; b < trials; b += together) {
        push<<<grid, THREADS>>>(spikes + b * (int64_t)n_words, n_words, target, in_degree, n, current + b * n);
      }
    });
    printf("push, %2d trials a launch   %9.1f   %.1f G additions/s\n", together, us,
           1e-3 * trials * n * rate * in_degree / us);
  }
  CHECK(cudaFree(current));

  uint64_t *words = device_array<uint64_t>(2 * n), *out = device_array<uint64_t>(n);
  draw_spikes<<<1024, THREADS>>>(words, 2 * n, (uint32_t)(rate * 4294967296.0));
  const unsigned blocks = (unsigned)((n + THREADS - 1) / THREADS);
  const float one = microseconds([&] { pull<1><<<blocks, THREADS>>>(words, target, in_degree, n, out); });
  const float two = microseconds([&] { pull<2><<<blocks, THREADS>>>(words, target, in_degree, n, out); });
  printf("pull, 64 trials a word     %9.1f   %.1f G words/s\n", one, 1e-3 * n * in_degree / one);
  printf("pull, 128 trials           %9.1f   of %.1f for all 128\n", two / 2, two);
  CHECK(cudaFree(words));
  CHECK(cudaFree(out));

  int shared = 0;
  CHECK(cudaDeviceGetAttribute(&shared, cudaDevAttrMaxSharedMemoryPerBlockOptin, 0));
  CHECK(cudaFuncSetAttribute(ranged, cudaFuncAttributeMaxDynamicSharedMemorySize, shared));
  for (int divide = 1; divide <= 4; divide *= 2) {
    const int most = shared / 2 / divide, n_ranges = (int)((n + most - 1) / most),
              range = (int)((n + n_ranges - 1) / n_ranges);
    uint32_t *start = device_array<uint32_t>(n_ranges * (n + 1)),
             *sum = device_array<uint32_t>((int64_t)trials * n_ranges * BLOCK);
    make_starts<<<1024, THREADS>>>(start, n, n_ranges, in_degree);
    fill<<<1024, THREADS>>>(target, n * in_degree, (uint32_t)range, 0);
    const float us = microseconds([&] {
      ranged<<<dim3((unsigned)n_ranges, trials), BLOCK, (size_t)(range + 1) / 2 * 4>>>(spikes, n_words, start, target,
                                                                                       n, range, sum);
    });
    printf("ranged, %3d ranges         %9.1f   %.1f G additions/s\n", n_ranges, us,
           1e-3 * trials * n * rate * in_degree / us);
    CHECK(cudaFree(start));
    CHECK(cudaFree(sum));
  }
  return 0;
}
