// One trial: its input, its outcome, and a view of it while its spikes are in memory.
#ifndef PSAC_MODEL_TRIAL_H
#define PSAC_MODEL_TRIAL_H

#include <stdint.h>

#include "base/rng.h"
#include "base/status.h"
#include "kernels/backend.h"
#include "src/model/critic.h"

enum { PSAC_N_LABELS = 10 };

typedef struct psac_trial {
  uint64_t number;                // of the trial in its random stream
  psac_rng_stream stream;         // PSAC_STREAM_RETINA_TRAIN or _TEST
  const uint8_t *image;           // [input height][input width]; NULL if `retina_spikes` is given
  const uint64_t *retina_spikes;  // [n_steps][n_retina_words] recorded spikes to present; NULL = draw them
  uint8_t label;                  // 0..9; used only for the reward
} psac_trial;

// The outcome of a trial, on rank 0.
typedef struct psac_outcome {
  psac_judgement judgement;                 // decision, value, reward, TD error
  double activity;                          // alpha_b: response of the middle layer relative to its running mean
  int32_t output_counts[PSAC_MAX_PLASTIC];  // spikes counted from t_skip on
  int32_t critic_counts[PSAC_MAX_PLASTIC];
} psac_outcome;

typedef struct psac_network psac_network;

// View of simulated trials while their spikes are in memory: trials [first, first + n) of the batch are trials
// [offset, offset + n) of the `stride` trials in the shard. The readout arrays hold only these n.
typedef struct psac_view {
  const psac_network *network;
  int pass;  // 0; 1 in the notebook's second pass
  int first, n;
  int offset, stride;
} psac_view;

// Called for every view, in the order of the trials, on every rank of the replica that simulated them; may communicate
// among these ranks.
typedef struct psac_observer {
  psac_status (*see)(void *self, const psac_view *view);
  void *self;
} psac_observer;

#endif
