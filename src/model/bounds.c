#include "src/model/bounds.h"

#include <math.h>

#include "kernels/backend.h"
#include "src/model/retina.h"

// Sums that need no check, n_steps being at most 10^6 (config_check.c) and N at most 8 * 10^9 neurons:
//   spikes of a presentation     N n_steps <= 8e15, int64
//   the same, in counts          n_steps <= 1e6, int32
//   column mean_count of a row   2^8 mean count <= 2^8 n_steps <= 2.6e8, int32
//   the square of it             6.6e16, int64
//   word_sum                     64 weights of at most 2 in steps of 2^-36: 2^43, int64
//   CV2 of a neuron's intervals  2^25 for each spike of all images: at most 10 times those of one label, which the
//   check
//                                below keeps below 2^30; 2^59, int64
// Those of choose_current_scale (build.c) and of eligibility (rules/power_stdp) are bounded by the choice of the unit.

// Checks are in double, whose relative error of 1e-16 does not matter beside a factor of two.
static const double limit_i64 = 0x1p62, limit_i32 = 0x1p30;

int64_t psac_bounds_spikes(const psac_config *config) {
  const double shortest = fmin(config->middle_layer.refractory_exc, config->middle_layer.refractory_inh);
  const int64_t steps = psac_config_steps(shortest, config->simulation.dt), apart = steps > 1 ? steps : 1;
  return (psac_config_n_steps(config) + apart - 1) / apart;
}

int psac_bounds_drive_bits(const psac_config *config) {
  return config->network.model == PSAC_MODEL_NOTEBOOK ? PSAC_NOTEBOOK_BITS : PSAC_WEIGHT_BITS;
}

// A step's drive is the sum of the weights of the neurons that spike. In the notebook's rule these are rounded to
// steps, of which each is off by 1/2 at most: N (w 2^36 + 1/2) < 2^63 if N w 2^36 <= 2^62, as N is below 2^33. Else
// they are whole steps: N w 2^30 < 2^63.
static double largest_sum_of_weights(const psac_config *config) {
  return config->network.model == PSAC_MODEL_NOTEBOOK ? ldexp(limit_i64, -PSAC_NOTEBOOK_BITS)
                                                      : ldexp(2.0 * limit_i64, -PSAC_WEIGHT_BITS);
}

double psac_bounds_weight(const psac_config *config) {
  return fmin(2.0, largest_sum_of_weights(config) / (double)config->middle_layer.num_neurons);
}

// The largest initial weight: wiring_core.h keeps it within [-1, 1.5], and no draw is 9 standard deviations away, as
// the polar method with numbers of at least 2^-24 gives at most sqrt(-2 ln 2^-47) = 8.1.
static double largest_initial_weight(const psac_config *config) {
  return fmin(config->network.weight_mean + 9.0 * config->network.weight_sd, 1.5);
}

// The weights by pixel sum (w - reference) 2^16, less than 3 * 2^16 in size, times a field's weight of at most 16 bits,
// over the neurons whose field has the pixel: minicolumns take positions in turn, so that no position has two
// more than another.
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
  // What has been learned lies in [0, 1].
  const double weight = fmax(largest_initial_weight(config), 1.0);
  if (weight > psac_bounds_weight(config)) {
    return psac_fail(PSAC_ERR_INPUT,
                     "middle_layer.num_neurons = %lld neurons with weights of up to %g can overflow "
                     "the 64-bit sum of a step; allowed: %.0f neurons, or a smaller network.weight_mean and "
                     "network.weight_sd",
                     (long long)config->middle_layer.num_neurons, weight,
                     floor(largest_sum_of_weights(config) / weight));
  }
  // Over a presentation, a neuron adds its running mean count, in steps of 2^-8, with each of its spikes; the sum of
  // squares of the means is as large: N c^2 2^8 for c spikes of each.
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
  // A neuron's spikes by label are counted in 32 bits.
  if ((double)n_of_label * spikes <= limit_i32) return PSAC_OK;
  return psac_fail(PSAC_ERR_INPUT,
                   "%lld evaluation images of one digit with up to %.0f spikes each can overflow a "
                   "32-bit count; allowed: %.0f (evaluation.max_images), or a shorter simulation.t_total",
                   (long long)n_of_label, spikes, floor(limit_i32 / spikes));
}
