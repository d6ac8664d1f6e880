// Case files: recorded retina spikes with initial weights, and the responses of a network (docs/files.md, "Case
// files").
#ifndef PSAC_JOBS_REPLAY_CASE_H
#define PSAC_JOBS_REPLAY_CASE_H

#include <stdint.h>

#include "io/h5_file.h"
#include "src/model/network.h"

typedef struct psac_replay_case_pass {
  double reward;
  int64_t prediction;
  int32_t *middle_spikes;  // [n_steps] over all ranks
  int32_t *output_spikes;  // [n_steps] rank 0
  float *output_counts;    // [n_output] rank 0
  double weights_sum;      // after the pass, over all ranks
} psac_replay_case_pass;

typedef struct psac_presentation {
  int64_t label;
  int has_image;
  uint8_t *image;          // [input height][input width], if it has one
  uint8_t *retina_spikes;  // [n_units][n_steps]
  psac_replay_case_pass pass[2];
  float *weights_after;  // [n_local][n_output] this rank's
} psac_presentation;

typedef struct psac_replay_case {
  char *attributes;  // as YAML: num_neurons, t_total, t_skip, dt, learning_rate
  int64_t n;         // presentations
  psac_presentation *presentation;
  float *weights_initial;  // [n_local][n_output] this rank's
} psac_replay_case;

// Reads the attributes and counts the presentations. Not collective: every rank reads the file by itself. Release with
// psac_replay_case_free, also after a failure.
psac_status psac_replay_case_open(const char *path, psac_replay_case *replay_case);
// PSAC_ERR_INPUT if the datasets of the case do not have the sizes that this configuration needs; checked before a
// network is built. Not collective.
psac_status psac_replay_case_check(const char *path, const psac_config *config, const psac_replay_case *replay_case);
// Reads this rank's part of all other data and allocates the results, with the sizes of the network. Not collective.
psac_status psac_replay_case_read(const char *path, const psac_network *network, psac_replay_case *replay_case);
// Writes the case with its results. Collective; a failure ends the run.
psac_status psac_replay_case_write(const psac_access *access, const char *path, int replace,
                                   const psac_network *network, const psac_replay_case *replay_case);
void psac_replay_case_free(psac_replay_case *replay_case);

#endif
