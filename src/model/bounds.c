#include "src/model/bounds.h"

#include <math.h>

#include "kernels/backend.h"
#include "src/model/retina.h"

// Sums that need no check, because n_steps <= 10^6 (config_check.c) and N <= 2^33 neurons (psac_bounds_check):
//   spikes of a presentation     N n_steps <= 8.6e15, int64
//   spikes of a neuron           n_steps <= 1e6, int32
//   column mean_count of a row   2^8 mean count <= 2^8 n_steps <= 2.6e8, int32
//   its square                   6.6e16, int64
//   word_sum                     64 weights of at most 2 in steps of 2^-36: 2^43, int64
//   CV2 of a neuron's intervals  2^25 for each spike of all images, at most 10 times those of one label,
//                                which psac_bounds_check_images keeps below 2^30: 2^59, int64
// The sums of choose_current_scale (build.c) and of eligibility (rules/power_stdp) are bounded by the choice of their
// unit.

// Checks are in double. Its relative error of 1e-16 is negligible against a factor of two.
static const double limit_i64 = 0x1p62, limit_i32 = 0x1p30;

int64_t psac_bounds_spikes(const psac_config *config) {
  const double shortest = fmin(config->middle_layer.refractory_exc, config->middle_layer.refractory_inh);
  const int64_t steps = psac_config_steps(shortest, config->simulation.dt), apart = steps > 1 ? steps : 1;
  return (psac_config_n_steps(config) + apart - 1) / apart;
}

int psac_bounds_drive_bits(const psac_config *config) {
  return config->network.model == PSAC_MODEL_NOTEBOOK ? PSAC_NOTEBOOK_BITS : PSAC_WEIGHT_BITS;
}

// A step's drive is the sum of the weights of the neurons that spike. The notebook's rule rounds each weight to a
// multiple of 2^-36, with an error of at most 1/2 step: N (w 2^36 + 1/2) < 2^63 if N w 2^36 <= 2^62, because N < 2^33.
// The other rule's weights are multiples of 2^-30: N w 2^30 <= 2^63 - 2^30.
static double largest_sum_of_weights(const psac_config *config) {
  return config->network.model == PSAC_MODEL_NOTEBOOK ? ldexp(limit_i64, -PSAC_NOTEBOOK_BITS)
                                                      : ldexp(2.0 * limit_i64, -PSAC_WEIGHT_BITS) - 1.0;
}

double psac_bounds_weight(const psac_config *config) {
  return fmin(2.0, largest_sum_of_weights(config) / (double)config->middle_layer.num_neurons);
}

// The largest initial weight. wiring_core.h clamps weights to [-1, 1.5]. No draw is 9 standard deviations from the
// mean: the polar method with numbers of at least 2^-24 in magnitude gives at most sqrt(-2 ln 2^-47) = 8.1.
static double largest_initial_weight(const psac_config *config) {
  return fmin(config->network.weight_mean + 9.0 * config->network.weight_sd, 1.5);
}

// Projection of the weights onto the retina: a pixel's sum has (w - reference) 2^16, less than 3 * 2^16 in magnitude,
// times a field weight of at most 16 bits, over the neurons whose field contains the pixel. Minicolumns take positions
// in turn, so that the numbers of minicolumns at two positions differ by at most one.
static psac_status check_projection(const psac_config *config) {
  int height, width;
  psac_retina_size(config, &height, &width);
  const double size = (double)config->receptive_field.size, n = (double)config->middle_layer.num_neurons;
  const double positions = (height - size + 1.0) * (width - size + 1.0);
  const double covering = fmin(n, size * size * (n / positions + 2.0 * PSAC_MINICOLUMN));
  const double field = fmin(config->receptive_field.norm * PSAC_SCALE_MAX, INT16_MAX);
  if (covering * field * 3.0 * 0x1p16 <= 2.0 * limit_i64) return PSAC_OK;
  return psac_fail(
      PSAC_ERR_INPUT,
      "middle_layer.num_neurons = %lld neurons with receptive_field.norm = %g can overflow the 64-bit sums of "
      "weights by pixel; allowed: a smaller product of both",
      (long long)config->middle_layer.num_neurons, config->receptive_field.norm);
}

psac_status psac_bounds_check(const psac_config *config) {
  const double n = (double)config->middle_layer.num_neurons, spikes = (double)psac_bounds_spikes(config);
  // Learned weights lie in [0, 1].
  const double weight = fmax(largest_initial_weight(config), 1.0);
  if (weight > psac_bounds_weight(config)) {
    return psac_fail(PSAC_ERR_INPUT,
                     "middle_layer.num_neurons = %lld neurons with weights of up to %g can overflow "
                     "the 64-bit sum of a step; allowed: %.0f neurons, or a smaller network.weight_mean and "
                     "network.weight_sd",
                     (long long)config->middle_layer.num_neurons, weight,
                     floor(largest_sum_of_weights(config) / weight));
  }
  // In a presentation, each spike of a neuron adds the neuron's running mean count, in steps of 2^-8. With at most c
  // spikes per neuron, the sum is at most N c^2 2^8; so is the sum of the squared means.
  if (n * spikes * spikes * 0x1p8 > limit_i64) {
    return psac_fail(
        PSAC_ERR_INPUT,
        "middle_layer.num_neurons = %lld neurons with up to %.0f spikes each in a presentation can overflow "
        "the 64-bit sums of their activity; allowed: %.0f neurons, or a shorter simulation.t_total or a longer "
        "refractory period",
        (long long)config->middle_layer.num_neurons, spikes, floor(limit_i64 / (spikes * spikes * 0x1p8)));
  }
  return config->network.model == PSAC_MODEL_PSAC ? check_projection(config) : PSAC_OK;
}

psac_status psac_bounds_check_images(const psac_config *config, int64_t n_of_label) {
  const double spikes = (double)psac_bounds_spikes(config);
  // A neuron's spikes of one label are counted in 32 bits.
  if ((double)n_of_label * spikes <= limit_i32) return PSAC_OK;
  return psac_fail(PSAC_ERR_INPUT,
                   "%lld evaluation images of one digit with up to %.0f spikes each can overflow a "
                   "32-bit count; allowed: %.0f (evaluation.max_images), or a shorter simulation.t_total",
                   (long long)n_of_label, spikes, floor(limit_i32 / spikes));
}
