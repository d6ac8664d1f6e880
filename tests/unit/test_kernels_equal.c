// Two backends compared: the same calls on the same inputs leave the same bits, for every kernel, on networks whose
// sizes lie at the edges of words, warps and blocks, whole or cut into three (of nine neurons, one rank then has none).
#include "shards.h"

enum { N_STEPS = 21, N_TRIALS = 3, N_UNITS = 196 };
typedef enum pattern { RANDOM, SILENT, SATURATED, N_PATTERNS } pattern;
static const char *const pattern_names[] = {"random", "silent", "saturated"};

typedef struct pair {
  shards side[2];  // the host's backend and the one under test
  pattern pattern;
  uint64_t random;
} pair;

static psac_network *network_of(const pair *both, int side, int rank) { return both->side[side].network[rank]; }

// One action on every rank of both sides, done when it returns.
typedef psac_status (*action)(const psac_backend *backend, psac_network *network, const void *context);
static void act(const pair *both, action call, const void *context) {
  for (int side = 0; side < 2; side++) {
    const shards *cut = &both->side[side];
    for (int rank = 0; rank < cut->n_ranks; rank++) {
      assert_ok(call(cut->backend, cut->network[rank], context));
      assert_ok(cut->backend->device->synchronize(cut->network[rank]->stream));
    }
  }
}

static void compare(const pair *both, int rank, const char *what, const void *left, const void *right, size_t n_bytes) {
  const unsigned char *a = shards_download(&both->side[0], left, n_bytes),
                      *b = shards_download(&both->side[1], right, n_bytes);
  for (size_t k = 0; k < n_bytes; k++) {
    if (a[k] == b[k]) continue;
    fail_msg("%s of rank %d of %d differs at byte %zu of %zu: %lld neurons, %s input", what, rank,
             both->side[0].n_ranks, k, n_bytes, (long long)both->side[0].config.middle_layer.num_neurons,
             pattern_names[both->pattern]);
  }
  free((void *)a);
  free((void *)b);
}

// The first n elements of an array of psac_network, on both sides.
#define SAME(both, rank, member, n)                                                                  \
  compare(both, rank, #member, network_of(both, 0, rank)->member, network_of(both, 1, rank)->member, \
          (size_t)(n) * sizeof *network_of(both, 0, rank)->member)

static void start(pair *both, const psac_backend *backend, int64_t n_neurons, int n_ranks, int64_t in_degree,
                  int model) {
  psac_config config = shards_config(n_neurons, N_STEPS, N_TRIALS);
  if (n_neurons > 1) config.recurrence.in_degree = in_degree;
  if (model == PSAC_MODEL_NOTEBOOK) {
    assert_ok(psac_config_overlay_file(&config, "notebook"));
    config.network.uniform_current = 2.25;             // or a single spike of the retina would make all neurons spike
    config.neuron.v_thresh = N_UNITS * 2.25 * 1 / 20;  // which one step of a saturated retina just reaches
  }
  config.simulation.t_total = N_STEPS;
  config.simulation.t_skip = 5;
  config.simulation.steps_per_reduce = 0;
  config.middle_layer.num_neurons = n_neurons;
  config.network.weight_sd = 0.3;
  *both = (pair){.random = (uint64_t)n_neurons};
  shards_create(&both->side[0], &psac_backend_cpu, &config, n_ranks);
  shards_create(&both->side[1], backend, &config, n_ranks);
  assert_int_equal(both->side[0].n_trials, N_TRIALS);
  assert_int_equal(shards_at(&both->side[0], 0)->n_units, N_UNITS);
}

static void finish(pair *both) {
  for (int side = 0; side < 2; side++) shards_destroy(&both->side[side]);
}

static int chance(pair *both, double probability) {
  return both->pattern == RANDOM ? next_uniform(&both->random) < probability : both->pattern == SATURATED;
}

// What a rank has been built with. Receptive fields lie elsewhere, and target lists are in any order within a source,
// so those are compared by what they do.
static void check_build(const pair *both, int rank) {
  const psac_shard *shard = shards_at(&both->side[0], rank);
  SAME(both, rank, shard.leak, shard->n_padded);
  SAME(both, rank, shard.alive, shard->n_words);
  SAME(both, rank, shard.refractory, shard->n_words * shard->n_refractory);
  SAME(both, rank, shard.rows, shard->n_padded * shard->columns.n);
  if (shard->in_degree == 0) return;
  assert_int_equal(shards_at(&both->side[1], rank)->n_sources, shard->n_sources);
  assert_int_equal(shards_at(&both->side[1], rank)->n_exc_sources, shard->n_exc_sources);
  SAME(both, rank, shard.source_mask, shard->n_source_words);
  SAME(both, rank, shard.source_first, shard->n_source_words);
  SAME(both, rank, shard.target_first, shard->n_sources + 1);
}

static uint64_t threshold[N_TRIALS][N_UNITS];

static psac_status encode(const psac_backend *backend, psac_network *network, const void *context) {
  static const psac_rng_key key = {{3, 9}};
  return backend->stage->encode_retina(network->stream, &network->shard, key, 0, N_TRIALS, context);
}

// Draws the retina from probabilities that include 0 and 1.
static void check_retina(pair *both) {
  psac_retina_trial trials[N_TRIALS];
  for (int b = 0; b < N_TRIALS; b++) {
    for (int u = 0; u < N_UNITS; u++) {
      const double p = both->pattern == RANDOM ? 0.2 * next_uniform(&both->random) : both->pattern == SATURATED;
      threshold[b][u] = (uint64_t)(p * 0x1p32);
    }
    trials[b] = (psac_retina_trial){UINT64_C(0xfffffffe) + (uint64_t)b, threshold[b]};
  }
  act(both, encode, trials);
  for (int rank = 0; rank < both->side[0].n_ranks; rank++) {
    SAME(both, rank, shard.retina_spikes, N_TRIALS * N_STEPS * shards_at(&both->side[0], rank)->n_retina_words);
  }
}

static psac_status reset_potentials(const psac_backend *backend, psac_network *network, const void *context) {
  (void)context;
  return backend->stage->reset_potentials(network->stream, &network->shard, N_TRIALS);
}

static psac_status count_spikes(const psac_backend *backend, psac_network *network, const void *context) {
  (void)context;
  return backend->stage->count_spikes(network->stream, &network->shard, N_TRIALS, network->messages.spike_counts);
}

// The whole presentation in one launch: the potentials and spikes that steps left on the host's backend.
static void check_presentation(const pair *both) {
  const shards *cut = &both->side[1];
  psac_network *network = network_of(both, 1, 0);
  if (!psac_backend_presents(cut->backend, &network->shard)) return;
  const psac_shard *shard = &network->shard;
  const size_t n_spikes = (size_t)N_STEPS * N_TRIALS * (size_t)shard->n_words;
  assert_int_equal(cut->n_ranks, 1);
  assert_ok(
      cut->backend->device->clear(network->stream, shard->v, sizeof *shard->v * N_TRIALS * (size_t)shard->n_padded));
  assert_ok(cut->backend->device->clear(network->stream, shard->spikes, sizeof *shard->spikes * n_spikes));
  assert_ok(cut->backend->stage->present_middle(network->stream, shard, N_TRIALS, network->exchange.delay));
  SAME(both, 0, shard.v, N_TRIALS * shard->n_padded);
  SAME(both, 0, shard.spikes, n_spikes);
}

static void check_middle(pair *both) {
  act(both, reset_potentials, NULL);
  for (int t = 0; t < N_STEPS; t++) {
    for (int side = 0; side < 2; side++)
      shards_step(&both->side[side], t, (int)both->side[side].config.recurrence.delay);
    for (int rank = 0; rank < both->side[0].n_ranks; rank++) {
      SAME(both, rank, shard.v, N_TRIALS * shards_at(&both->side[0], rank)->n_padded);
    }
  }
  act(both, count_spikes, NULL);
  for (int rank = 0; rank < both->side[0].n_ranks; rank++) {
    SAME(both, rank, shard.spikes, N_STEPS * N_TRIALS * shards_at(&both->side[0], rank)->n_words);
    SAME(both, rank, messages.spike_counts, 2);
  }
  check_presentation(both);
}

// Middle spikes of the pattern itself, whatever the network would have done.
static void set_middle_spikes(pair *both) {
  const size_t n = (size_t)N_STEPS * N_TRIALS * (size_t)both->side[0].config.middle_layer.num_neurons;
  char *spike = malloc(n);
  assert_non_null(spike);
  for (size_t k = 0; k < n; k++) spike[k] = (char)chance(both, 0.1);
  for (int side = 0; side < 2; side++) shards_set_spikes(&both->side[side], spike);
  free(spike);
}

typedef struct part {
  int first, n, t, n_steps;
} part;

static psac_status partial_drives(const psac_backend *backend, psac_network *network, const void *context) {
  const part *p = context;
  return backend->stage->partial_drives(network->stream, &network->shard, N_TRIALS, p->first, p->n, p->t, p->n_steps,
                                        network->readout.drives);
}

static psac_status reset_readout(const psac_backend *backend, psac_network *network, const void *context) {
  (void)context;
  return backend->stage->reset_readout(network->stream, &network->readout, N_TRIALS);
}

static psac_status step_readout(const psac_backend *backend, psac_network *network, const void *context) {
  const part *p = context;
  return backend->stage->step_readout(network->stream, &network->shard, &network->readout, N_TRIALS, p->t, p->n_steps);
}

// Drives of some steps and of some trials, then the layers that they drive.
static void check_readout(pair *both) {
  static const part parts[] = {{1, 1, 3, 1}, {0, 2, 0, 7}, {0, N_TRIALS, 0, N_STEPS}};
  const psac_shard *shard = shards_at(&both->side[0], 0);
  for (size_t k = 0; k < COUNT(parts); k++) {
    act(both, partial_drives, &parts[k]);
    for (int rank = 0; rank < both->side[0].n_ranks; rank++) {
      SAME(both, rank, readout.drives, parts[k].n_steps * parts[k].n * shard->columns.n);
    }
  }
  act(both, reset_readout, NULL);
  act(both, step_readout, &(part){.t = 0, .n_steps = 11});
  act(both, step_readout, &(part){.t = 11, .n_steps = N_STEPS - 11});
  SAME(both, 0, readout.v, N_TRIALS * 2 * PSAC_MAX_PLASTIC);
  SAME(both, 0, readout.free_at, N_TRIALS * 2 * PSAC_MAX_PLASTIC);
  SAME(both, 0, readout.counts, N_TRIALS * 2 * PSAC_MAX_PLASTIC);
  SAME(both, 0, readout.spikes, 2 * N_STEPS * N_TRIALS);
  SAME(both, 0, readout.totals, 2 * N_TRIALS);
}

typedef struct lesson {
  uint64_t outputs[N_STEPS * N_TRIALS];
  psac_third_factor third[N_TRIALS];
  psac_batch_factor factor;
} lesson;

static psac_status accumulate(const psac_backend *backend, psac_network *network, const void *context) {
  const lesson *given = context;
  PSAC_TRY(backend->device->upload(network->stream, network->readout.spikes, given->outputs, sizeof given->outputs));
  PSAC_TRY(backend->device->upload(network->stream, network->messages.third, given->third, sizeof given->third));
  return backend->stage->accumulate_eligibility(network->stream, &network->shard, N_TRIALS, 0.951f,
                                                network->readout.spikes, network->messages.third);
}

static psac_status apply(const psac_backend *backend, psac_network *network, const void *context) {
  const lesson *given = context;
  PSAC_TRY(backend->device->upload(network->stream, network->messages.batch, &given->factor, sizeof given->factor));
  PSAC_TRY(backend->stage->apply_learning(network->stream, &network->shard, network->messages.batch));
  return backend->stage->sum_mean_squares(network->stream, &network->shard, network->messages.mean_squares);
}

// A third factor is at most 2 / (spikes + 1), or sums could leave 32 bits.
static float third_factor(pair *both, const uint64_t *outputs, int b, int o) {
  int count = 0;
  for (int t = 0; t < N_STEPS; t++) count += (int)(outputs[t * N_TRIALS + b] >> o & 1);
  return (float)((next_uniform(&both->random) - 0.5) * 4.0 / (count + 1));
}

static void check_learning(pair *both) {
  lesson given = {.factor = {.critic_target = 0.02f,
                             .learning_rate = 0.5f,
                             .critic_rate = 0.1f,
                             .power_mu = 0.3f,
                             .mean_rate = 0.1f,
                             .n_trials = N_TRIALS}};
  const psac_columns columns = shards_at(&both->side[0], 0)->columns;
  for (int k = 0; k < N_STEPS * N_TRIALS; k++) {
    for (int o = 0; o < columns.n_output; o++) given.outputs[k] |= (uint64_t)chance(both, 0.2) << o;
  }
  for (int o = 0; o < columns.n_output; o++) {
    given.factor.target[o] = (float)(next_uniform(&both->random) - 0.5) * 0.1f;
    for (int b = 0; b < N_TRIALS; b++) given.third[b].output[o] = third_factor(both, given.outputs, b, o);
  }
  for (int b = 0; b < N_TRIALS; b++) given.third[b].critic = (float)(next_uniform(&both->random) - 0.5);
  for (int round = 0; round < 2; round++) {
    act(both, accumulate, &given);
    for (int rank = 0; rank < both->side[0].n_ranks; rank++) {
      SAME(both, rank, shard.eligibility, shards_at(&both->side[0], rank)->n_padded * columns.n_eligibility);
    }
    act(both, apply, &given);
    for (int rank = 0; rank < both->side[0].n_ranks; rank++) {
      const psac_shard *shard = shards_at(&both->side[0], rank);
      SAME(both, rank, shard.rows, shard->n_padded * columns.n);
      SAME(both, rank, shard.mean_count, shard->n_padded);
      SAME(both, rank, shard.eligibility, shard->n_padded * columns.n_eligibility);
      SAME(both, rank, messages.mean_squares, 1);
    }
  }
}

static psac_status accumulate_statistics(const psac_backend *backend, psac_network *network, const void *context) {
  return backend->stage->accumulate_statistics(network->stream, &network->shard, N_TRIALS, 1, N_TRIALS - 1, context);
}

// Into the drives, which are long enough and not needed any more.
static psac_status project(const psac_backend *backend, psac_network *network, const void *context) {
  (void)context;
  const size_t n = (size_t)network->shard.columns.n_output * N_UNITS;
  PSAC_TRY(backend->device->clear(network->stream, network->readout.drives, sizeof(int64_t) * n));
  return backend->stage->project_weights(network->stream, &network->shard, 1 << 29, network->readout.drives);
}

static void check_statistics(const pair *both) {
  static const uint8_t labels[N_TRIALS - 1] = {7, 2};
  const psac_columns columns = shards_at(&both->side[0], 0)->columns;
  const int has_fields = shards_at(&both->side[0], 0)->patch_size > 0;
  act(both, accumulate_statistics, labels);
  assert_true(!has_fields || columns.n_output * N_UNITS <= N_STEPS * N_TRIALS * columns.n);
  if (has_fields) act(both, project, NULL);
  for (int rank = 0; rank < both->side[0].n_ranks; rank++) {
    const psac_shard *shard = shards_at(&both->side[0], rank);
    SAME(both, rank, shard.isi, 2 * shard->n_padded);
    SAME(both, rank, shard.count_by_label, 10 * shard->n_padded);
    if (has_fields) SAME(both, rank, readout.drives, columns.n_output * N_UNITS);
  }
}

static psac_status learn_in_trial(const psac_backend *backend, psac_network *network, const void *context) {
  static const psac_reward reward = {-1.0, 0.99, 0.01};
  const part *p = context;
  PSAC_TRY(backend->stage->reset_readout(network->stream, &network->readout, 1));
  PSAC_TRY(backend->device->clear(network->stream, network->messages.event, sizeof *network->messages.event));
  for (int t = 0; t < N_STEPS; t++) {
    PSAC_TRY(backend->stage->partial_drives(network->stream, &network->shard, N_TRIALS, p->first, 1, t, 1,
                                            network->readout.drives));
    PSAC_TRY(backend->stage->step_readout(network->stream, &network->shard, &network->readout, 1, t, 1));
    PSAC_TRY(backend->notebook->judge_step(network->stream, &network->shard, &network->readout, t, &reward,
                                           network->messages.event));
    PSAC_TRY(backend->notebook->hebbian_step(network->stream, &network->shard, N_TRIALS, p->first, t,
                                             network->messages.event));
  }
  return PSAC_OK;
}

static void check_pattern(pair *both, int model) {
  check_retina(both);
  check_middle(both);
  for (int own = 0; own < 2; own++) {  // with the spikes of the network, and with those of the pattern
    if (own) set_middle_spikes(both);
    check_readout(both);
    if (model == PSAC_MODEL_PSAC) check_learning(both);
    check_statistics(both);
    if (model == PSAC_MODEL_PSAC) continue;
    act(both, learn_in_trial, &(part){.first = 2});
    for (int rank = 0; rank < both->side[0].n_ranks; rank++) {
      SAME(both, rank, messages.event, 1);
      SAME(both, rank, shard.rows,
           shards_at(&both->side[0], rank)->n_padded * shards_at(&both->side[0], rank)->columns.n);
    }
  }
}

static void check_network(const psac_backend *backend, int64_t n_neurons, int n_ranks, int64_t in_degree, int model) {
  pair both;
  start(&both, backend, n_neurons, n_ranks, in_degree, model);
  for (int rank = 0; rank < n_ranks; rank++) check_build(&both, rank);
  for (both.pattern = 0; both.pattern < N_PATTERNS; both.pattern++) check_pattern(&both, model);
  finish(&both);
}

// PSAC_TEST_QUICK=1: small networks only, for checkers that make kernels hundreds of times slower.
static int is_quick(void) { return getenv("PSAC_TEST_QUICK") != NULL; }

static void check_model(const psac_backend *backend, int model) {
  static const int64_t sizes[] = {1, 31, 32, 33, 997, 5000};
  for (size_t k = 0; k < COUNT(sizes) - (is_quick() ? 1 : 0); k++) check_network(backend, sizes[k], 1, 50, model);
  check_network(backend, 9, 3, 50, model);
  check_network(backend, 9, 8, 50, model);
  check_network(backend, 997, 3, 50, model);
  if (model == PSAC_MODEL_PSAC) check_network(backend, 997, 8, 7, model);  // lists of one or two targets
}

static void check_psac(const psac_backend *backend) { check_model(backend, PSAC_MODEL_PSAC); }
static void check_seed(const psac_backend *backend) { check_model(backend, PSAC_MODEL_NOTEBOOK); }

static void test_model_psac_has_the_same_bits(void **state) {
  (void)state;
  with_backend(check_psac);
}

// More neurons than 16 bits can name, so that targets take 32.
static void check_wide_targets(const psac_backend *backend) {
  pair both;
  start(&both, backend, 66000, 1, 5, PSAC_MODEL_PSAC);
  assert_int_equal(shards_at(&both.side[1], 0)->target_bytes, 4);
  check_build(&both, 0);
  check_retina(&both);
  check_middle(&both);
  finish(&both);
}

// More rows than are gone through at a time, and lists of one or two wide targets.
static void check_many_rows(const psac_backend *backend) {
  pair both;
  start(&both, backend, 90000, 1, 2, PSAC_MODEL_PSAC);
  check_middle(&both);
  set_middle_spikes(&both);
  check_readout(&both);
  check_learning(&both);
  finish(&both);
}

static void check_large_layers(const psac_backend *backend) {
  check_wide_targets(backend);
  check_many_rows(backend);
}

static void test_a_large_layer_has_the_same_bits(void **state) {
  (void)state;
  if (is_quick()) skip();
  with_backend(check_large_layers);
}

static void test_model_seed_has_the_same_bits(void **state) {
  (void)state;
  with_backend(check_seed);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_model_psac_has_the_same_bits),
      cmocka_unit_test(test_a_large_layer_has_the_same_bits),
      cmocka_unit_test(test_model_seed_has_the_same_bits),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
