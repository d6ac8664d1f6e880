// The CUDA backend: devices, memory, streams, recordings, and its tables of operations.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kernels/cuda/cuda_launch.h"

// "device 3 of node7", for messages.
static const char *device_name(void) {
  static char name[160];
  char host[128] = "";
  int device = -1;
  gethostname(host, sizeof host - 1);
  cudaGetDevice(&device);
  snprintf(name, sizeof name, "device %d of %s", device, host);
  return name;
}

extern "C" psac_status psac_cuda_failure(cudaError_t code, const char *call, const char *file, int line) {
  const char *base = strrchr(file, '/');
  cudaGetLastError();  // clears the error unless it is sticky
  return psac_fail(PSAC_ERR_DEVICE, "%s: %.*s failed at %s:%d: %s", device_name(), (int)strcspn(call, "("), call,
                   base ? base + 1 : file, line, cudaGetErrorString(code));
}

static int cuda_device_count(const char **reason) {
  int n = 0, driver = 0;
  const cudaError_t code = cudaGetDeviceCount(&n);
  const int has_driver = cudaDriverGetVersion(&driver) == cudaSuccess && driver > 0;
  *reason = !has_driver           ? "no GPU driver is installed"
            : code == cudaSuccess ? "no GPU is visible"
                                  : cudaGetErrorString(code);
  cudaGetLastError();
  return code == cudaSuccess ? n : 0;
}

static psac_status cuda_device_open(int index, psac_device *device) {
  cudaDeviceProp properties;
  memset(device, 0, sizeof *device);
  PSAC_CUDA(cudaSetDevice(index));
  PSAC_CUDA(cudaGetDeviceProperties(&properties, index));
  snprintf(device->name, sizeof device->name, "%.90s", properties.name);
  for (int k = 0; k < 16; k++) snprintf(device->id + 2 * k, 3, "%02x", (unsigned char)properties.uuid.bytes[k]);
  if (properties.major * 10 + properties.minor < 75) {
    return psac_fail(PSAC_ERR_INPUT,
                     "device %d, %s, has compute capability %d.%d; 7.5 or newer is needed; use --backend cpu", index,
                     device->name, properties.major, properties.minor);
  }
  PSAC_CUDA(cudaMemGetInfo(&device->memory_free, &device->memory_total));
  return PSAC_OK;
}

static psac_status out_of_memory(const char *wanted) {
  size_t available = 0, total = 0;
  cudaGetLastError();
  cudaMemGetInfo(&available, &total);
  return psac_fail(PSAC_ERR_MEMORY, "%s is out of memory: %s, but %zu of %zu bytes are free", device_name(), wanted,
                   available, total);
}

static psac_status cuda_alloc(void **pointer, size_t n_bytes, const char *what) {
  *pointer = NULL;
  psac_wait_begin_device("cudaMalloc");
  const cudaError_t code = cudaMalloc(pointer, n_bytes > 0 ? n_bytes : 1);
  psac_wait_end();
  if (code == cudaErrorMemoryAllocation) {
    char wanted[160];
    snprintf(wanted, sizeof wanted, "%zu bytes for %s", n_bytes, what);
    return out_of_memory(wanted);
  }
  PSAC_CUDA(code);
  PSAC_CUDA(cudaMemset(*pointer, 0, n_bytes));
  PSAC_CUDA(cudaDeviceSynchronize());  // our streams are non-blocking: they do not wait for the default stream
  return PSAC_OK;
}

static void cuda_release(void *pointer) {
  psac_wait_begin_device("cudaFree");  // synchronizes the device
  cudaFree(pointer);
  psac_wait_end();
}

static psac_status cuda_stream_create(psac_stream **stream) {
  *stream = (psac_stream *)calloc(1, sizeof **stream);
  if (!*stream) return psac_fail(PSAC_ERR_MEMORY, "out of memory for a stream");
  PSAC_CUDA(cudaStreamCreateWithFlags(&(*stream)->cuda, cudaStreamNonBlocking));
  return PSAC_OK;
}

static void cuda_stream_destroy(psac_stream *stream) {
  if (!stream) return;
  if (stream->cuda) cudaStreamDestroy(stream->cuda);
  free(stream);
}

static psac_status cuda_synchronize(psac_stream *stream) {
  PSAC_CUDA(cudaStreamSynchronize(stream->cuda));
  return PSAC_OK;
}

// Synchronous: `host` is pageable memory, and where a device reads that in place, only synchronization tells when it
// has been read. Uploads occur only between presentations, when there is little to wait for.
static psac_status cuda_upload(psac_stream *stream, void *device, const void *host, size_t n_bytes) {
  if (n_bytes == 0) return PSAC_OK;
  PSAC_CUDA(cudaMemcpyAsync(device, host, n_bytes, cudaMemcpyHostToDevice, stream->cuda));
  PSAC_CUDA(cudaStreamSynchronize(stream->cuda));
  return PSAC_OK;
}

static psac_status cuda_download(psac_stream *stream, void *host, const void *device, size_t n_bytes) {
  if (n_bytes > 0) PSAC_CUDA(cudaMemcpyAsync(host, device, n_bytes, cudaMemcpyDeviceToHost, stream->cuda));
  return PSAC_OK;
}

static psac_status cuda_clear(psac_stream *stream, void *device, size_t n_bytes) {
  if (n_bytes > 0) PSAC_CUDA(cudaMemsetAsync(device, 0, n_bytes, stream->cuda));
  return PSAC_OK;
}

static void *cuda_native_stream(const psac_stream *stream) { return stream->cuda; }

static psac_status staging_alloc(void **host, size_t n_bytes) {
  *host = NULL;
  if (cudaMallocHost(host, n_bytes > 0 ? n_bytes : 1) == cudaSuccess) return PSAC_OK;
  cudaGetLastError();
  return psac_fail(PSAC_ERR_MEMORY, "out of page-locked memory: %zu bytes for messages", n_bytes);
}

static void staging_release(void *host) { cudaFreeHost(host); }

static psac_status staging_to_host(void *stream, void *host, const void *device, size_t n_bytes) {
  if (n_bytes > 0) PSAC_CUDA(cudaMemcpyAsync(host, device, n_bytes, cudaMemcpyDeviceToHost, (cudaStream_t)stream));
  return PSAC_OK;
}

static psac_status staging_to_device(void *stream, void *device, const void *host, size_t n_bytes) {
  if (n_bytes > 0) PSAC_CUDA(cudaMemcpyAsync(device, host, n_bytes, cudaMemcpyHostToDevice, (cudaStream_t)stream));
  return PSAC_OK;
}

static psac_status staging_wait(void *stream) {
  PSAC_CUDA(cudaStreamSynchronize((cudaStream_t)stream));
  return PSAC_OK;
}

static const psac_staging *cuda_staging(void) {
  static const psac_staging staging = {staging_alloc, staging_release, staging_to_host, staging_to_device,
                                       staging_wait};
  return &staging;
}

struct psac_recording {
  cudaGraphExec_t graph;
};

static void cuda_recording_destroy(psac_recording *recording) {
  if (!recording) return;
  if (recording->graph) cudaGraphExecDestroy(recording->graph);
  free(recording);
}

static psac_status cuda_record_begin(psac_stream *stream) {
  PSAC_CUDA(cudaStreamBeginCapture(stream->cuda, cudaStreamCaptureModeThreadLocal));
  return PSAC_OK;
}

// cudaGraphUpload allocates the graph's device memory, so that a shortage is reported here.
static psac_status make_executable(psac_stream *stream, cudaGraph_t graph, cudaGraphExec_t *executable) {
  psac_wait_begin_device("cudaGraphInstantiate");
  cudaError_t code = cudaGraphInstantiateWithFlags(executable, graph, 0);
  if (code == cudaSuccess) code = cudaGraphUpload(*executable, stream->cuda);
  psac_wait_end();
  if (code == cudaErrorMemoryAllocation) return out_of_memory("a recording of all steps (simulation.cuda_graph)");
  PSAC_CUDA(code);
  return PSAC_OK;
}

static psac_status cuda_record_end(psac_stream *stream, psac_recording **recording) {
  *recording = NULL;
  cudaGraph_t graph;
  PSAC_CUDA(cudaStreamEndCapture(stream->cuda, &graph));
  psac_recording *made = (psac_recording *)calloc(1, sizeof *made);
  const psac_status status =
      made ? make_executable(stream, graph, &made->graph) : psac_fail(PSAC_ERR_MEMORY, "out of memory for a recording");
  cudaGraphDestroy(graph);
  if (status == PSAC_OK) *recording = made;
  else cuda_recording_destroy(made);
  return status;
}

static psac_status cuda_replay(psac_stream *stream, psac_recording *recording) {
  PSAC_CUDA(cudaGraphLaunch(recording->graph, stream->cuda));
  return PSAC_OK;
}

// C++17 has no designated initializers, and the order of a struct's members should not matter here.
static psac_device_ops make_device_ops(void) {
  psac_device_ops table = {};
  table.device_count = cuda_device_count;
  table.device_open = cuda_device_open;
  table.alloc = cuda_alloc;
  table.release = cuda_release;
  table.stream_create = cuda_stream_create;
  table.stream_destroy = cuda_stream_destroy;
  table.synchronize = cuda_synchronize;
  table.upload = cuda_upload;
  table.download = cuda_download;
  table.clear = cuda_clear;
  table.native_stream = cuda_native_stream;
  table.staging = cuda_staging;
  table.record_begin = cuda_record_begin;
  table.record_end = cuda_record_end;
  table.replay = cuda_replay;
  table.recording_destroy = cuda_recording_destroy;
  return table;
}

static psac_stage_ops make_stage_ops(void) {
  psac_stage_ops table = {};
  table.build_receptive_fields = psac_cuda_build_receptive_fields;
  table.find_sources = psac_cuda_find_sources;
  table.count_targets = psac_cuda_count_targets;
  table.place_targets = psac_cuda_place_targets;
  table.initialise_weights = psac_cuda_initialise_weights;
  table.encode_retina = psac_cuda_encode_retina;
  table.reset_potentials = psac_cuda_reset_potentials;
  table.prepare_middle = psac_cuda_prepare_middle;
  table.step_middle = psac_cuda_step_middle;
  table.can_present = psac_cuda_can_present;
  table.present_middle = psac_cuda_present_middle;
  table.count_spikes = psac_cuda_count_spikes;
  table.partial_drives = psac_cuda_partial_drives;
  table.reset_readout = psac_cuda_reset_readout;
  table.step_readout = psac_cuda_step_readout;
  table.accumulate_eligibility = psac_cuda_accumulate_eligibility;
  table.apply_learning = psac_cuda_apply_learning;
  table.sum_mean_squares = psac_cuda_sum_mean_squares;
  table.accumulate_statistics = psac_cuda_accumulate_statistics;
  table.project_weights = psac_cuda_project_weights;
  return table;
}

static psac_notebook_ops make_notebook_ops(void) {
  psac_notebook_ops table = {};
  table.sum_words = psac_cuda_sum_words;
  table.judge_step = psac_cuda_judge_step;
  table.hebbian_step = psac_cuda_hebbian_step;
  return table;
}

extern "C" const psac_device_ops psac_cuda_device = make_device_ops();
static const psac_stage_ops stage_ops = make_stage_ops();
static const psac_notebook_ops notebook_ops = make_notebook_ops();

static psac_backend make_backend(void) {
  static char library[32];
  psac_backend backend = {};
  snprintf(library, sizeof library, "CUDA %d.%d", CUDART_VERSION / 1000, CUDART_VERSION / 10 % 100);
  backend.name = "cuda";
  backend.library = library;
  backend.caps = PSAC_CAP_DEVICE | PSAC_CAP_RECORD;
  backend.device = &psac_cuda_device;
  backend.stage = &stage_ops;
  backend.notebook = &notebook_ops;
  return backend;
}

extern "C" const psac_backend psac_backend_cuda = make_backend();
