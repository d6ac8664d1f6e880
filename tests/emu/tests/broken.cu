// Programs that are wrong on purpose, each in a way that one mode of the emulation is for, and beside each the same
// done right. Usage: broken CASE right|wrong. What is right prints "fine".
#include <cuda_runtime.h>
#include <mpi.h>
#include <nccl.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

enum { N = 64 };
bool is_wrong;

#define LAUNCH(kernel, grid, block, stream, ...) psac_emu_launch(#kernel, grid, block, 0, stream, kernel, __VA_ARGS__)

void check(bool condition, const char *what) {
  if (condition) return;
  fprintf(stderr, "broken: %s\n", what);
  exit(1);
}

int *device_ints(int n) {
  void *pointer = nullptr;
  check(cudaMalloc(&pointer, sizeof(int) * static_cast<size_t>(n)) == cudaSuccess, "no device memory");
  cudaMemset(pointer, 0, sizeof(int) * static_cast<size_t>(n));
  cudaDeviceSynchronize();
  return static_cast<int *>(pointer);
}

cudaStream_t new_stream() {
  cudaStream_t stream;
  cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking);
  return stream;
}

void download(void *host, const void *device, size_t n_bytes, cudaStream_t stream = nullptr) {
  cudaMemcpyAsync(host, device, n_bytes, cudaMemcpyDeviceToHost, stream);
  cudaStreamSynchronize(stream);
}

// A block turns its values round through shared memory; without the barrier some threads read before others have
// written.
__global__ void reverse(int *value, bool has_barrier) {
  __shared__ int kept[N];
  kept[threadIdx.x] = value[threadIdx.x];
  if (has_barrier) __syncthreads();
  const int other = kept[N - 1 - threadIdx.x];
  if (has_barrier) __syncthreads();
  value[threadIdx.x] = other;
  kept[threadIdx.x] = -1;
}

void barrier() {
  int value[N], back[N];
  int *device = device_ints(N);
  for (int k = 0; k < N; k++) value[k] = k;
  cudaMemcpyAsync(device, value, sizeof value, cudaMemcpyHostToDevice, nullptr);
  LAUNCH(reverse, 1, N, nullptr, device, !is_wrong);
  download(back, device, sizeof back);
  for (int k = 0; k < N; k++) check(back[k] == N - 1 - k, "values were not turned round");
}

// Every block counts on from the one before it, which only a grid of one block at a time can do.
__global__ void count_on(int *value, int first) {
  const int k = first + static_cast<int>(blockIdx.x);
  value[k] = (k > 0 ? value[k - 1] : 0) + 1;
}

void block_order() {
  int last = 0, *device = device_ints(N);
  if (is_wrong) LAUNCH(count_on, N, 1, nullptr, device, 0);
  else
    for (int k = 0; k < N; k++) LAUNCH(count_on, 1, 1, nullptr, device, k);
  download(&last, device + N - 1, sizeof last);
  check(last == N, "blocks did not follow each other");
}

__global__ void count_up(int *value, int n) {
  const int k = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (k < n) value[k]++;
}

void bounds() {
  int *device = device_ints(N - 4);
  LAUNCH(count_up, 1, N, nullptr, device, is_wrong ? N : N - 4);
  cudaDeviceSynchronize();
}

void host_touch() {
  int *device = device_ints(N);
  int back = 0;
  if (is_wrong) back = device[3];
  else download(&back, device + 3, sizeof back);
  check(back == 0, "device memory was not cleared");
}

// The result of a kernel is fetched into page-locked memory, and looked at before the stream is done.
void wait() {
  cudaStream_t stream = new_stream();
  int *device = device_ints(1);
  void *locked;
  cudaMallocHost(&locked, sizeof(int));
  *static_cast<int *>(locked) = -1;
  LAUNCH(count_up, 1, 1, stream, device, 1);
  cudaMemcpyAsync(locked, device, sizeof(int), cudaMemcpyDeviceToHost, stream);
  if (!is_wrong) cudaStreamSynchronize(stream);
  check(*static_cast<int *>(locked) == 1, "the result was not there yet");
}

// Ordinary memory is changed before the copy that reads it is known to be done.
void early_change() {
  int value = 1, back = 0, *device = device_ints(1);
  cudaMemcpyAsync(device, &value, sizeof value, cudaMemcpyHostToDevice, nullptr);
  if (!is_wrong) cudaStreamSynchronize(nullptr);
  value = 2;
  download(&back, device, sizeof back);
  check(back == 1, "the value was changed before it was copied");
}

__global__ void meet_some(bool all) {
  if (all || threadIdx.x < N / 2) __syncthreads();
}

void divergent_barrier() {
  LAUNCH(meet_some, 1, N, nullptr, !is_wrong);
  cudaDeviceSynchronize();
}

__global__ void vote(int *votes, unsigned mask) {
  const unsigned all = __ballot_sync(mask, threadIdx.x % 2);
  if (threadIdx.x == 0) *votes = static_cast<int>(all);
}

void mask() {
  int *device = device_ints(1), votes = 0;
  LAUNCH(vote, 1, 32, nullptr, device, is_wrong ? 0x0fffffffu : 0xffffffffu);
  download(&votes, device, sizeof votes);
  check(static_cast<unsigned>(votes) == 0xaaaaaaaau, "wrong votes");
}

__global__ void vote_of_some(bool all) {
  if (all || threadIdx.x % 2) __ballot_sync(0xffffffffu, 1);
}

void missing_lanes() {
  LAUNCH(vote_of_some, 1, 32, nullptr, !is_wrong);
  cudaDeviceSynchronize();
}

__global__ void shift(int *value, int by) { *value = 1 << by; }

void undefined_shift() {
  LAUNCH(shift, 1, 1, nullptr, device_ints(1), is_wrong ? 32 : 30);
  cudaDeviceSynchronize();
}

void unjoined_capture() {
  cudaStream_t stream = new_stream(), side = new_stream();
  cudaEvent_t fork, join;
  cudaEventCreateWithFlags(&fork, cudaEventDisableTiming);
  cudaEventCreateWithFlags(&join, cudaEventDisableTiming);
  int *device = device_ints(1), back = 0;
  cudaGraph_t graph;
  cudaGraphExec_t executable;
  cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal);
  cudaEventRecord(fork, stream);
  cudaStreamWaitEvent(side, fork, 0);
  LAUNCH(count_up, 1, 1, side, device, 1);
  cudaEventRecord(join, side);
  if (!is_wrong) cudaStreamWaitEvent(stream, join, 0);
  check(cudaStreamEndCapture(stream, &graph) == cudaSuccess, "a captured stream was not joined");
  cudaGraphInstantiateWithFlags(&executable, graph, 0);
  for (int k = 0; k < 3; k++) cudaGraphLaunch(executable, stream);
  cudaStreamSynchronize(stream);
  download(&back, device, sizeof back, stream);
  check(back == 3, "a graph did not run three times");
}

// A communicator of one rank.
ncclComm_t open_alone() {
  ncclComm_t comm;
  ncclUniqueId id;
  ncclGetUniqueId(&id);
  check(ncclCommInitRank(&comm, 1, id, 0) == ncclSuccess, "no communicator");
  return comm;
}

// A graph keeps addresses, and NCCL what it has registered for them, as long as it lives.
void held_memory() {
  cudaStream_t stream = new_stream();
  ncclComm_t comm = open_alone();
  int *device = device_ints(N);
  cudaGraph_t graph;
  cudaGraphExec_t executable;
  ncclAllGather(device, device, N, ncclInt32, comm, stream);
  cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal);
  ncclAllGather(device, device, N, ncclInt32, comm, stream);
  cudaStreamEndCapture(stream, &graph);
  cudaGraphInstantiateWithFlags(&executable, graph, 0);
  if (!is_wrong) cudaGraphExecDestroy(executable);
  cudaFree(device);
}

// A message of another length, which NCCL has not connected for, within a capture.
void cold_capture() {
  cudaStream_t stream = new_stream();
  ncclComm_t comm = open_alone();
  int *device = device_ints(N);
  cudaGraph_t graph;
  ncclAllGather(device, device, is_wrong ? N / 2 : N, ncclInt32, comm, stream);
  cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal);
  ncclAllGather(device, device, N, ncclInt32, comm, stream);
  cudaStreamEndCapture(stream, &graph);
}

struct world {
  int rank, n_ranks;
  ncclComm_t comm;
};

world connect() {
  world all;
  MPI_Comm_rank(MPI_COMM_WORLD, &all.rank);
  MPI_Comm_size(MPI_COMM_WORLD, &all.n_ranks);
  ncclUniqueId id;
  cudaSetDevice(all.rank);
  ncclGetUniqueId(&id);
  MPI_Bcast(&id, sizeof id, MPI_BYTE, 0, MPI_COMM_WORLD);
  check(ncclCommInitRank(&all.comm, all.n_ranks, id, all.rank) == ncclSuccess, "no communicator");
  return all;
}

void collective_count() {
  const world all = connect();
  int *device = device_ints(N);
  ncclBroadcast(device, device, is_wrong && all.rank == 1 ? N - 1 : N, ncclInt32, 0, all.comm, nullptr);
  cudaDeviceSynchronize();
}

// The same number of bytes, but of other elements.
void collective_type() {
  const world all = connect();
  int *device = device_ints(N);
  ncclBroadcast(device, device, N, is_wrong && all.rank == 1 ? ncclUint32 : ncclInt32, 0, all.comm, nullptr);
  cudaDeviceSynchronize();
}

void collective_order() {
  const world all = connect();
  int *device = device_ints(N * all.n_ranks);
  for (int k = 0; k < 2; k++) {
    if ((k + (is_wrong ? all.rank : 0)) % 2 == 0) ncclBroadcast(device, device, N, ncclInt32, 0, all.comm, nullptr);
    else ncclReduce(device, device, N, ncclInt32, ncclSum, 0, all.comm, nullptr);
  }
  cudaDeviceSynchronize();
}

// The result of a collective on one stream is used on another that has not waited for it.
void collective_stream() {
  const world all = connect();
  cudaStream_t exchange = new_stream(), compute = new_stream();
  cudaEvent_t gathered;
  cudaEventCreateWithFlags(&gathered, cudaEventDisableTiming);
  int *device = device_ints(N * all.n_ranks);
  ncclAllGather(device + N * all.rank, device, N, ncclInt32, all.comm, exchange);
  cudaEventRecord(gathered, exchange);
  if (!is_wrong) cudaStreamWaitEvent(compute, gathered, 0);
  LAUNCH(count_up, 1, N, compute, device, N);
  cudaStreamSynchronize(compute);
}

void sum_of_nothing() {
  const world all = connect();
  void *device = nullptr;
  cudaMalloc(&device, sizeof(int) * N);
  if (!is_wrong) cudaMemset(device, 0, sizeof(int) * N);
  cudaDeviceSynchronize();
  ncclReduce(device, device, N, ncclInt32, ncclSum, 0, all.comm, nullptr);
  cudaDeviceSynchronize();
}

// The rank asks what an error means while its group of calls is open.
void open_group() {
  const world all = connect();
  int *device = device_ints(N);
  ncclGroupStart();
  const ncclResult_t code =
      ncclBroadcast(device, device, N, ncclInt32, all.n_ranks, all.comm, nullptr);  // there is no such root
  if (!is_wrong) ncclGroupEnd();
  check(strcmp(ncclGetErrorString(code), "invalid argument") == 0, "another error");
}

// A launch is checked by the last error, which a query before it has left behind.
void stale_error() {
  cudaStream_t stream = new_stream();
  cudaEvent_t come;
  cudaEventCreateWithFlags(&come, cudaEventDisableTiming);
  int *device = device_ints(1);
  LAUNCH(count_up, 1, 1, stream, device, 1);
  cudaEventRecord(come, stream);
  if (cudaEventQuery(come) == cudaErrorNotReady && !is_wrong) cudaGetLastError();
  LAUNCH(count_up, 1, 1, stream, device, 1);
  check(cudaGetLastError() == cudaSuccess, "the launch seems to have failed");
}

const struct {
  const char *name;
  void (*run)();
} cases[] = {
    {"barrier", barrier},
    {"block_order", block_order},
    {"bounds", bounds},
    {"host_touch", host_touch},
    {"wait", wait},
    {"early_change", early_change},
    {"divergent_barrier", divergent_barrier},
    {"mask", mask},
    {"missing_lanes", missing_lanes},
    {"undefined_shift", undefined_shift},
    {"unjoined_capture", unjoined_capture},
    {"held_memory", held_memory},
    {"cold_capture", cold_capture},
    {"sum_of_nothing", sum_of_nothing},
    {"open_group", open_group},
    {"stale_error", stale_error},
    {"collective_count", collective_count},
    {"collective_type", collective_type},
    {"collective_order", collective_order},
    {"collective_stream", collective_stream},
};

}  // namespace

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  is_wrong = strcmp(argv[2], "wrong") == 0;
  MPI_Init(&argc, &argv);
  for (const auto &each : cases) {
    if (strcmp(each.name, argv[1]) != 0) continue;
    each.run();
    printf("fine\n");
    MPI_Finalize();
    return 0;
  }
  fprintf(stderr, "broken: no case %s\n", argv[1]);
  return 2;
}
