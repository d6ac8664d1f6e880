#include "src/run/learning_curve.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void psac_curve_add(psac_curve *curve, const psac_network *network, const psac_outcome *outcome) {
  curve->n_trials++;
  curve->n_correct += outcome->judgement.reward > 0.0;
  curve->abs_td_error += fabs(outcome->judgement.td_error);
  for (int o = 0; o < network->readout.layer[0].n; o++) curve->output_spikes += outcome->output_counts[o];
  for (int c = 0; c < network->readout.layer[1].n; c++) curve->critic_spikes += outcome->critic_counts[c];
}

void psac_curve_add_middle(psac_curve *curve, const int64_t spikes[2]) {
  for (int kind = 0; kind < 2; kind++) curve->middle_spikes[kind] += spikes[kind];
}

static double rate(int64_t spikes, int64_t neurons, int64_t trials, double duration_ms) {
  return neurons > 0 ? (double)spikes / ((double)neurons * (double)trials * duration_ms / 1000.0) : 0.0;
}

psac_status psac_curve_close(psac_curve *curve, const psac_network *network, int64_t trials, int64_t epoch) {
  if (curve->n_trials == 0) return PSAC_OK;
  if (curve->n == curve->capacity) {
    const int64_t capacity = curve->capacity ? 2 * curve->capacity : 64;
    psac_curve_point *point = realloc(curve->point, sizeof *point * (size_t)capacity);
    if (!point) return psac_fail(PSAC_ERR_MEMORY, "out of memory for the learning curve");
    curve->point = point;
    curve->capacity = capacity;
  }
  const psac_config *config = &network->config;
  const double duration = config->simulation.t_total, counted = duration - config->simulation.t_skip;
  const int64_t n = curve->n_trials, n_exc = network->shard.n_exc;
  curve->point[curve->n++] = (psac_curve_point){
      .trials = trials,
      .epoch = epoch,
      .accuracy = (double)curve->n_correct / (double)n,
      .mean_abs_td_error = curve->abs_td_error / (double)n,
      .rate_middle_exc = rate(curve->middle_spikes[0], n_exc, n, duration),
      .rate_middle_inh = rate(curve->middle_spikes[1], config->middle_layer.num_neurons - n_exc, n, duration),
      .rate_output = rate(curve->output_spikes, network->readout.layer[0].n, n, counted),
      .rate_critic = rate(curve->critic_spikes, network->readout.layer[1].n, n, counted),
  };
  curve->n_trials = curve->n_correct = curve->output_spikes = curve->critic_spikes = 0;
  curve->middle_spikes[0] = curve->middle_spikes[1] = 0;
  curve->abs_td_error = 0.0;
  return PSAC_OK;
}

void psac_curve_free(psac_curve *curve) {
  free(curve->point);
  memset(curve, 0, sizeof *curve);
}
