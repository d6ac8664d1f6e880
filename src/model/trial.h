// One trial: what goes in, what comes out, and how to look at it while its spikes are in memory.
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
  const uint8_t *image;           // [input height][input width]; NULL where `retina_spikes` is given
  const uint64_t *retina_spikes;  // [n_steps][n_retina_words] recorded spikes to present; NULL = draw them
  uint8_t label;                  // 0..9; used for the reward and nothing else
} psac_trial;

// What rank 0 knows of a trial afterwards.
typedef struct psac_outcome {
  psac_judgement judgement;  // decision, value, reward, TD error
  double activity;           // alpha_b: how strongly the middle layer responded, relative to its running mean
  int32_t output_counts[PSAC_MAX_PLASTIC];  // spikes counted from t_skip on
  int32_t critic_counts[PSAC_MAX_PLASTIC];
} psac_outcome;

typedef struct psac_network psac_network;

// A look at simulated trials while their spikes are in memory: trials [first, first + n) of the batch are trials
// [offset, offset + n) of the `stride` that the shard holds; the readout arrays hold just these n.
typedef struct psac_view {
  const psac_network *network;
  int pass;  // 0; 1 in the notebook's second pass
  int first, n;
  int offset, stride;
} psac_view;

// Called for every trial, in order, on every rank of the replica that simulated it; may communicate among them.
typedef struct psac_observer {
  psac_status (*see)(void *self, const psac_view *view);
  void *self;
} psac_observer;

#endif
