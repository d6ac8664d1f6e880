// The table of arrays (arrays.def), from which allocation, memory plan and checkpoints are generated.
#ifndef PSAC_KERNELS_ARRAYS_H
#define PSAC_KERNELS_ARRAYS_H

#include <stddef.h>

#include "base/status.h"
#include "kernels/backend.h"

// Sizes of one rank that shapes depend on. Doubles, exact up to 2^53, because a plan uses expected values for random
// connectivity. NAN = not known until the network is built.
typedef struct psac_extents {
  int on_device;                           // layouts of the CUDA backend
  int is_notebook;                         // PSAC_RULE_NOTEBOOK
  double n_padded, n_words, n_refractory;  // as in psac_shard
  double n_states;                         // state variables of the neuron model, besides the potential
  double n_source_words;                   // 0 without recurrence
  double n_sources, n_target_bytes;
  double n_steps, n_block_steps;  // of a presentation; of one reduction of the drives
  double n_concurrent, n_shared;  // concurrent trials; rounded up to a multiple of n_ranks
  double n_units, n_retina_words;
  double n_pixels, n_fields;        // pixels of a receptive field, 0 = none; minicolumns, whose neurons share a patch
  double n_columns, n_eligibility;  // of rows
  double n_gathered_words;
} psac_extents;

typedef enum psac_life {
  PSAC_LIFE_NETWORK,
  PSAC_LIFE_CHECKPOINT,
  PSAC_LIFE_RUN,
  PSAC_LIFE_BATCH,
  PSAC_LIFE_TRIAL,
  PSAC_LIFE_SCRATCH
} psac_life;

typedef struct psac_array {
  const char *name;
  size_t element_bytes;
  int is_real;  // elements are floating-point numbers
  psac_life life;
  const char *unit, *group, *description;
  size_t offset;  // of the pointer in its struct
  double (*n_elements)(const psac_extents *extents);
} psac_array;

enum {
#define X(name, ...) PSAC_SHARD_ARRAY_##name,
  PSAC_SHARD_ARRAYS(X) PSAC_N_SHARD_ARRAYS,
#undef X
#define X(name, ...) +1
  PSAC_N_READOUT_ARRAYS = 0 PSAC_READOUT_ARRAYS(X),
  PSAC_N_MESSAGE_ARRAYS = 0 PSAC_MESSAGE_ARRAYS(X),
#undef X
#define X(name, element, shape, life, ...) +(PSAC_LIFE_##life == PSAC_LIFE_CHECKPOINT)
  PSAC_N_CHECKPOINT_ARRAYS = 0 PSAC_SHARD_ARRAYS(X),
#undef X
};

extern const psac_array psac_shard_arrays[PSAC_N_SHARD_ARRAYS];
extern const psac_array psac_readout_arrays[PSAC_N_READOUT_ARRAYS];
extern const psac_array psac_message_arrays[PSAC_N_MESSAGE_ARRAYS];

// Address of the array's pointer in its struct, `owner`.
void **psac_array_in(void *owner, const psac_array *array);

// Elements per neuron of an array of shape n_padded x width.
size_t psac_array_width(const psac_array *array, const psac_extents *extents);

// Sets array [PSAC_N_CHECKPOINT_ARRAYS] to the arrays of psac_shard_arrays that learning changes.
void psac_checkpoint_arrays(const psac_array *array[]);

// The structs that hold a network's arrays; owned by the caller.
typedef struct psac_array_owners {
  psac_shard *shard;
  psac_readout *readout;
  psac_messages *messages;
} psac_array_owners;

// Allocates and zeroes every array of known size that is not allocated yet. Not collective. On PSAC_ERR_MEMORY, which
// names the array's group, the caller frees the other arrays with psac_arrays_release.
psac_status psac_arrays_allocate(const psac_device_ops *device, const psac_extents *extents, psac_array_owners owners);
void psac_arrays_release(const psac_device_ops *device, psac_array_owners owners);

#endif
