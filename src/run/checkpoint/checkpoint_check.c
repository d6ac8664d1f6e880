// Plausibility checks of a checkpoint. Checksums detect damage; a forged checkpoint has right checksums and would bring
// impossible numbers into the run file.
#include <math.h>

#include "src/run/checkpoint/checkpoint.h"

static psac_status refuse(const char *path, const char *what) {
  return psac_fail(PSAC_ERR_INPUT, "%s: %s contradicts itself or lies outside what a run can have", path, what);
}

static int is_within(double value, double highest) { return value >= 0.0 && value <= highest; }  // false for NaN

static int is_count(int64_t value, int64_t highest) { return value >= 0 && value <= highest; }

// Upper bound of a rate, Hz. A neuron spikes at most once per time step; the factor 2 covers the rounding of the
// counted interval to steps and the notebook's two passes.
static double highest_rate(const psac_config *config) { return 2.0 * 1000.0 / config->simulation.dt; }

static int is_point(const psac_curve_point *point, const psac_config *config, const psac_position *at,
                    int64_t trials_before) {
  const double rate = highest_rate(config);
  return point->trials > trials_before && point->trials <= at->trials && point->epoch >= 1 &&
         point->epoch <= at->epoch + 1 && is_within(point->accuracy, 1.0) &&
         is_within(point->mean_abs_td_error, HUGE_VAL) && isfinite(point->mean_abs_td_error) &&
         is_within(point->rate_middle_exc, rate) && is_within(point->rate_middle_inh, rate) &&
         is_within(point->rate_output, rate) && is_within(point->rate_critic, rate);
}

// Checks the points, whose numbers of trials increase, and the open point after them.
static int is_curve(const psac_curve *curve, const psac_config *config, const psac_position *at) {
  int64_t trials = 0;
  for (int64_t k = 0; k < curve->n; trials = curve->point[k++].trials) {
    if (!is_point(&curve->point[k], config, at, trials)) return 0;
  }
  const double most = 2.0 * (double)curve->n_trials * config->simulation.t_total / config->simulation.dt;
  const double n_middle = (double)config->middle_layer.num_neurons;
  return is_count(curve->n_trials, at->trials - trials) && is_count(curve->n_correct, curve->n_trials) &&
         is_within((double)curve->output_spikes, most * (double)config->output_layer.num_neurons) &&
         is_within((double)curve->critic_spikes, most * (double)config->actor_critic.num_critic_neurons) &&
         is_within((double)curve->middle_spikes[0], most * n_middle) &&
         is_within((double)curve->middle_spikes[1], most * n_middle) && curve->abs_td_error >= 0.0 &&
         isfinite(curve->abs_td_error);
}

static int is_position(const psac_position *at, int64_t n_images) {
  return at->epoch >= 0 && at->first >= 0 && at->first < n_images + (n_images == 0) &&
         at->trials == at->epoch * n_images + at->first && is_count(at->correct, at->trials) &&
         is_count(at->first_epoch, at->epoch);
}

static int is_recorded(const psac_recorded_trial *trial, const psac_session *session, const psac_position *at) {
  const int64_t n_images = session->train.n;
  return trial->epoch >= 1 && trial->epoch <= at->epoch + 1 && is_count(trial->trial, n_images - 1) &&
         is_count(trial->image, n_images - 1) && trial->label == session->train.labels[trial->image] &&
         is_count(trial->prediction, session->config.output_layer.num_neurons - 1);
}

static int is_critic(const psac_critic *critic, const psac_config *config) {
  return isfinite(critic->alpha) && isfinite(critic->beta) && isfinite(critic->kappa) && critic->n_trials >= 0 &&
         is_within(critic->mean_count,
                   config->simulation.t_total / config->simulation.dt * (double)config->middle_layer.num_neurons);
}

psac_status psac_checkpoint_check(const psac_session *session, const char *path, const psac_checkpoint *checkpoint) {
  const psac_config *config = &session->config;
  const psac_position *at = &checkpoint->position;
  const psac_network_state *network = &checkpoint->network;
  if (!is_position(at, session->train.n)) return refuse(path, "/training/position");
  if (!is_curve(&checkpoint->interval, config, at)) return refuse(path, "/training/interval");
  if (!is_curve(&checkpoint->epoch, config, at)) return refuse(path, "/training/epoch");
  // spikes since the last point, at most those of all trials; the factor 2 covers the notebook's two passes
  const double most = 2.0 * (double)at->trials * config->simulation.t_total / config->simulation.dt *
                      (double)config->middle_layer.num_neurons;
  const int is_counted = is_within((double)network->spike_counts[0], most) &&
                         is_within((double)network->spike_counts[1], most) && is_count(network->weights_in_range, 1);
  if (!is_counted) return refuse(path, "/network/counters");
  if (!is_critic(&network->critic, config)) return refuse(path, "/network/critic");
  for (int64_t k = 0; k < checkpoint->recorder.n; k++) {
    if (!is_recorded(&checkpoint->recorder.trial[k], session, at)) return refuse(path, "/recording/trials");
  }
  return PSAC_OK;
}
