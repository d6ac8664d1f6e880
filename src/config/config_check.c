#include "src/config/config.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>

enum { N_STEPS_MAX = 1000000 };

int64_t psac_config_n_steps(const psac_config *config) {
  return (int64_t)(config->simulation.t_total / config->simulation.dt);
}

int64_t psac_config_first_counted_step(const psac_config *config) {
  return psac_config_steps(config->simulation.t_skip, config->simulation.dt);
}

int64_t psac_config_n_exc(const psac_config *config) {
  return (int64_t)((double)config->middle_layer.num_neurons * config->middle_layer.ratio_exc);
}

int64_t psac_config_steps(double duration_ms, double dt_ms) {
  return (int64_t)ceil(duration_ms / dt_ms * (1.0 - 4.0 * DBL_EPSILON));
}

static psac_status check_time(const psac_config *config) {
  const double dt = config->simulation.dt, t_total = config->simulation.t_total, t_skip = config->simulation.t_skip;
  const int64_t n_steps = psac_config_n_steps(config);
  if (n_steps < 1)
    return psac_fail(PSAC_ERR_INPUT, "simulation.t_total = %g ms is less than one timestep, simulation.dt = %g ms",
                     t_total, dt);
  if (n_steps > N_STEPS_MAX)
    return psac_fail(PSAC_ERR_INPUT,
                     "simulation.t_total = %g ms is %" PRId64
                     " timesteps of simulation.dt = %g ms; "
                     "at most %d are possible",
                     t_total, n_steps, dt, N_STEPS_MAX);
  if (psac_config_first_counted_step(config) >= n_steps)
    return psac_fail(PSAC_ERR_INPUT,
                     "simulation.t_skip = %g ms leaves no timestep to count spikes in; it has to be less than "
                     "simulation.t_total = %g ms by at least simulation.dt = %g ms",
                     t_skip, t_total, dt);
  return PSAC_OK;
}

static psac_status check_potentials(const psac_config *config) {
  const double rest = config->neuron.v_rest, thresh = config->neuron.v_thresh, reset = config->neuron.v_reset;
  if (rest >= thresh)
    return psac_fail(PSAC_ERR_INPUT, "neuron.v_rest = %g mV has to be below neuron.v_thresh = %g mV", rest, thresh);
  if (reset >= thresh)
    return psac_fail(PSAC_ERR_INPUT, "neuron.v_reset = %g mV has to be below neuron.v_thresh = %g mV", reset, thresh);
  return PSAC_OK;
}

static psac_status check_floor(const psac_config *config, const char *section, double v_floor) {
  const double lowest = fmin(config->neuron.v_rest, config->neuron.v_reset);
  if (v_floor <= lowest) return PSAC_OK;
  return psac_fail(PSAC_ERR_INPUT,
                   "%s.v_floor = %g mV has to be at most %g mV, the lower of neuron.v_rest and neuron.v_reset", section,
                   v_floor, lowest);
}

static psac_status check_retina(const psac_config *config) {
  const int64_t *size = config->retina.input_size;
  const int64_t pool_size = config->retina.pool_size, stride = config->retina.stride;
  const int64_t smaller = size[0] < size[1] ? size[0] : size[1];
  if (pool_size > smaller || stride > smaller)
    return psac_fail(PSAC_ERR_INPUT,
                     "retina.pool_size = %" PRId64 " and retina.stride = %" PRId64
                     " have to be at most the smaller side of retina.input_size = [%" PRId64 ", %" PRId64 "]",
                     pool_size, stride, size[0], size[1]);
  return PSAC_OK;
}

static psac_status check_model_notebook(const psac_config *config) {
  if (config->middle_layer.neuron != 0)
    return psac_fail(PSAC_ERR_INPUT,
                     "middle_layer.neuron = alif needs network.model = psac; the notebook's neurons are lif");
  if (config->training.batch_size != 1)
    return psac_fail(PSAC_ERR_INPUT,
                     "training.batch_size = %" PRId64
                     " has to be 1 for network.model = notebook, "
                     "because its weights change within a trial",
                     config->training.batch_size);
  return PSAC_OK;
}

static psac_status check_model_psac(const psac_config *config) {
  const int64_t height = config->retina.input_size[0] / config->retina.stride;
  const int64_t width = config->retina.input_size[1] / config->retina.stride;
  const int64_t patch = config->receptive_field.size;
  if (patch > height || patch > width)
    return psac_fail(PSAC_ERR_INPUT,
                     "receptive_field.size = %" PRId64 " does not fit the retina of %" PRId64 " x %" PRId64
                     " pooled pixels (retina.input_size / retina.stride)",
                     patch, height, width);

  if (config->recurrence.in_degree == 0) return PSAC_OK;
  if (config->middle_layer.num_neurons < 2)
    return psac_fail(PSAC_ERR_INPUT,
                     "recurrence.in_degree = %" PRId64
                     " needs middle_layer.num_neurons of at least 2: "
                     "no neuron has a synapse onto itself",
                     config->recurrence.in_degree);
  if (config->recurrence.delay >= psac_config_n_steps(config))
    return psac_fail(PSAC_ERR_INPUT,
                     "recurrence.delay = %" PRId64 " steps has to be less than the %" PRId64
                     " steps of a presentation "
                     "(simulation.t_total / simulation.dt)",
                     config->recurrence.delay, psac_config_n_steps(config));
  return PSAC_OK;
}

psac_status psac_config_check(const psac_config *config, int n_ranks) {
  PSAC_TRY(check_time(config));
  PSAC_TRY(check_potentials(config));
  PSAC_TRY(check_floor(config, "output_layer", config->output_layer.v_floor));
  PSAC_TRY(check_floor(config, "actor_critic", config->actor_critic.v_floor));
  PSAC_TRY(check_retina(config));
  if (config->middle_layer.num_neurons < n_ranks)
    return psac_fail(PSAC_ERR_INPUT,
                     "middle_layer.num_neurons = %" PRId64
                     " is less than the %d ranks of this run; "
                     "every rank needs at least one neuron",
                     config->middle_layer.num_neurons, n_ranks);
  return config->network.model == PSAC_MODEL_NOTEBOOK ? check_model_notebook(config) : check_model_psac(config);
}
