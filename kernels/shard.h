// What kernels work on: one rank's neurons and synapses, its readout, and what rank 0 broadcasts.
#ifndef PSAC_KERNELS_SHARD_H
#define PSAC_KERNELS_SHARD_H

#include <stdint.h>

#include "base/block_map.h"

#ifdef __cplusplus
extern "C" {
#endif

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

#ifdef __cplusplus
}
#endif
#endif
