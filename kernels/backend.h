// The contract between what is computed (src/model) and how (kernels/cpu, kernels/cuda).
//
// A backend has tables of function pointers: device operations (memory, streams) and the stages of the simulation. A
// stage is enqueued on a stream and returns without waiting, except for the stages that build recurrence or read host
// memory. Stages see pointers, counts and a stream; never ranks, files or configuration, so no stage is collective. All
// array pointers are the backend's own memory (`alloc`); on the CPU backend they are ordinary pointers and every call
// completes before it returns.
//
// Sums over neurons, trials or ranks are sums of integers, so the order of execution cannot change a bit.
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

typedef struct psac_stream psac_stream;        // defined by the backend; NULL on the CPU backend
typedef struct psac_recording psac_recording;  // recorded work for replay; defined by the backend

// The device of a rank, for messages and to detect ranks that share a device.
typedef struct psac_device {
  char name[96];
  char id[48];  // the same in all processes of a node that use this device; differs between devices
  size_t memory_total, memory_free;  // bytes, at the time of opening
} psac_device;

// Capabilities of a backend, a bit mask.
enum {
  PSAC_CAP_DEVICE = 1 << 0,  // own memory and streams: asynchronous to the host, MPI stages through host memory
  PSAC_CAP_RECORD = 1 << 1,  // record_begin .. recording_destroy are set
};

typedef struct psac_device_ops {
  // device_count returns the number of devices that this process may use; 0 with a reason (static text, or "") if there
  // is none. device_open binds the process to one of them, before any other device operation.
  int (*device_count)(const char **reason);
  psac_status (*device_open)(int index, psac_device *device);

  // alloc returns zeroed memory, owned by the caller; PSAC_ERR_MEMORY names `what`. release accepts NULL. The host
  // buffer of upload may be reused on return; the host buffer of download is filled after synchronize.
  psac_status (*alloc)(void **pointer, size_t n_bytes, const char *what);
  void (*release)(void *pointer);
  psac_status (*stream_create)(psac_stream **stream);
  void (*stream_destroy)(psac_stream *stream);
  psac_status (*synchronize)(psac_stream *stream);
  psac_status (*upload)(psac_stream *stream, void *device, const void *host, size_t n_bytes);
  psac_status (*download)(psac_stream *stream, void *host, const void *device, size_t n_bytes);
  psac_status (*clear)(psac_stream *stream, void *device, size_t n_bytes);
  // For transports: the native stream handle of the device library (NULL on the CPU), and the staging operations for
  // device memory (NULL where the backend's memory is host memory).
  void *(*native_stream)(const psac_stream *stream);
  const psac_staging *(*staging)(void);

  // Work enqueued between record_begin and record_end is recorded for replay and not executed. Waiting, allocation and
  // copies from host memory are not allowed in between. record_end must also be called after a failure.
  // recording_destroy accepts NULL. Optional (all NULL without PSAC_CAP_RECORD). Fallback: the caller enqueues the same
  // work again.
  psac_status (*record_begin)(psac_stream *stream);
  psac_status (*record_end)(psac_stream *stream, psac_recording **recording);
  psac_status (*replay)(psac_stream *stream, psac_recording *recording);
  void (*recording_destroy)(psac_recording *recording);
} psac_device_ops;

typedef struct psac_stage_ops {
  // Building a shard, once. Its arrays are already allocated (arrays.h).
  psac_status (*build_receptive_fields)(psac_stream *stream, psac_shard *shard, psac_rng_key key, float norm);
  // Recurrence, in three stages, because the sizes of its arrays become known one after the other. find_sources sets
  // source_mask, source_first, n_sources and n_exc_sources; count_targets sets n_targets and, at s + 1, the start of
  // each row s in target_first; place_targets sets target and the final target_first.
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
  // Step t in two parts: prepare_middle needs no spikes of other ranks, step_middle does the rest. `arriving`
  // [n_ranks][n_trials][n_words], ranks rank_stride words apart: the gathered spikes of step t - delay; NULL if there
  // are none yet.
  psac_status (*prepare_middle)(psac_stream *stream, const psac_shard *shard, int n_trials, int t);
  psac_status (*step_middle)(psac_stream *stream, const psac_shard *shard, int n_trials, int t,
                             const uint64_t *arriving, size_t rank_stride);
  // reset_potentials and all steps of a presentation in one launch, for a shard that is the whole layer. Gives the same
  // potentials and spikes as step_middle. delay: of recurrent spikes, in steps. Does not touch shard->current. Optional
  // (both NULL). Fallback, also if can_present returns 0 because the shard does not fit: prepare_middle and step_middle
  // for every step. psac_backend_presents decides.
  int (*can_present)(const psac_shard *shard);
  psac_status (*present_middle)(psac_stream *stream, const psac_shard *shard, int n_trials, int delay);
  // counts [2] += spikes of this rank's excitatory and inhibitory neurons in the presentation.
  psac_status (*count_spikes)(psac_stream *stream, const psac_shard *shard, int n_trials, int64_t *counts);
  // drives [n_steps][n][columns.n] = this rank's partial drives of steps [t, t + n_steps) of trials [first, first + n).
  psac_status (*partial_drives)(psac_stream *stream, const psac_shard *shard, int n_trials, int first, int n, int t,
                                int n_steps, int64_t *drives);
  psac_status (*reset_readout)(psac_stream *stream, const psac_readout *readout, int n_trials);
  // Output and critic neurons in steps [t, t + n_steps); readout->drives holds the drives of these steps.
  psac_status (*step_readout)(psac_stream *stream, const psac_shard *shard, const psac_readout *readout, int n_trials,
                              int t, int n_steps);

  // Learning of network psac. `output_spikes` [n_steps][n_trials] and `factors` [n_trials] as broadcast by rank 0; adds
  // this presentation to shard->eligibility.
  psac_status (*accumulate_eligibility)(psac_stream *stream, const psac_shard *shard, int n_trials, float trace_decay,
                                        const uint64_t *output_spikes, const psac_third_factor *factors);
  // Changes weights and running means, clears the eligibility.
  psac_status (*apply_learning)(psac_stream *stream, const psac_shard *shard, const psac_batch_factor *batch);
  // *sum = sum over this rank's neurons of mu_m^2, in steps of 2^-PSAC_MEAN_BITS; `sum` is in the backend's memory.
  psac_status (*sum_mean_squares)(psac_stream *stream, const psac_shard *shard, int64_t *sum);

  // Adds trials [first, first + n) of the presentation to the statistics; labels [n], host memory.
  psac_status (*accumulate_statistics)(psac_stream *stream, const psac_shard *shard, int n_trials, int first, int n,
                                       const uint8_t *labels);
  // projection [n_output][n_units] += sum over neurons of (w - reference) * field, in steps of 2^-16 / current_scale.
  psac_status (*project_weights)(psac_stream *stream, const psac_shard *shard, int32_t reference, int64_t *projection);
} psac_stage_ops;

// Stages that only the notebook's rule needs (rules/notebook).
typedef struct psac_notebook_ops {
  // Recomputes shard->word_sum after rows were changed from outside.
  psac_status (*sum_words)(psac_stream *stream, const psac_shard *shard);
  // Learning within a trial. judge_step runs on rank 0 after step_readout of step t, for one trial; readout->drives
  // points at the drives of step t. If middle and output neurons spike in the same step, it computes the TD error and
  // from it event->outputs and event->change; otherwise event->outputs is empty.
  psac_status (*judge_step)(psac_stream *stream, const psac_shard *shard, const psac_readout *readout, int t,
                            const psac_reward *reward, psac_event *event);
  // w += event->change for every pair (middle neuron that spikes in step t, output neuron in event->outputs), then
  // clamps all weights to [0, 1]. A no-op if event->outputs is empty. `trial` is the index among the n_trials of the
  // shard.
  psac_status (*hebbian_step)(psac_stream *stream, const psac_shard *shard, int n_trials, int trial, int t,
                              const psac_event *event);
} psac_notebook_ops;

typedef struct psac_backend {
  const char *name;
  const char *library;  // library it was built with, such as "CUDA 13.0"; "" = none
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

// The backends of this build, NULL-terminated, the CPU backend first. Static; the caller does not free them.
const psac_backend *const *psac_backends(void);

extern const psac_backend psac_backend_cpu;
#ifdef PSAC_HAS_CUDA
extern const psac_backend psac_backend_cuda;
#endif

#ifdef __cplusplus
}
#endif
#endif
