// partial_drives and step_readout against sums and neurons written out one by one.
#include "shards.h"

enum { N_TRIALS = 4, N_STEPS = 50 };

// Weights over the whole range, some of them tiny, and small mean counts, in rows as built.
static int32_t *random_rows(const shards *cut) {
  const psac_columns columns = shards_at(cut, 0)->columns;
  int32_t *row = shards_get_rows(cut);
  uint64_t random = 8;
  for (int64_t gid = 0; gid < cut->config.middle_layer.num_neurons; gid++) {
    for (int o = 0; o < columns.n_output + columns.n_critic; o++) {
      const double weight = 4.0 * next_uniform(&random) - 2.0;
      row[gid * columns.n + o] =
          shards_store(cut, next_random(&random) % 4 ? weight : ldexp(weight, -(int)(next_random(&random) % 32)));
    }
    row[gid * columns.n + columns.mean_count] = (int32_t)(next_random(&random) % 20000);
  }
  shards_set_rows(cut, row);
  return row;
}

// Steps of all kinds: silent, saturated, a few spikes, many, and blocks of neighbours in unison.
static char *random_spikes(const shards *cut) {
  const int64_t n = cut->config.middle_layer.num_neurons;
  char *spike = malloc((size_t)N_STEPS * (size_t)cut->n_trials * (size_t)n);
  assert_non_null(spike);
  uint64_t random = 9;
  for (int k = 0; k < N_STEPS * cut->n_trials; k++) {
    for (int64_t gid = 0; gid < n; gid++) {
      const int together = gid / 100 % 2;
      spike[k * n + gid] = k % 5 == 0   ? 0
                           : k % 5 == 1 ? 1
                           : k % 5 == 2 ? (char)together
                                        : next_uniform(&random) < 0.02 * (k % 7);
    }
  }
  shards_set_spikes(cut, spike);
  return spike;
}

// Drives of all ranks together, of steps [t, t + n_steps) and trials [first, first + n).
static int64_t *sum_of_drives(const shards *cut, int first, int n, int t, int n_steps) {
  const size_t n_drives = (size_t)n_steps * (size_t)n * (size_t)shards_at(cut, 0)->columns.n;
  int64_t *sum = calloc(n_drives, sizeof *sum);
  assert_non_null(sum);
  for (int rank = 0; rank < cut->n_ranks; rank++) {
    int64_t *device = shards_alloc(cut, NULL, sizeof *device * n_drives);
    assert_ok(cut->backend->stage->partial_drives(cut->network[rank]->stream, shards_at(cut, rank), cut->n_trials,
                                                  first, n, t, n_steps, device));
    int64_t *drive = shards_download(cut, device, sizeof *drive * n_drives);
    for (size_t k = 0; k < n_drives; k++) sum[k] += drive[k];
    free(drive);
    cut->backend->device->release(device);
  }
  return sum;
}

static void check_drives_of(const shards *cut, int first, int n, int t, int n_steps) {
  const int64_t n_neurons = cut->config.middle_layer.num_neurons;
  const psac_columns columns = shards_at(cut, 0)->columns;
  int32_t *row = random_rows(cut);
  char *spike = random_spikes(cut);
  int64_t *drive = sum_of_drives(cut, first, n, t, n_steps);
  for (int k = 0; k < n_steps; k++) {
    for (int b = 0; b < n; b++) {
      const char *now = spike + ((t + k) * cut->n_trials + first + b) * n_neurons;
      for (int column = 0; column <= columns.one; column++) {
        int64_t expected = 0;
        for (int64_t gid = 0; gid < n_neurons; gid++) {
          expected += now[gid] ? shards_adds(cut, column, row[gid * columns.n + column]) : 0;
        }
        assert_true(drive[(k * n + b) * columns.n + column] == expected);
      }
    }
  }
  free(drive);
  free(spike);
  free(row);
}

static psac_config readout_config(int64_t n_neurons, int model, int64_t n_output, int64_t n_critic) {
  psac_config config = shards_config(n_neurons, N_STEPS, N_TRIALS);
  config.network.model = model;
  if (model == PSAC_MODEL_NOTEBOOK) config.training.batch_size = 1;
  config.output_layer.num_neurons = n_output;
  config.actor_critic.num_critic_neurons = n_critic;
  config.simulation.steps_per_reduce = 0;
  return config;
}

static void check_drives(const psac_backend *backend) {
  static const struct {
    int64_t n_neurons;
    int model, n_output, n_critic, n_ranks;
  } cases[] = {
      {1, PSAC_MODEL_PSAC, 10, 20, 1},     {31, PSAC_MODEL_PSAC, 10, 20, 3},     {333, PSAC_MODEL_PSAC, 10, 20, 1},
      {333, PSAC_MODEL_PSAC, 10, 20, 3},   {333, PSAC_MODEL_PSAC, 64, 64, 3},    {333, PSAC_MODEL_PSAC, 11, 1, 3},
      {1, PSAC_MODEL_NOTEBOOK, 10, 20, 1}, {31, PSAC_MODEL_NOTEBOOK, 10, 20, 3}, {333, PSAC_MODEL_NOTEBOOK, 10, 20, 3},
  };
  for (size_t k = 0; k < COUNT(cases); k++) {
    const psac_config config = readout_config(cases[k].n_neurons, cases[k].model, cases[k].n_output, cases[k].n_critic);
    shards cut;
    shards_create(&cut, backend, &config, cases[k].n_ranks);
    check_drives_of(&cut, 0, N_TRIALS, 0, N_STEPS);
    check_drives_of(&cut, 2, 1, 7, 13);
    shards_destroy(&cut);
  }
}

static void test_drives_are_the_sums_of_the_rows_of_spiking_neurons(void **state) {
  (void)state;
  with_backend(check_drives);
}

// Drives as a network of some hundred neurons makes them: [n_steps][n_trials][columns.n].
static int64_t *random_drives(const shards *cut, uint64_t seed) {
  const psac_columns columns = shards_at(cut, 0)->columns;
  int64_t *drive = calloc((size_t)N_STEPS * N_TRIALS * (size_t)columns.n, sizeof *drive);
  assert_non_null(drive);
  for (int k = 0; k < N_STEPS * N_TRIALS; k++) {
    int64_t *column = drive + k * columns.n;
    column[columns.one] = (int64_t)(next_random(&seed) % 30);
    column[columns.mean_count] = (int64_t)(next_random(&seed) % 100000);
    for (int o = 0; o < columns.n_output + columns.n_critic; o++) {
      column[o] = (int64_t)((double)column[columns.one] * (0.2 + 0.6 * next_uniform(&seed)) *
                            (cut->config.network.model == PSAC_MODEL_NOTEBOOK ? 0x1p36 : 0x1p30));
    }
  }
  return drive;
}

typedef struct plain_readout {
  uint64_t spikes[2][N_STEPS][N_TRIALS];
  int32_t counts[N_TRIALS][2][PSAC_MAX_PLASTIC];
  int64_t totals[N_TRIALS][2];
} plain_readout;

static void simulate_layer(const shards *cut, int l, const int64_t *drives, plain_readout *plain) {
  const psac_shard *shard = shards_at(cut, 0);
  const psac_readout_layer *layer = &cut->network[0]->readout.layer[l];
  const psac_columns columns = shard->columns;
  const double step = cut->config.network.model == PSAC_MODEL_NOTEBOOK ? 0x1p-36 : 0x1p-30;
  for (int b = 0; b < N_TRIALS; b++) {
    for (int o = 0; o < layer->n; o++) {
      double v = (double)layer->neuron.v_rest;
      int last = -1000000;
      for (int t = 0; t < N_STEPS; t++) {
        const int64_t *drive = drives + (t * N_TRIALS + b) * columns.n;
        if (t - last < layer->refractory_steps) continue;
        const double reference = (double)layer->weight_reference * (double)drive[columns.one];
        const double weighted =
            layer->first_column < 0 ? 0.0 : (double)drive[layer->first_column + o] * step - reference;
        const double current = (double)layer->bias_current + (double)layer->gain * weighted;
        v = fmax(v + (current - v) * (double)layer->neuron.dt / (double)layer->tau_m, (double)layer->v_floor);
        if (v < (double)layer->neuron.v_thresh) continue;
        v = (double)layer->neuron.v_reset;
        last = t;
        plain->spikes[l][t][b] |= (uint64_t)1 << o;
        plain->counts[b][l][o] += t >= shard->first_counted_step;
      }
    }
  }
}

static void simulate_readout(const shards *cut, const int64_t *drives, plain_readout *plain) {
  const psac_shard *shard = shards_at(cut, 0);
  memset(plain, 0, sizeof *plain);
  for (int l = 0; l < 2; l++) simulate_layer(cut, l, drives, plain);
  for (int t = shard->first_counted_step; t < N_STEPS; t++) {
    for (int b = 0; b < N_TRIALS; b++) {
      const int64_t *drive = drives + (t * N_TRIALS + b) * shard->columns.n;
      plain->totals[b][0] += drive[shard->columns.mean_count];
      plain->totals[b][1] += drive[shard->columns.one];
    }
  }
}

// One presentation in blocks of `block` steps.
static void present(const shards *cut, const int64_t *drives, int block) {
  const psac_network *network = cut->network[0];
  const size_t stride = (size_t)N_TRIALS * (size_t)network->shard.columns.n;
  assert_ok(cut->backend->stage->reset_readout(network->stream, &network->readout, N_TRIALS));
  for (int t = 0; t < N_STEPS; t += block) {
    const int n = N_STEPS - t < block ? N_STEPS - t : block;
    shards_upload(cut, network->readout.drives, drives + (size_t)t * stride, sizeof *drives * (size_t)n * stride);
    assert_ok(cut->backend->stage->step_readout(network->stream, &network->shard, &network->readout, N_TRIALS, t, n));
  }
}

static void compare_readout(const shards *cut, const plain_readout *plain) {
  const psac_readout *readout = &cut->network[0]->readout;
  uint64_t *spikes = shards_download(cut, readout->spikes, sizeof plain->spikes);
  int32_t *counts = shards_download(cut, readout->counts, sizeof plain->counts);
  int64_t *totals = shards_download(cut, readout->totals, sizeof plain->totals);
  assert_memory_equal(spikes, plain->spikes, sizeof plain->spikes);
  assert_memory_equal(counts, plain->counts, sizeof plain->counts);
  assert_memory_equal(totals, plain->totals, sizeof plain->totals);
  free(spikes);
  free(counts);
  free(totals);
}

static int64_t count_spikes(const plain_readout *plain, int l) {
  int64_t n = 0;
  for (int t = 0; t < N_STEPS; t++) {
    for (int b = 0; b < N_TRIALS; b++) n += __builtin_popcountll(plain->spikes[l][t][b]);
  }
  return n;
}

static void check_layers(const psac_backend *backend, const psac_config *config, int critic_spikes) {
  static const int blocks[] = {1, 7, N_STEPS};
  static plain_readout plain;
  shards cut;
  shards_create(&cut, backend, config, 1);
  for (size_t k = 0; k < COUNT(blocks); k++) {
    int64_t *drives = random_drives(&cut, 10 + k);
    simulate_readout(&cut, drives, &plain);
    present(&cut, drives, blocks[k]);
    compare_readout(&cut, &plain);
    assert_true(count_spikes(&plain, 0) > 20);
    assert_int_equal(count_spikes(&plain, 1) > 0, critic_spikes);
    free(drives);
  }
  shards_destroy(&cut);
}

static void check_psac_layers(const psac_backend *backend) {
  psac_config config = readout_config(97, PSAC_MODEL_PSAC, 10, 20);
  check_layers(backend, &config, 1);
  config = readout_config(97, PSAC_MODEL_PSAC, 64, 64);
  config.simulation.dt = 0.5;
  config.simulation.t_total = 0.5 * N_STEPS;
  config.simulation.t_skip = 3.3;
  config.output_layer.refractory = 4.0;
  config.output_layer.v_floor = -1.0;
  config.neuron.v_rest = -0.5;
  check_layers(backend, &config, 1);
}

static void test_output_and_critic_neurons_follow_their_drives(void **state) {
  (void)state;
  with_backend(check_psac_layers);
}

static void check_seed_layers(const psac_backend *backend) {
  psac_config config = readout_config(97, PSAC_MODEL_NOTEBOOK, 10, 20);
  assert_ok(psac_config_overlay_file(&config, "notebook"));
  check_layers(backend, &config, 0);
}

static void test_critic_of_the_notebook_has_no_input(void **state) {
  (void)state;
  with_backend(check_seed_layers);
}

static void check_reset(const psac_backend *backend) {
  const psac_config config = readout_config(97, PSAC_MODEL_PSAC, 10, 20);
  static plain_readout plain;
  shards cut;
  shards_create(&cut, backend, &config, 1);
  int64_t *drives = random_drives(&cut, 20), *others = random_drives(&cut, 21);
  present(&cut, others, N_STEPS);
  present(&cut, drives, N_STEPS);
  simulate_readout(&cut, drives, &plain);
  compare_readout(&cut, &plain);
  free(drives);
  free(others);
  shards_destroy(&cut);
}

static void test_a_presentation_leaves_nothing_to_the_next(void **state) {
  (void)state;
  with_backend(check_reset);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_drives_are_the_sums_of_the_rows_of_spiking_neurons),
      cmocka_unit_test(test_output_and_critic_neurons_follow_their_drives),
      cmocka_unit_test(test_critic_of_the_notebook_has_no_input),
      cmocka_unit_test(test_a_presentation_leaves_nothing_to_the_next),
  };
  return cmocka_run_group_tests_name("kernels_readout", tests, NULL, NULL);
}
