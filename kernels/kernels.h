// The contract between what is computed (src/model) and how (kernels/cpu, kernels/cuda).
//
// A backend is one `psac_kernels`: whole stages of the simulation, each enqueued on a stream and returning without waiting.
// Kernels see pointers, counts and a stream; never ranks, files or configuration. All array pointers in psac_shard are the
// backend's own memory (`alloc`); on the CPU backend they are ordinary pointers and every call completes before it returns.
//
// Whatever is summed over neurons, trials or ranks is an integer, so no order of execution can change a bit.
#ifndef PSAC_KERNELS_KERNELS_H
#define PSAC_KERNELS_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#include "base/block_map.h"
#include "base/rng.h"
#include "base/staging.h"
#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct psac_stream psac_stream;        // the backend's own; NULL on the CPU backend
typedef struct psac_recording psac_recording;  // work that can be enqueued again at once; the backend's own

// What a rank computes on, for people and to tell whether two ranks share it.
typedef struct psac_device {
  char name[96];
  char id[48];  // the same for all processes of a node that use this device, different for two devices
  size_t memory_total, memory_free;  // bytes, at the time of opening
} psac_device;

enum {
  PSAC_WEIGHT_BITS = 30,  // plastic weights: int32 in steps of 2^-30
  PSAC_NOTEBOOK_BITS = 36,  // the notebook's, a float32 each, enter sums in steps of 2^-36
  PSAC_MEAN_BITS = 8,     // running mean counts as they enter sums: steps of 2^-8 spikes
  PSAC_TARGET_GROUP = 8,  // recurrent targets of a neuron come in groups of so many at most
  PSAC_FEW_TARGETS = 4,   // and one by one where there are fewer than so many on average
  PSAC_MAX_PLASTIC = 64,  // output or critic neurons at most
};

// Lanes of a readout row: every middle spike adds the row of its neuron to the drives of that step.
// [0, n_output) weights to output, [n_output, n_output + n_critic) weights to critic, then the neuron's running mean count
// and the constant 1 (so that the drives also carry n . mu and the number of spikes); padded to a multiple of 4.
typedef struct psac_lanes {
  int n_output;
  int n_critic;       // critic neurons with plastic input; 0 if they have none
  int mean_count;     // index of the lane
  int one;            // index of the lane
  int n;              // lanes in a row, padded
  int n_eligibility;  // n_output + 2, padded to a multiple of 4: outputs, critic, spike count
} psac_lanes;

psac_lanes psac_lanes_make(int n_output, int n_critic);

// How weights change, and so what they are.
typedef enum psac_rule {
  PSAC_RULE_POWER_STDP,  // steps of 2^-PSAC_WEIGHT_BITS, power_stdp_core.h
  PSAC_RULE_NOTEBOOK,    // the bits of a float32, notebook_core.h
} psac_rule;

// One rank's share of the middle layer. Neuron i of the shard has global id first_gid + i; arrays are padded to n_padded, a
// multiple of 64 that is the same on every rank; the padding never spikes.
typedef struct psac_shard {
  psac_block_map map;
  int64_t first_gid;
  int64_t n_exc;      // of the whole layer; gids below are excitatory
  int32_t n_local;    // neurons of this rank; may be 0
  int32_t n_padded;
  int32_t n_words;    // n_padded / 64
  int32_t n_source_words;  // words of a gathered spike vector: n_ranks * n_words
  int32_t n_steps;
  int32_t first_counted_step;  // first step whose time is >= t_skip
  int32_t n_units;        // retina units
  int32_t n_retina_words; // 64-bit words of the retina's spikes in one step

  // neurons; potentials and currents are in units of 1 / current_scale, a power of two, so that currents are integers
  float current_scale;
  float dt;                   // ms
  float v_rest, v_thresh, v_reset;
  float *tau_m;               // [n_padded] ms
  uint64_t *alive;            // [n_words] bit = a neuron of this rank
  uint64_t *refractory;       // [n_refractory][n_words] bit = still refractory j + 1 steps after a spike
  int32_t n_refractory;
  float *v;                   // [trials][n_padded] membrane potential
  int32_t *current;           // input of the current step; the backend's layout

  // input from the retina: uniform, receptive fields, or both. The CPU stores them by retina unit, one entry per (unit, column);
  // CUDA stores only field_weight, as [pixels of a patch][n_padded].
  int32_t uniform_current;    // per retina spike
  int32_t patch_size;         // 0 = no receptive fields
  int32_t retina_height, retina_width;
  uint32_t *field_first;      // [n_units + 1]
  uint32_t *field_column;     // [entries] local column
  int16_t *field_weight;      // [entries][PSAC_COLUMN]

  // recurrence, stored by source (both backends). Of the neurons of the whole layer, the k-th that has targets on this rank, in the order
  // of slots, has them in target[target_first[k] .. target_first[k + 1]), filled up to whole groups with indices just behind n_padded, where
  // nobody looks. source_core.h finds k and says what a group is.
  int32_t in_degree;          // 0 = none
  int32_t current_exc, current_inh;
  uint64_t *source_mask;      // [n_source_words] bit = a neuron that has targets here
  uint32_t *source_first;     // [n_source_words] such neurons before the word
  uint32_t n_sources;         // such neurons
  uint32_t n_exc_sources;     // the first of them, which are excitatory
  uint32_t *target_first;     // [n_sources + 1]
  void *target;               // uint16_t or uint32_t local index
  int32_t target_bytes;       // 2 or 4

  // spikes of this rank over a whole presentation
  uint64_t *spikes;           // [n_steps][trials][n_words]
  uint64_t *retina_spikes;    // [trials][n_steps][n_retina_words]

  // plasticity
  psac_lanes lanes;
  psac_rule rule;
  int32_t *row;               // [n_padded][lanes.n] readout rows
  int64_t *word_sum;          // [n_words][lanes.n] sum of each word's rows; PSAC_RULE_NOTEBOOK, else NULL
  int32_t *eligibility;       // [n_padded][lanes.n_eligibility] sum over the batch of third factor x eligibility
  int32_t fraction_bits;      // eligibility is in steps of 2^-fraction_bits, its critic lane of 2^-critic_fraction_bits
  int32_t critic_fraction_bits;
  float *mean_count;          // [n_padded] running mean of the spikes counted per trial

  // statistics over evaluation trials
  int64_t *isi;               // [n_padded][2] pairs of successive inter-spike intervals of a trial: number, sum of CV2
  int32_t *last_spike;        // [n_padded][2] scratch of the CPU: step of the last spike, interval before it; -1 = none
  int32_t *count_by_label;    // [n_padded][10] spikes in all steps
} psac_shard;

// What a rank must know of a trial to start it.
typedef struct psac_retina_trial {
  uint64_t trial;             // number of the trial in its stream
  const uint64_t *threshold;  // [n_units] spike probability per step x 2^32; host memory
} psac_retina_trial;

// The layers on rank 0. Lane o < n_output is an output neuron, lane n_output + c a critic neuron.
typedef struct psac_readout_layer {
  float dt, v_rest, v_thresh, v_reset;
  float v_floor, bias_current, gain, weight_reference, tau_m;
  double drive_step;  // unit of the drives of its lanes, a power of two
  int32_t refractory_steps;
  int32_t first_lane, n;
} psac_readout_layer;

typedef struct psac_readout {
  psac_readout_layer layer[2];  // output, critic
  int64_t *drives;              // [steps of a block][trials][lanes.n] summed over ranks
  float *v;                     // [trials][2][PSAC_MAX_PLASTIC]
  int32_t *free_at;             // [trials][2][PSAC_MAX_PLASTIC] first step at which the neuron integrates again
  uint64_t *spikes;             // [2][n_steps][trials] bit = neuron
  int32_t *counts;              // [trials][2][PSAC_MAX_PLASTIC] spikes counted from first_counted_step on
  int64_t *totals;              // [trials][2] over the counted steps: sum of the drives' mean_count and one lanes
} psac_readout;

// What rank 0 tells every rank about one trial of the batch; in the backend's memory, broadcast as bytes.
typedef struct psac_third_factor {
  float output[PSAC_MAX_PLASTIC];  // k_o
  float critic;                    // delta
} psac_third_factor;

// What rank 0 tells every rank about the batch; in the backend's memory, broadcast as bytes.
typedef struct psac_batch_factor {
  float target[PSAC_MAX_PLASTIC];  // sum over trials of k_o alpha_b c_o tau_plus / (T - t_skip): times mu_m it is the x_tar term
  float critic_target;             // sum over trials of delta alpha_b
  float learning_rate;             // eta
  float critic_rate;               // eta times the critic's ratio
  float power_mu;
  float mean_rate;                 // weight of this batch's mean count in the running mean
  int32_t n_trials;
} psac_batch_factor;

// Reward of a pass of model seed.
typedef struct psac_reward {
  double reward, gamma, learning_rate;
} psac_reward;

// One step's weight change in model seed; lives in the backend's memory and is broadcast as bytes.
typedef struct psac_event {
  uint64_t outputs;    // output neurons whose weights change
  float change;
  int32_t step;        // the last one that was judged
  int32_t n_events;    // steps with a change so far
  double last_value;   // the critic's value at the previous one
} psac_event;

typedef struct psac_kernels {
  const char *name;
  const char *library;  // that it was built with, as in "CUDA 13.0"; "" = none

  // Devices this process may use, and binding it to one of them before anything else is done. device_count gives 0 and a reason
  // (static text, or "") where there is none.
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
  // For transports: the device library's own handle of a stream (NULL on the CPU), and the way to the device's memory (NULL where it
  // is the host's).
  void *(*native_stream)(const psac_stream *stream);
  const psac_staging *(*staging)(void);

  // What is enqueued between begin and end is kept for replay instead of being done. A backend that cannot do so does it at once and
  // gives NULL. Nothing may be waited for, allocated or copied from host memory in between. end ends also after a failure.
  psac_status (*record_begin)(psac_stream *stream);
  psac_status (*record_end)(psac_stream *stream, psac_recording **recording);
  psac_status (*replay)(psac_stream *stream, psac_recording *recording);
  void (*recording_destroy)(psac_recording *recording);  // accepts NULL

  // Building a shard, once. Each allocates what it fills; the owner releases.
  psac_status (*build_state)(psac_stream *stream, psac_shard *shard, int n_trials);  // v, current: for so many side by side
  psac_status (*build_receptive_fields)(psac_stream *stream, psac_shard *shard, psac_rng_key key, float norm);
  psac_status (*build_recurrence)(psac_stream *stream, psac_shard *shard, psac_rng_key key);
  psac_status (*initialise_weights)(psac_stream *stream, psac_shard *shard, psac_rng_key key, float density, float mean,
                                    float sd);

  // Brings shard->word_sum up to date after rows were changed from outside; nothing where it is not kept.
  psac_status (*sum_words)(psac_stream *stream, const psac_shard *shard);

  // One presentation of n_trials trials side by side.
  // Spike trains of trials [first, first + n) of the presentation; trials [n].
  psac_status (*encode_retina)(psac_stream *stream, const psac_shard *shard, psac_rng_key key, int first, int n,
                               const psac_retina_trial *trials);
  psac_status (*reset_middle)(psac_stream *stream, const psac_shard *shard, int n_trials);
  // Step t in two parts: prepare_middle is what needs no spikes of other ranks, step_middle the rest. `arriving` [n_ranks][n_trials]
  // [n_words] with ranks rank_stride words apart: the gathered spikes of step t - delay, NULL if there are none yet.
  psac_status (*prepare_middle)(psac_stream *stream, const psac_shard *shard, int n_trials, int t);
  psac_status (*step_middle)(psac_stream *stream, const psac_shard *shard, int n_trials, int t, const uint64_t *arriving,
                             size_t rank_stride);
  // reset_middle and all steps of a presentation in one launch, for a shard that is the whole layer: the potentials and
  // spikes of step_middle. Optional: both NULL, or can_present gives 0, where the backend has no such kernel or the
  // shard does not fit it; then it is stepped. delay: of recurrent spikes, in steps. shard->current is not touched.
  int (*can_present)(const psac_shard *shard);
  psac_status (*present_middle)(psac_stream *stream, const psac_shard *shard, int n_trials, int delay);
  // counts [2] += spikes of this rank's excitatory and inhibitory neurons in the presentation.
  psac_status (*count_spikes)(psac_stream *stream, const psac_shard *shard, int n_trials, int64_t *counts);
  // drives [n_steps][n][lanes.n] = this rank's partial drives of steps [t, t + n_steps) of trials [first, first + n).
  psac_status (*partial_drives)(psac_stream *stream, const psac_shard *shard, int n_trials, int first, int n, int t,
                                int n_steps, int64_t *drives);
  psac_status (*reset_readout)(psac_stream *stream, const psac_readout *readout, int n_trials);
  // Output and critic neurons in steps [t, t + n_steps), whose drives lie in readout->drives.
  psac_status (*step_readout)(psac_stream *stream, const psac_shard *shard, const psac_readout *readout, int n_trials, int t,
                              int n_steps);

  // Learning in model psac. `output_spikes` [n_steps][n_trials] and `factors` [n_trials] as broadcast by rank 0;
  // adds this presentation to shard->eligibility.
  psac_status (*accumulate_eligibility)(psac_stream *stream, const psac_shard *shard, int n_trials, float trace_decay,
                                        const uint64_t *output_spikes, const psac_third_factor *factors);
  // Changes weights and running means, clears the eligibility.
  psac_status (*apply_learning)(psac_stream *stream, const psac_shard *shard, const psac_batch_factor *batch);
  // *sum = sum over this rank's neurons of mu_m^2, in steps of 2^-PSAC_MEAN_BITS; device memory.
  psac_status (*sum_mean_squares)(psac_stream *stream, const psac_shard *shard, int64_t *sum);

  // Learning in model seed, within a trial. judge_step runs on rank 0 after step_readout of step t (with one trial, its drives first in
  // readout->drives): where middle and output neurons spiked together it makes the TD error and from it event->outputs and
  // event->change, else no change.
  psac_status (*judge_step)(psac_stream *stream, const psac_shard *shard, const psac_readout *readout, int t,
                            const psac_reward *reward, psac_event *event);
  // w += event->change for every (spiking middle neuron of step t, output neuron in event->outputs), then all weights are clamped
  // to [0, 1]; nothing if event->outputs is empty. `trial` of the n_trials in the shard.
  psac_status (*hebbian_step)(psac_stream *stream, const psac_shard *shard, int n_trials, int trial, int t,
                              const psac_event *event);

  // Adds trials [first, first + n) of the presentation to the statistics; labels [n], host memory.
  psac_status (*accumulate_statistics)(psac_stream *stream, const psac_shard *shard, int n_trials, int first, int n,
                                       const uint8_t *labels);
  // projection [n_output][n_units] += sum over neurons of (w - reference) * field, in steps of 2^-16 / current_scale.
  psac_status (*project_weights)(psac_stream *stream, const psac_shard *shard, int32_t reference, int64_t *projection);
} psac_kernels;

// The backends of this build, NULL-terminated, the embedded default first.
const psac_kernels *const *psac_kernels_all(void);

extern const psac_kernels psac_kernels_cpu;
#ifdef PSAC_HAS_CUDA
extern const psac_kernels psac_kernels_cuda;
#endif

#ifdef __cplusplus
}
#endif
#endif
