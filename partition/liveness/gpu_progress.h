// How many collectives the GPU of this rank has reached: all work before them is done. A GPU that is stuck is the one
// that has reached fewer than the others (status_poll.c). Internal to partition/; builds with NCCL.
//
// Outside of recordings an event before each collective tells; of these the last PSAC_PROGRESS_EVENTS are kept. A
// replay enqueues its collectives without the host, so the GPU itself sets a byte of page-locked memory before each.
#ifndef PSAC_PARTITION_LIVENESS_GPU_PROGRESS_H
#define PSAC_PARTITION_LIVENESS_GPU_PROGRESS_H

#include <cuda_runtime.h>
#include <stdint.h>

enum { PSAC_PROGRESS_AHEAD = 32, PSAC_PROGRESS_EVENTS = 128 };

typedef struct psac_gpu_progress psac_gpu_progress;

// NULL in *progress and cudaErrorMemoryAllocation without host memory; destroy releases what a failure leaves behind.
cudaError_t psac_gpu_progress_create(psac_gpu_progress **progress);
void psac_gpu_progress_destroy(psac_gpu_progress **progress);

// Before each collective on `stream`. *before: an event after all earlier work of `stream`.
cudaError_t psac_gpu_progress_add(psac_gpu_progress *progress, cudaStream_t stream, cudaEvent_t *before);

// After the collective has completed on `stream`: joins what a recorded add has enqueued beside it.
cudaError_t psac_gpu_progress_join(psac_gpu_progress *progress, cudaStream_t stream);

// Collectives between begin and end are recorded, not enqueued; end returns their number. `replay` before each replay,
// when all earlier work is done.
void psac_gpu_progress_record_begin(psac_gpu_progress *progress);
int64_t psac_gpu_progress_record_end(psac_gpu_progress *progress);
void psac_gpu_progress_replay(psac_gpu_progress *progress, int64_t n_recorded);

// Before each add: the event that the host waits for, NULL = none. Every PSAC_PROGRESS_AHEAD collectives, so that fewer
// than twice as many are in flight: a host that filled the GPU's queue would block inside the CUDA runtime.
cudaEvent_t psac_gpu_progress_throttle(const psac_gpu_progress *progress);

// Collectives that the GPU has reached, as far as events are kept.
int64_t psac_gpu_progress_reached(const psac_gpu_progress *progress);

// Whether `event`, or without one all work of `stream`, is done; cudaErrorNotReady does not stay behind as the last
// error, where the next launch would find it.
cudaError_t psac_gpu_query(cudaStream_t stream, cudaEvent_t event);

#endif
