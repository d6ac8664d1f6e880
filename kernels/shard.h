// Data that kernels work on: one rank's neurons and synapses, its readout, and what rank 0 broadcasts.
#ifndef PSAC_KERNELS_SHARD_H
#define PSAC_KERNELS_SHARD_H

#include <stdint.h>

#include "base/block_map.h"
#include "kernels/arrays.def"
#include "kernels/models/models.h"
#include "kernels/rules/notebook/notebook.h"

#ifdef __cplusplus
extern "C" {
#endif

// Incremented when a change of floating-point operations changes results. 1 = up to version 0.1, where every neuron
// divided by tau_m. Stored in run files and checkpoints. Results of configs/classic.yaml are bit-identical while it is
// unchanged.
enum { PSAC_ARITHMETIC_VERSION = 2 };

enum {
  PSAC_WEIGHT_BITS = 30,  // plastic weights: int32 in steps of 2^-30
  PSAC_MEAN_BITS = 8,     // running mean counts in sums: steps of 2^-8 spikes
  PSAC_TARGET_GROUP = 8,  // largest padding granularity of a target list, in entries
  PSAC_FEW_TARGETS = 4,   // mean number of targets below which lists are not padded
  PSAC_MAX_PLASTIC = 64,  // maximum number of output neurons, and of critic neurons
};

// Columns of a readout row: every middle spike adds the row of its neuron to the drives of that step.
// [0, n_output) weights to output, [n_output, n_output + n_critic) weights to critic, then the neuron's running mean
// count and the constant 1 (so that the drives also carry n . mu and the number of spikes); padded to a multiple of 4.
typedef struct psac_columns {
  int n_output;
  int n_critic;       // critic neurons with plastic input; 0 if they have none
  int mean_count;     // index of the column
  int one;            // index of the column
  int n;              // columns of a row, padded
  int n_eligibility;  // n_output + 2, padded to a multiple of 4: outputs, critic, spike count
} psac_columns;

psac_columns psac_columns_make(int n_output, int n_critic);

// Plasticity rule; it determines how stored weights are encoded.
typedef enum psac_rule {
  PSAC_RULE_POWER_STDP,  // steps of 2^-PSAC_WEIGHT_BITS, power_stdp_core.h
  PSAC_RULE_NOTEBOOK,    // the bits of a float32, notebook_core.h
} psac_rule;

// One rank's share of the middle layer. Neuron i of the shard has global id first_gid + i; arrays are padded to
// n_padded, a multiple of 64 that is the same on every rank; the padding never spikes.
typedef struct psac_shard {
#define X(name, element, ...) element *name;
  PSAC_SHARD_ARRAYS(X)  // described in arrays.def
#undef X

  psac_block_map map;
  int64_t first_gid;
  int64_t n_exc;    // of the whole layer; smaller gids are excitatory
  int32_t n_local;  // neurons of this rank; may be 0
  int32_t n_padded;
  int32_t n_words;         // n_padded / 64
  int32_t n_source_words;  // words of a gathered spike vector: n_ranks * n_words
  int32_t n_steps;
  int32_t first_counted_step;  // first step whose time is >= t_skip
  int32_t n_units;             // retina units
  int32_t n_retina_words;      // 64-bit words of the retina's spikes in one step

  // Neurons. Potentials and currents are in units of 1 / current_scale, a power of two, so that currents are integers.
  float current_scale;
  psac_neuron neuron;
  psac_neuron_model model;
  int32_t n_refractory;

  // Input from the retina: uniform, receptive fields, or both.
  int32_t uniform_current;  // per retina spike
  int32_t patch_size;       // side of a receptive field, pixels; 0 = no receptive fields
  int32_t retina_height, retina_width;

  // Recurrence: CSR by presynaptic neuron (source_core.h).
  int32_t in_degree;  // 0 = none
  int32_t current_exc, current_inh;
  uint32_t n_sources;      // neurons of the whole layer with targets on this rank
  uint32_t n_exc_sources;  // how many of them are excitatory; those come first
  int32_t target_bytes;    // bytes per index in target: 2 or 4
  uint64_t n_targets;      // entries of target, padding included

  // Plasticity.
  psac_columns columns;
  psac_rule rule;
  int32_t fraction_bits;  // eligibility is in steps of 2^-fraction_bits, its critic column of 2^-critic_fraction_bits
  int32_t critic_fraction_bits;
} psac_shard;

// What a rank needs to start a trial.
typedef struct psac_retina_trial {
  uint64_t trial;             // number of the trial in its stream
  const uint64_t *threshold;  // [n_units] spike probability per step x 2^32; host memory
} psac_retina_trial;

// A readout layer, on rank 0. Column o < n_output of a row is for an output neuron, column n_output + c for a critic
// neuron.
typedef struct psac_readout_layer {
  psac_neuron neuron;
  float v_floor, bias_current, gain, weight_reference;
  float tau_m, leak;  // ms; dt / tau_m
  int is_notebook;    // integrates in the notebook's order of operations
  double drive_step;  // unit of its drives, a power of two
  int32_t refractory_steps;
  int32_t first_column, n;
} psac_readout_layer;

typedef struct psac_readout {
  psac_readout_layer layer[2];  // output, critic
#define X(name, element, ...) element *name;
  PSAC_READOUT_ARRAYS(X)  // described in arrays.def
#undef X
} psac_readout;

// What rank 0 broadcasts for each trial of the batch, as bytes; in the backend's memory.
typedef struct psac_third_factor {
  float output[PSAC_MAX_PLASTIC];  // k_o
  float critic;                    // delta
} psac_third_factor;

// What rank 0 broadcasts for the batch, as bytes; in the backend's memory.
typedef struct psac_batch_factor {
  float target[PSAC_MAX_PLASTIC];  // sum over trials of k_o alpha_b c_o tau_plus / (T - t_skip): times mu_m it is the
                                   // x_tar term
  float critic_target;             // sum over trials of delta alpha_b
  float learning_rate;             // eta
  float critic_rate;               // eta times the critic's ratio
  float power_mu;
  float mean_rate;  // weight of this batch's mean count in the running mean
  int32_t n_trials;
} psac_batch_factor;

// Message buffers of a presentation.
typedef struct psac_messages {
#define X(name, element, ...) element *name;
  PSAC_MESSAGE_ARRAYS(X)  // described in arrays.def
#undef X
} psac_messages;

#ifdef __cplusplus
}
#endif
#endif
