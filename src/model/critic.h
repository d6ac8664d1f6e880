// Decision, value and third factors, which rank 0 computes from a trial's output and critic spike counts
// (docs/model.md, "Readout", "Critic", "Reward and TD error"). Pure arithmetic: no messages, no arrays of neurons.
#ifndef PSAC_MODEL_CRITIC_H
#define PSAC_MODEL_CRITIC_H

#include <stdint.h>

#include "kernels/backend.h"
#include "src/config/config.h"

typedef struct psac_critic {
  // learned
  double alpha, beta, kappa;  // value = sigmoid(alpha logit(pi_a) + kappa (C / C_0 - 1) + beta)
  double mean_count;          // C_0, running mean of the critic's mean count
  int64_t n_trials;           // seen so far, for the running means
  // gradients and sums of the current batch, applied at its end
  double d_alpha, d_beta, d_kappa, count_sum;
} psac_critic;

typedef struct psac_judgement {
  int action;
  float policy[PSAC_MAX_PLASTIC];
  double value, reward, td_error;
} psac_judgement;

void psac_critic_init(psac_critic *critic, const psac_config *config);

// Index of the largest count, the lowest on a tie.
int psac_decide(const int32_t *counts, int n);

// Decision, value, reward and TD error of one trial. output_counts [output_layer.num_neurons] and critic_counts
// [actor_critic.num_critic_neurons] are spikes, as in psac_readout.
psac_judgement psac_critic_judge(const psac_critic *critic, const psac_config *config, const int32_t *output_counts,
                                 const int32_t *critic_counts, int label);

// The third factors of one trial.
psac_third_factor psac_critic_third_factor(const psac_config *config, const psac_judgement *judgement,
                                           const int32_t *output_counts);

// Adds one trial to the batch: its terms of the presynaptic targets and of the critic's gradients and count sum.
// `activity` = alpha_b, the response of the middle layer relative to its running mean. Call in the order of the trials:
// the sums are in floating point.
void psac_critic_learn(psac_critic *critic, const psac_config *config, const psac_judgement *judgement,
                       const int32_t *output_counts, const int32_t *critic_counts, double activity,
                       psac_batch_factor *batch);

// Weight of a batch of n trials in running means over n_before earlier trials: a plain average at first, later an
// exponential average with `rate` per trial.
double psac_running_mean_weight(double rate, int64_t n_before, int64_t n);

// Ends a batch of n trials: updates the critic's scalars and running mean.
void psac_critic_end_batch(psac_critic *critic, const psac_config *config, int64_t n);

#endif
