// CUDA without a GPU: the part of the runtime that psac_dist uses, for sources compiled by a host compiler (see
// tests/emu).
//
// The threads of a block run as fibers of one process, one at a time, so a kernel's indices, its use of barriers and
// warp intrinsics, the order of streams and events, and its results are checked; with the modes below also what only
// goes wrong now and then on a GPU. It says nothing about speed, about races inside real memory, or about NCCL's own
// workings.
//
// Always caught: memory that is released while a graph holds it, a message whose length is captured before it was
// sent, a sum of memory that nothing was written to, an error that is told before its group of calls was ended.
//
// Modes, by environment variable, in any combination:
//   PSAC_EMU_DEVICES=n    GPUs of this machine [8]; CUDA_VISIBLE_DEVICES is respected
//   PSAC_EMU_MEMORY=n     bytes of each [80e9]
//   PSAC_EMU_SHARED=n     bytes of shared memory that a block may have [232448, an H100's]
//   PSAC_EMU_ORDER=seed   blocks and threads in shuffled order, which changes at atomics and barriers: finds missing
//   barriers PSAC_EMU_LAZY=1       streams rest until something waits for them, and read and write ordinary host memory
//   no earlier: finds missing
//                         waits. A collective does not hold up the host while other ranks are late
//   PSAC_EMU_GUARD=1      device memory cannot be touched by host code, nor beyond its end by anyone
//   PSAC_EMU_CHECK=1      collectives must match over ranks, and their results be waited for by the stream that uses
//   them
// and for what happens to machines, at the N-th call of CALL, a kernel or a function, on a rank:
//   PSAC_EMU_FAIL=RANK:CALL:N   it fails; a kernel takes its device with it
//   PSAC_EMU_HANG=RANK:CALL:N   it does not return
//   PSAC_EMU_STICK=RANK:KERNEL:N  a kernel never ends, and the host continues; with lazy streams only
//   PSAC_EMU_TAKE=RANK:N:BYTES  from the N-th cudaMalloc on another program has so much of the device's memory
#ifndef PSAC_EMU_CUDA_RUNTIME_H
#define PSAC_EMU_CUDA_RUNTIME_H

#include <stddef.h>

#define CUDART_VERSION 13000

#ifdef __cplusplus
extern "C" {
#endif

typedef enum cudaError {
  cudaSuccess = 0,
  cudaErrorInvalidValue = 1,
  cudaErrorMemoryAllocation = 2,
  cudaErrorInvalidConfiguration = 9,
  cudaErrorNoDevice = 100,
  cudaErrorInvalidDevice = 101,
  cudaErrorInvalidResourceHandle = 400,
  cudaErrorNotReady = 600,
  cudaErrorLaunchFailure = 719,
  cudaErrorStreamCaptureUnsupported = 900,
  cudaErrorStreamCaptureUnjoined = 904,
  cudaErrorStreamCaptureImplicit = 906,
} cudaError_t;

typedef struct CUstream_st *cudaStream_t;
typedef struct CUevent_st *cudaEvent_t;
typedef struct CUgraph_st *cudaGraph_t;
typedef struct CUgraphExec_st *cudaGraphExec_t;

typedef enum cudaMemcpyKind {
  cudaMemcpyHostToHost = 0,
  cudaMemcpyHostToDevice = 1,
  cudaMemcpyDeviceToHost = 2,
  cudaMemcpyDeviceToDevice = 3,
} cudaMemcpyKind;

typedef enum cudaStreamCaptureMode {
  cudaStreamCaptureModeGlobal = 0,
  cudaStreamCaptureModeThreadLocal = 1,
  cudaStreamCaptureModeRelaxed = 2,
} cudaStreamCaptureMode;

enum { cudaStreamDefault = 0, cudaStreamNonBlocking = 1, cudaEventDefault = 0, cudaEventDisableTiming = 2 };

typedef struct cudaUUID_t {
  char bytes[16];
} cudaUUID_t;

typedef struct cudaDeviceProp {
  char name[256];
  cudaUUID_t uuid;
  size_t totalGlobalMem;
  int major, minor, multiProcessorCount, warpSize;
} cudaDeviceProp;

const char *cudaGetErrorString(cudaError_t code);
const char *cudaGetErrorName(cudaError_t code);
cudaError_t cudaGetLastError(void);
cudaError_t cudaPeekAtLastError(void);

cudaError_t cudaDriverGetVersion(int *version);
cudaError_t cudaGetDeviceCount(int *n);
cudaError_t cudaSetDevice(int device);
cudaError_t cudaGetDevice(int *device);
cudaError_t cudaGetDeviceProperties(cudaDeviceProp *properties, int device);
typedef enum cudaDeviceAttr { cudaDevAttrMaxSharedMemoryPerBlockOptin = 97 } cudaDeviceAttr;
typedef enum cudaFuncAttribute { cudaFuncAttributeMaxDynamicSharedMemorySize = 8 } cudaFuncAttribute;
cudaError_t cudaDeviceGetAttribute(int *value, cudaDeviceAttr attribute, int device);
cudaError_t cudaFuncSetAttribute(const void *kernel, cudaFuncAttribute attribute, int value);
cudaError_t cudaMemGetInfo(size_t *available, size_t *total);
cudaError_t cudaDeviceSynchronize(void);

cudaError_t cudaMalloc(void **pointer, size_t n_bytes);
cudaError_t cudaFree(void *pointer);
cudaError_t cudaMallocHost(void **pointer, size_t n_bytes);
cudaError_t cudaFreeHost(void *pointer);
cudaError_t cudaMemset(void *pointer, int value, size_t n_bytes);
cudaError_t cudaMemsetAsync(void *pointer, int value, size_t n_bytes, cudaStream_t stream);
cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t n_bytes, cudaMemcpyKind kind, cudaStream_t stream);

cudaError_t cudaStreamCreateWithFlags(cudaStream_t *stream, unsigned flags);
cudaError_t cudaStreamDestroy(cudaStream_t stream);
cudaError_t cudaStreamSynchronize(cudaStream_t stream);
cudaError_t cudaStreamQuery(cudaStream_t stream);
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned flags);
cudaError_t cudaEventCreateWithFlags(cudaEvent_t *event, unsigned flags);
cudaError_t cudaEventDestroy(cudaEvent_t event);
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream);
cudaError_t cudaEventSynchronize(cudaEvent_t event);
cudaError_t cudaEventQuery(cudaEvent_t event);

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode mode);
cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t *graph);
cudaError_t cudaGraphInstantiateWithFlags(cudaGraphExec_t *executable, cudaGraph_t graph, unsigned long long flags);
cudaError_t cudaGraphUpload(cudaGraphExec_t executable, cudaStream_t stream);
cudaError_t cudaGraphLaunch(cudaGraphExec_t executable, cudaStream_t stream);
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t executable);
cudaError_t cudaGraphDestroy(cudaGraph_t graph);

#ifdef __cplusplus
}
#include "emu_device.h"
#endif
#endif
