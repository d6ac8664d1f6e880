// Hardware profile: one rank's processor and memory, and the network between ranks. Read from configs/hardware.yaml or
// a file of that form, which gives the source of every figure.
#ifndef PSAC_PLAN_HARDWARE_H
#define PSAC_PLAN_HARDWARE_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

// X(key, unit, lowest, highest, meaning)
#define PSAC_HARDWARE_LIST(X)                                                                                  \
  X(memory, "bytes", 1, 1e18, "that a rank may fill")                                                          \
  X(bandwidth, "bytes/s", 1, 1e18, "of a rank's memory behind the cache")                                      \
  X(additions, "1/s", 1, 1e18, "to scattered addresses: currents of recurrent spikes")                         \
  X(lookups, "1/s", 1, 1e18, "of words of 64 gathered spikes, whether they have targets on the rank")          \
  X(launch, "s", 0, 1, "of the host for one kernel")                                                           \
  X(launch_in_graph, "s", 0, 1, "between two kernels that the device takes by itself")                         \
  X(dependent_step, "s", 0, 1, "of a kernel that must finish one timestep before the next")                    \
  X(block_memory, "bytes", 0, 1e9, "of shared memory that a block may have")                                   \
  X(blocks, "", 1, 1e6, "that run at the same time, with all of that memory: multiprocessors")                 \
  X(block_step, "s", 0, 1, "of one timestep of a kernel that runs a whole presentation of a trial in a block") \
  X(block_neuron, "s", 0, 1, "beside it for each neuron")                                                      \
  X(host_wait, "s", 0, 1, "for the host to learn that the device is done, or to fetch a few numbers")          \
  X(host_trial, "s", 0, 1, "of the host for one trial: the retina's probabilities, the decision")              \
  X(ranks_per_node, "ranks", 1, 1e6, "of a node")                                                              \
  X(nccl_base, "s", 0, 1, "one collective call: latency = base + ranks * per_rank")                            \
  X(nccl_per_rank, "s", 0, 1, "")                                                                              \
  X(nccl_bandwidth, "bytes/s", 1, 1e18, "that a rank receives within a node")                                  \
  X(nccl_bandwidth_nodes, "bytes/s", 1, 1e18, "that a node receives from others")                              \
  X(mpi_base, "s", 0, 1,                                                                                       \
    "one collective call: latency = base + ranks * per_rank + nodes * per_node, the last if several")          \
  X(mpi_per_rank, "s", 0, 1, "")                                                                               \
  X(mpi_per_node, "s", 0, 1, "")                                                                               \
  X(mpi_bandwidth, "bytes/s", 1, 1e18, "that a rank receives within a node")                                   \
  X(mpi_bandwidth_nodes, "bytes/s", 1, 1e18, "that a node receives from others")                               \
  X(staging_bandwidth, "bytes/s", 1, 1e18, "between device and host, for MPI")                                 \
  X(retina_factor, "", 0, 1e6,                                                                                 \
    "measured time / (bytes / bandwidth + additions + lookups); plan --calibrate measures it")                 \
  X(middle_factor, "", 0, 1e6, "")                                                                             \
  X(readout_factor, "", 0, 1e6, "")                                                                            \
  X(learning_factor, "", 0, 1e6, "")

enum { PSAC_HARDWARE_NAME_BYTES = 64 };

typedef struct psac_hardware {
  char name[PSAC_HARDWARE_NAME_BYTES];
  int on_device;  // key `backend`: cuda rather than cpu
#define X(key, unit, lowest, highest, meaning) double key;
  PSAC_HARDWARE_LIST(X)
#undef X
  double node_memory;  // bytes that the ranks of a node share; 0 = `memory` is per rank. Not a key of the file
} psac_hardware;

// Bytes that each rank of a job of n_ranks may fill.
double psac_hardware_memory(const psac_hardware *hardware, int64_t n_ranks);

// Finds a profile. `name` is that of a profile in the built-in configs/hardware.yaml, or a file of that form, whose
// first profile is used; "FILE:NAME" selects another. Every key is required. PSAC_ERR_INPUT names line, key and value.
psac_status psac_hardware_find(const char *name, psac_hardware *hardware);

// The same from a text; `wanted` NULL = the first profile. `origin` names the text in messages.
psac_status psac_hardware_read(const char *text, size_t n_bytes, const char *origin, const char *wanted,
                               psac_hardware *hardware);

// A text that reads back as the same profile, with `comment` (one line) above it. The caller frees it; NULL if out of
// memory.
char *psac_hardware_print(const psac_hardware *hardware, const char *comment);

#endif
