#include "partition/liveness/gpu_progress.h"

#include <stdlib.h>
#include <string.h>

enum { MARKS = 1 << 16 };  // collectives of a recording that have a mark

struct psac_gpu_progress {
  int64_t n;                                // collectives enqueued, those of replays included
  cudaEvent_t event[PSAC_PROGRESS_EVENTS];  // that of collective k is at k % PSAC_PROGRESS_EVENTS
  int64_t number[PSAC_PROGRESS_EVENTS];     // collective of this event; 0 = none
  int is_recording;
  int64_t n_recorded;             // collectives of the current recording
  int64_t n_before_replay;        // collectives enqueued before the last replay
  volatile unsigned char *marks;  // [MARKS] page-locked; 1 = the last replay has reached that collective
  unsigned char *one;             // [1] on the device, its value is 1
  cudaStream_t marking;           // a separate stream, so that no work waits for marks
  cudaEvent_t before, marked;     // of the current collective of a recording
};

#define TRY(call)                           \
  do {                                      \
    const cudaError_t code_ = (call);       \
    if (code_ != cudaSuccess) return code_; \
  } while (0)

cudaError_t psac_gpu_progress_create(psac_gpu_progress **progress) {
  psac_gpu_progress *made = *progress = calloc(1, sizeof *made);
  void *marks;
  if (!made) return cudaErrorMemoryAllocation;
  TRY(cudaMalloc((void **)&made->one, 1));
  TRY(cudaMemset(made->one, 1, 1));
  TRY(cudaMallocHost(&marks, MARKS));
  made->marks = memset(marks, 0, MARKS);
  TRY(cudaStreamCreateWithFlags(&made->marking, cudaStreamNonBlocking));
  TRY(cudaEventCreateWithFlags(&made->before, cudaEventDisableTiming));
  TRY(cudaEventCreateWithFlags(&made->marked, cudaEventDisableTiming));
  for (int k = 0; k < PSAC_PROGRESS_EVENTS; k++) {
    TRY(cudaEventCreateWithFlags(&made->event[k], cudaEventDisableTiming));
  }
  return cudaSuccess;
}

void psac_gpu_progress_destroy(psac_gpu_progress **progress) {
  psac_gpu_progress *old = *progress;
  *progress = NULL;
  if (!old) return;
  for (int k = 0; k < PSAC_PROGRESS_EVENTS; k++) {
    if (old->event[k]) cudaEventDestroy(old->event[k]);
  }
  if (old->before) cudaEventDestroy(old->before);
  if (old->marked) cudaEventDestroy(old->marked);
  if (old->marking) cudaStreamDestroy(old->marking);
  cudaFreeHost((void *)old->marks);
  cudaFree(old->one);
  free(old);
}

static cudaError_t record_mark(psac_gpu_progress *progress, cudaStream_t stream) {
  const int64_t k = progress->n_recorded++;
  TRY(cudaEventRecord(progress->before, stream));
  if (k >= MARKS) return cudaSuccess;
  TRY(cudaStreamWaitEvent(progress->marking, progress->before, 0));
  TRY(cudaMemcpyAsync((void *)&progress->marks[k], progress->one, 1, cudaMemcpyDeviceToHost, progress->marking));
  return cudaEventRecord(progress->marked, progress->marking);
}

cudaError_t psac_gpu_progress_add(psac_gpu_progress *progress, cudaStream_t stream, cudaEvent_t *before) {
  if (progress->is_recording) {
    *before = progress->before;
    return record_mark(progress, stream);
  }
  const int64_t place = ++progress->n % PSAC_PROGRESS_EVENTS;
  *before = progress->event[place];
  TRY(cudaEventRecord(*before, stream));
  progress->number[place] = progress->n;
  return cudaSuccess;
}

cudaError_t psac_gpu_progress_join(psac_gpu_progress *progress, cudaStream_t stream) {
  if (!progress->is_recording || progress->n_recorded > MARKS) return cudaSuccess;
  return cudaStreamWaitEvent(stream, progress->marked, 0);
}

void psac_gpu_progress_record_begin(psac_gpu_progress *progress) {
  progress->is_recording = 1;
  progress->n_recorded = 0;
}

int64_t psac_gpu_progress_record_end(psac_gpu_progress *progress) {
  progress->is_recording = 0;
  return progress->n_recorded;
}

void psac_gpu_progress_replay(psac_gpu_progress *progress, int64_t n_recorded) {
  memset((void *)progress->marks, 0, MARKS);
  progress->n_before_replay = progress->n;
  progress->n += n_recorded;
}

static cudaEvent_t event_before(const psac_gpu_progress *progress, int64_t number) {
  const int64_t place = number % PSAC_PROGRESS_EVENTS;
  return number > 0 && progress->number[place] == number ? progress->event[place] : NULL;
}

cudaEvent_t psac_gpu_progress_throttle(const psac_gpu_progress *progress) {
  const int64_t next = progress->n + 1;
  if (progress->is_recording || next % PSAC_PROGRESS_AHEAD != 0) return NULL;
  return event_before(progress, next - PSAC_PROGRESS_AHEAD);
}

cudaError_t psac_gpu_query(cudaStream_t stream, cudaEvent_t event) {
  const cudaError_t code = event ? cudaEventQuery(event) : cudaStreamQuery(stream);
  if (code == cudaErrorNotReady) cudaGetLastError();
  return code;
}

// The last collective up to `last` whose event has completed; 0 if none is kept.
static int64_t last_completed(const psac_gpu_progress *progress, int64_t last) {
  for (int64_t number = last; number > 0 && number > last - PSAC_PROGRESS_EVENTS; number--) {
    const cudaEvent_t event = event_before(progress, number);
    if (event && psac_gpu_query(NULL, event) == cudaSuccess) return number;
  }
  return 0;
}

int64_t psac_gpu_progress_reached(const psac_gpu_progress *progress) {
  int64_t n_marked = 0;
  while (n_marked < MARKS && progress->marks[n_marked]) n_marked++;
  const int64_t enqueued = last_completed(progress, progress->n);
  const int64_t replayed =
      n_marked > 0 ? progress->n_before_replay + n_marked : last_completed(progress, progress->n_before_replay);
  return enqueued > replayed ? enqueued : replayed;
}
