// The contract between what is computed (src/model) and how (kernels/cpu, kernels/cuda).
//
// A backend is two tables: operations of a device (memory, streams), and the stages of the simulation, each of which is
// enqueued on a stream and returns without waiting. Stages see pointers, counts and a stream; never ranks, files or
// configuration. All array pointers are the backend's own memory (`alloc`); on the CPU backend they are ordinary
// pointers and every call completes before it returns.
//
// Whatever is summed over neurons, trials or ranks is an integer, so no order of execution can change a bit.
#ifndef PSAC_KERNELS_BACKEND_H
#define PSAC_KERNELS_BACKEND_H

#include <stddef.h>
#include <stdint.h>

#include "base/rng.h"
#include "base/staging.h"
#include "base/status.h"
#include "kernels/shard.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct psac_stream psac_stream;        // the backend's own; NULL on the CPU backend
typedef struct psac_recording psac_recording;  // work that can be enqueued again at once; the backend's own

// What a rank computes on, for messages and to tell whether two ranks share it.
typedef struct psac_device {
  char name[96];
  char id[48];  // the same for all processes of a node that use this device, different for two devices
  size_t memory_total, memory_free;  // bytes, at the time of opening
} psac_device;

// What a backend can do, as a mask.
enum {
  PSAC_CAP_DEVICE = 1 << 0,  // it has memory and streams of its own: the host waits for it, MPI stages through the host
  PSAC_CAP_RECORD = 1 << 1,  // record_begin to recording_destroy
};

typedef struct psac_device_ops {
  // Devices this process may use, and binding it to one of them before anything else is done. device_count gives 0 and
  // a reason (static text, or "") where there is none.
  int (*device_count)(const char **reason);
  psac_status (*device_open)(int index, psac_device *device);

  // Memory and streams. alloc gives zeroed memory and names `what` when there is not enough; release accepts NULL.
  // upload may be called with memory that changes afterwards; what download fills is there after synchronize.
  psac_status (*alloc)(void **pointer, size_t n_bytes, const char *what);
  void (*release)(void *pointer);
  psac_status (*stream_create)(psac_stream **stream);
  void (*stream_destroy)(psac_stream *stream);
  psac_status (*synchronize)(psac_stream *stream);
  psac_status (*upload)(psac_stream *stream, void *device, const void *host, size_t n_bytes);
  psac_status (*download)(psac_stream *stream, void *host, const void *device, size_t n_bytes);
  psac_status (*clear)(psac_stream *stream, void *device, size_t n_bytes);
  // For transports: the device library's own handle of a stream (NULL on the CPU), and the way to the device's memory
  // (NULL where it is the host's).
  void *(*native_stream)(const psac_stream *stream);
  const psac_staging *(*staging)(void);

  // What is enqueued between begin and end is kept for replay instead of being done. Nothing may be waited for,
  // allocated or copied from host memory in between. end ends also after a failure. recording_destroy accepts NULL.
  // Optional (all NULL), with PSAC_CAP_RECORD. Fallback: the same work is enqueued again.
  psac_status (*record_begin)(psac_stream *stream);
  psac_status (*record_end)(psac_stream *stream, psac_recording **recording);
  psac_status (*replay)(psac_stream *stream, psac_recording *recording);
  void (*recording_destroy)(psac_recording *recording);
} psac_device_ops;

typedef struct psac_stage_ops {
  // Building a shard, once. The arrays have been allocated (arrays.h).
  psac_status (*build_receptive_fields)(psac_stream *stream, psac_shard *shard, psac_rng_key key, float norm);
  // Recurrence, in three parts, as the sizes of its arrays are only known on the way: source_mask, source_first,
  // n_sources, n_exc_sources; then target_first with the number of targets, and n_targets; then target.
  psac_status (*find_sources)(psac_stream *stream, psac_shard *shard, psac_rng_key key);
  psac_status (*count_targets)(psac_stream *stream, psac_shard *shard, psac_rng_key key);
  psac_status (*place_targets)(psac_stream *stream, psac_shard *shard, psac_rng_key key);
  psac_status (*initialise_weights)(psac_stream *stream, psac_shard *shard, psac_rng_key key, float density, float mean,
                                    float sd);

  // One presentation of n_trials concurrent trials.
  // Spike trains of trials [first, first + n) of the presentation; trials [n].
  psac_status (*encode_retina)(psac_stream *stream, const psac_shard *shard, psac_rng_key key, int first, int n,
                               const psac_retina_trial *trials);
  psac_status (*reset_potentials)(psac_stream *stream, const psac_shard *shard, int n_trials);
  // Step t in two parts: prepare_middle is what needs no spikes of other ranks, step_middle the rest. `arriving`
  // [n_ranks][n_trials] [n_words] with ranks rank_stride words apart: the gathered spikes of step t - delay, NULL if
  // there are none yet.
  psac_status (*prepare_middle)(psac_stream *stream, const psac_shard *shard, int n_trials, int t);
  psac_status (*step_middle)(psac_stream *stream, const psac_shard *shard, int n_trials, int t,
                             const uint64_t *arriving, size_t rank_stride);
  // reset_potentials and all steps of a presentation in one launch, for a shard that is the whole layer: the potentials
  // and spikes of step_middle. delay: of recurrent spikes, in steps. shard->current is not touched. Optional (both
  // NULL). Fallback, also where can_present gives 0 as the shard does not fit: prepare_middle and step_middle for every
  // step. psac_backend_presents decides.
  int (*can_present)(const psac_shard *shard);
  psac_status (*present_middle)(psac_stream *stream, const psac_shard *shard, int n_trials, int delay);
  // counts [2] += spikes of this rank's excitatory and inhibitory neurons in the presentation.
  psac_status (*count_spikes)(psac_stream *stream, const psac_shard *shard, int n_trials, int64_t *counts);
  // drives [n_steps][n][columns.n] = this rank's partial drives of steps [t, t + n_steps) of trials [first, first + n).
  psac_status (*partial_drives)(psac_stream *stream, const psac_shard *shard, int n_trials, int first, int n, int t,
                                int n_steps, int64_t *drives);
  psac_status (*reset_readout)(psac_stream *stream, const psac_readout *readout, int n_trials);
  // Output and critic neurons in steps [t, t + n_steps), whose drives lie in readout->drives.
  psac_status (*step_readout)(psac_stream *stream, const psac_shard *shard, const psac_readout *readout, int n_trials,
                              int t, int n_steps);

  // Learning in model psac. `output_spikes` [n_steps][n_trials] and `factors` [n_trials] as broadcast by rank 0;
  // adds this presentation to shard->eligibility.
  psac_status (*accumulate_eligibility)(psac_stream *stream, const psac_shard *shard, int n_trials, float trace_decay,
                                        const uint64_t *output_spikes, const psac_third_factor *factors);
  // Changes weights and running means, clears the eligibility.
  psac_status (*apply_learning)(psac_stream *stream, const psac_shard *shard, const psac_batch_factor *batch);
  // *sum = sum over this rank's neurons of mu_m^2, in steps of 2^-PSAC_MEAN_BITS; device memory.
  psac_status (*sum_mean_squares)(psac_stream *stream, const psac_shard *shard, int64_t *sum);

  // Adds trials [first, first + n) of the presentation to the statistics; labels [n], host memory.
  psac_status (*accumulate_statistics)(psac_stream *stream, const psac_shard *shard, int n_trials, int first, int n,
                                       const uint8_t *labels);
  // projection [n_output][n_units] += sum over neurons of (w - reference) * field, in steps of 2^-16 / current_scale.
  psac_status (*project_weights)(psac_stream *stream, const psac_shard *shard, int32_t reference, int64_t *projection);
} psac_stage_ops;

// What only the notebook's rule needs (rules/notebook).
typedef struct psac_notebook_ops {
  // Brings shard->word_sum up to date after rows were changed from outside.
  psac_status (*sum_words)(psac_stream *stream, const psac_shard *shard);
  // Learning within a trial. judge_step runs on rank 0 after step_readout of step t (with one trial, its drives first
  // in readout->drives): where middle and output neurons spiked together it makes the TD error and from it
  // event->outputs and event->change, else no change.
  psac_status (*judge_step)(psac_stream *stream, const psac_shard *shard, const psac_readout *readout, int t,
                            const psac_reward *reward, psac_event *event);
  // w += event->change for every (spiking middle neuron of step t, output neuron in event->outputs), then all weights
  // are clamped to [0, 1]; nothing if event->outputs is empty. `trial` of the n_trials in the shard.
  psac_status (*hebbian_step)(psac_stream *stream, const psac_shard *shard, int n_trials, int trial, int t,
                              const psac_event *event);
} psac_notebook_ops;

typedef struct psac_backend {
  const char *name;
  const char *library;  // that it was built with, as in "CUDA 13.0"; "" = none
  unsigned caps;        // PSAC_CAP_*
  const psac_device_ops *device;
  const psac_stage_ops *stage;
  const psac_notebook_ops *notebook;
} psac_backend;

static inline int psac_backend_can(const psac_backend *backend, unsigned caps) {
  return (backend->caps & caps) == caps;
}

// Whether present_middle can run this shard.
static inline int psac_backend_presents(const psac_backend *backend, const psac_shard *shard) {
  return backend->stage->can_present && backend->stage->can_present(shard);
}

// The backends of this build, NULL-terminated, the embedded default first.
const psac_backend *const *psac_backends(void);

extern const psac_backend psac_backend_cpu;
#ifdef PSAC_HAS_CUDA
extern const psac_backend psac_backend_cuda;
#endif

#ifdef __cplusplus
}
#endif
#endif
