#include "src/model/critic.h"

#include <math.h>
#include <string.h>

#include "kernels/elementary_core.h"

// exp and log from elementary_core.h: the value of a decision must not depend on the C library.
static float exponential(float x) { return psac_exp2f(x * 1.4426950408889634f); }
static float logarithm(float x) { return 0.6931471805599453f * psac_log2f(x); }

static double sigmoid(double x) { return 1.0 / (1.0 + (double)exponential((float)-fmin(fmax(x, -30.0), 30.0))); }

void psac_critic_init(psac_critic *critic, const psac_config *config) {
  *critic = (psac_critic){
      .alpha = config->actor_critic.alpha,
      .beta = config->actor_critic.beta,
      .kappa = config->actor_critic.kappa,
  };
}

int psac_decide(const int32_t *counts, int n) {
  int best = 0;
  for (int o = 1; o < n; o++) {
    if (counts[o] > counts[best]) best = o;
  }
  return best;
}

static double mean_of(const int32_t *counts, int64_t n) {
  int64_t sum = 0;
  for (int64_t c = 0; c < n; c++) sum += counts[c];
  return (double)sum / (double)n;
}

// Logit of the action's probability p, log(p / (1 - p)), computed from the odds of the other outputs to avoid
// cancellation; clamped to [-20, 20].
static double action_logit(const psac_config *config, const int32_t *counts, int action) {
  const float temperature = (float)config->learning.policy_temperature;
  float others = 0.0f;
  for (int o = 0; o < config->output_layer.num_neurons; o++) {
    if (o != action) others += exponential((float)(counts[o] - counts[action]) / temperature);
  }
  return fmin(fmax(-(double)logarithm(fmaxf(others, 1e-9f)), -20.0), 20.0);
}

// C / C_0 - 1: the critic's mean count relative to its running mean. A ratio, so that the learning of kappa does not
// depend on the critic's firing rate. 0 without a running mean.
static double critic_signal(const psac_critic *critic, const psac_config *config, const int32_t *counts) {
  const double count = mean_of(counts, config->actor_critic.num_critic_neurons);
  return critic->mean_count > 0.0 ? count / critic->mean_count - 1.0 : 0.0;
}

psac_judgement psac_critic_judge(const psac_critic *critic, const psac_config *config, const int32_t *output_counts,
                                 const int32_t *critic_counts, int label) {
  const int n = (int)config->output_layer.num_neurons;
  psac_judgement judgement = {.action = psac_decide(output_counts, n)};
  float sum = 0.0f;
  for (int o = 0; o < n; o++) {
    const float difference = (float)(output_counts[o] - output_counts[judgement.action]);
    judgement.policy[o] = exponential(difference / (float)config->learning.policy_temperature);
    sum += judgement.policy[o];
  }
  for (int o = 0; o < n; o++) judgement.policy[o] /= sum;

  const double logit = action_logit(config, output_counts, judgement.action);
  const double signal = critic_signal(critic, config, critic_counts);
  judgement.value = sigmoid(critic->alpha * logit + critic->kappa * signal + critic->beta);
  judgement.reward = judgement.action == label ? 1.0 : 0.0;
  judgement.td_error = judgement.reward - judgement.value;
  return judgement;
}

// k_o = 2 delta (1[o = a] - pi_o) / (c_o + 1)
static double third_factor(const psac_judgement *judgement, const int32_t *output_counts, int o) {
  const double gradient = (o == judgement->action) - (double)judgement->policy[o];
  return 2.0 * judgement->td_error * gradient / (output_counts[o] + 1);
}

psac_third_factor psac_critic_third_factor(const psac_config *config, const psac_judgement *judgement,
                                           const int32_t *output_counts) {
  psac_third_factor factor = {.critic = (float)judgement->td_error};
  for (int o = 0; o < config->output_layer.num_neurons; o++) {
    factor.output[o] = (float)third_factor(judgement, output_counts, o);
  }
  return factor;
}

void psac_critic_learn(psac_critic *critic, const psac_config *config, const psac_judgement *judgement,
                       const int32_t *output_counts, const int32_t *critic_counts, double activity,
                       psac_batch_factor *batch) {
  const double td_error = judgement->td_error;
  const double counted_ms = config->simulation.t_total - config->simulation.t_skip;
  for (int o = 0; o < config->output_layer.num_neurons; o++) {
    const double k = third_factor(judgement, output_counts, o);
    batch->target[o] += (float)(k * activity * output_counts[o] * config->learning.tau_plus / counted_ms);
  }
  batch->critic_target += (float)(td_error * activity);

  critic->d_alpha += td_error * action_logit(config, output_counts, judgement->action);
  critic->d_kappa += td_error * critic_signal(critic, config, critic_counts);
  critic->d_beta += td_error;
  critic->count_sum += mean_of(critic_counts, config->actor_critic.num_critic_neurons);
}

double psac_running_mean_weight(double rate, int64_t n_before, int64_t n) {
  const double average = (double)n / (double)(n_before + n);
  double kept = 1.0;
  for (int64_t k = 0; k < n; k++) kept *= 1.0 - rate;
  return fmax(1.0 - kept, average);
}

void psac_critic_end_batch(psac_critic *critic, const psac_config *config, int64_t n) {
  const double rate = config->actor_critic.value_rate;
  critic->alpha += rate * critic->d_alpha;
  critic->beta += rate * critic->d_beta;
  critic->kappa += rate * critic->d_kappa;
  const double weight = psac_running_mean_weight(config->learning.mean_rate, critic->n_trials, n);
  critic->mean_count += weight * (critic->count_sum / (double)n - critic->mean_count);
  critic->n_trials += n;
  critic->d_alpha = critic->d_beta = critic->d_kappa = critic->count_sum = 0.0;
}
