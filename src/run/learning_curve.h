// The learning curve: means over log intervals and over epochs, kept on rank 0. No function here is collective.
#ifndef PSAC_RUN_LEARNING_CURVE_H
#define PSAC_RUN_LEARNING_CURVE_H

#include <stdint.h>

#include "src/config/config.h"
#include "src/model/network.h"

typedef struct psac_curve_point {
  int64_t trials;   // presented since the start of training
  int64_t epoch;    // from 1
  double accuracy;  // fraction of the point's trials
  double mean_abs_td_error;
  double rate_middle_exc, rate_middle_inh, rate_output, rate_critic;  // Hz
} psac_curve_point;

typedef struct psac_curve {
  psac_curve_point *point;  // [n]
  int64_t n, capacity;
  // sums of the open point
  int64_t n_trials, n_correct, output_spikes, critic_spikes, middle_spikes[2];
  double abs_td_error;
} psac_curve;

// Adds the outcome of one trial to the open point.
void psac_curve_add(psac_curve *curve, const psac_network *network, const psac_outcome *outcome);
// Adds the spikes of all excitatory and of all inhibitory middle neurons in some of the point's trials.
void psac_curve_add_middle(psac_curve *curve, const int64_t spikes[2]);
// Closes the open point, if it has any trials, with the trials presented since the start of training and the epoch,
// from 1. PSAC_ERR_MEMORY.
psac_status psac_curve_close(psac_curve *curve, const psac_network *network, int64_t trials, int64_t epoch);
void psac_curve_free(psac_curve *curve);

#endif
