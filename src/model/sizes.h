// Sizes of one rank's shard and its number of concurrent trials: arithmetic on the configuration and the number of
// ranks.
#ifndef PSAC_MODEL_SIZES_H
#define PSAC_MODEL_SIZES_H

#include <stdint.h>

#include "base/status.h"
#include "kernels/arrays.h"
#include "src/config/config.h"

typedef struct psac_sizes {
  int64_t n_neurons, n_ranks;
  int64_t n_local, n_words;  // neurons of the rank; 64-bit words of its spike vector, the same on every rank
  int n_concurrent;          // trials simulated concurrently
  psac_extents extents;      // of its arrays; an expectation where connectivity is random
} psac_sizes;

// on_device: layouts of the CUDA backend, else of the CPU backend. Accepts any numbers of neurons and ranks that a
// configuration allows. Rank 0 has the most neurons.
psac_sizes psac_sizes_make(const psac_config *config, int64_t n_ranks, int64_t rank, int on_device);

// Number of bytes of `target` for n_targets entries.
double psac_sizes_target_bytes(double n_targets, double index_bytes, int on_device);

// PSAC_ERR_INPUT, with what is allowed, if the network exceeds the program's index types, whatever the memory.
psac_status psac_sizes_check(const psac_config *config, const psac_sizes *sizes);

// Columns of a row of plastic weights; critic neurons have none in model notebook.
psac_columns psac_sizes_columns(const psac_config *config);

#endif
