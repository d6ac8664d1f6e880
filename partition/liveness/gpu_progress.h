// Number of collectives that this rank's GPU has reached: all work before a reached collective is complete. A stuck GPU
// has reached fewer collectives than the others (status_poll.c). Internal to partition/; only in builds with NCCL.
//
// Outside a recording, an event is recorded before each collective; the last PSAC_PROGRESS_EVENTS events are kept. A
// replay enqueues its collectives without the host, so the GPU itself sets a byte of page-locked memory before each.
#ifndef PSAC_PARTITION_LIVENESS_GPU_PROGRESS_H
#define PSAC_PARTITION_LIVENESS_GPU_PROGRESS_H

#include <cuda_runtime.h>
#include <stdint.h>

enum { PSAC_PROGRESS_AHEAD = 32, PSAC_PROGRESS_EVENTS = 128 };

typedef struct psac_gpu_progress psac_gpu_progress;

// Without host memory *progress is NULL and the result is cudaErrorMemoryAllocation. After any failure
// psac_gpu_progress_destroy releases what has been created; it accepts NULL in *progress.
cudaError_t psac_gpu_progress_create(psac_gpu_progress **progress);
void psac_gpu_progress_destroy(psac_gpu_progress **progress);

// Call before each collective on `stream`. *before: an event after all earlier work of `stream`, owned by `progress`.
cudaError_t psac_gpu_progress_add(psac_gpu_progress *progress, cudaStream_t stream, cudaEvent_t *before);

// Call after `stream` waits for the collective. Makes `stream` also wait for the marks that add has enqueued on another
// stream during a recording.
cudaError_t psac_gpu_progress_join(psac_gpu_progress *progress, cudaStream_t stream);

// Collectives between record_begin and record_end are recorded, not enqueued; record_end returns their number. Call
// `replay` with this number before each replay, when all earlier work is complete.
void psac_gpu_progress_record_begin(psac_gpu_progress *progress);
int64_t psac_gpu_progress_record_end(psac_gpu_progress *progress);
void psac_gpu_progress_replay(psac_gpu_progress *progress, int64_t n_recorded);

// Call before each add: returns the event that the host must wait for, NULL = none. One event per PSAC_PROGRESS_AHEAD
// collectives bounds how far the host runs ahead of the GPU, to fewer than twice as many: a host that filled the GPU's
// queue would block inside the CUDA runtime.
cudaEvent_t psac_gpu_progress_throttle(const psac_gpu_progress *progress);

// Number of collectives that the GPU has reached, according to the events and marks that are kept.
int64_t psac_gpu_progress_reached(const psac_gpu_progress *progress);

// cudaSuccess if `event`, or without one all work of `stream`, is complete; else cudaErrorNotReady or the error. Clears
// cudaErrorNotReady as the last error, so that the next launch check does not report it.
cudaError_t psac_gpu_query(cudaStream_t stream, cudaEvent_t event);

#endif
