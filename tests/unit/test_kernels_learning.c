// Learning in model psac: eligibility against the literal sum over pairs of spikes, then the change of weights and
// means.
#include "shards.h"

enum { N = 97, N_STEPS = 120, N_TRIALS = 3, N_RANKS = 3 };

static const double decay = 0.951229424500714;  // exp(-1 / 20)

static char *random_spikes(const shards *cut, double p) {
  const size_t n = (size_t)N_STEPS * (size_t)cut->n_trials * N;
  char *spike = malloc(n);
  assert_non_null(spike);
  uint64_t random = 11;
  for (size_t k = 0; k < n; k++) spike[k] = next_uniform(&random) < p;
  shards_set_spikes(cut, spike);
  return spike;
}

// Output spikes [n_steps][n_trials].
static uint64_t *random_outputs(int n_trials, int n_output, double p) {
  uint64_t *spikes = calloc((size_t)N_STEPS * (size_t)n_trials, sizeof *spikes), random = 12;
  assert_non_null(spikes);
  for (int k = 0; k < N_STEPS * n_trials; k++) {
    for (int o = 0; o < n_output; o++) spikes[k] |= (uint64_t)(next_uniform(&random) < p) << o;
  }
  return spikes;
}

static psac_third_factor *random_factors(int n_trials, int n_output) {
  psac_third_factor *factors = calloc((size_t)n_trials, sizeof *factors);
  assert_non_null(factors);
  uint64_t random = 13;
  for (int b = 0; b < n_trials; b++) {
    for (int o = 0; o < n_output; o++) factors[b].output[o] = (float)(next_uniform(&random) * 0.4 - 0.2);
    factors[b].critic = (float)(next_uniform(&random) * 2.0 - 1.0);
  }
  return factors;
}

static void accumulate(const shards *cut, const uint64_t *outputs, const psac_third_factor *factors) {
  uint64_t *outputs_there = shards_alloc(cut, outputs, sizeof *outputs * N_STEPS * (size_t)cut->n_trials);
  psac_third_factor *factors_there = shards_alloc(cut, factors, sizeof *factors * (size_t)cut->n_trials);
  for (int rank = 0; rank < cut->n_ranks; rank++) {
    psac_stream *stream = cut->network[rank]->stream;
    assert_ok(cut->backend->stage->accumulate_eligibility(stream, shards_at(cut, rank), cut->n_trials, (float)decay,
                                                          outputs_there, factors_there));
    assert_ok(cut->backend->device->synchronize(stream));
  }
  cut->backend->device->release(outputs_there);
  cut->backend->device->release(factors_there);
}

// sum over the counted spikes t' of output o and the spikes t <= t' of the neuron of decay^(t' - t), and their number
static double pair_sum(const shards *cut, const char *spike, const uint64_t *outputs, int b, int64_t gid, int o,
                       int *n_pairs) {
  static double power[N_STEPS];
  for (int t = 0; t < N_STEPS && power[t] == 0.0; t++) power[t] = pow(decay, t);
  double sum = 0.0;
  for (int post = shards_at(cut, 0)->first_counted_step; post < N_STEPS; post++) {
    if (!(outputs[post * cut->n_trials + b] >> o & 1)) continue;
    for (int pre = 0; pre <= post; pre++) {
      if (!spike[(pre * cut->n_trials + b) * N + gid]) continue;
      sum += power[post - pre];
      ++*n_pairs;
    }
  }
  return sum;
}

static int count_of(const shards *cut, const char *spike, int b, int64_t gid) {
  int n = 0;
  for (int t = shards_at(cut, 0)->first_counted_step; t < N_STEPS; t++) n += spike[(t * cut->n_trials + b) * N + gid];
  return n;
}

// The eligibility of every neuron after `times` presentations of the same spikes.
static void check_eligibility_is(const shards *cut, const char *spike, const uint64_t *outputs,
                                 const psac_third_factor *factors, int times) {
  const psac_columns columns = shards_at(cut, 0)->columns;
  const double step = ldexp(1.0, -shards_at(cut, 0)->fraction_bits);
  const double critic_step = ldexp(1.0, -shards_at(cut, 0)->critic_fraction_bits);
  for (int rank = 0; rank < cut->n_ranks; rank++) {
    const psac_shard *shard = shards_at(cut, rank);
    int32_t *eligibility = shards_download(
        cut, shard->eligibility, sizeof *eligibility * (size_t)shard->n_local * (size_t)columns.n_eligibility);
    for (int i = 0; i < shard->n_local; i++) {
      const int32_t *row = eligibility + i * columns.n_eligibility;
      const int64_t gid = shard->first_gid + i;
      double critic = 0.0;
      int count = 0, n_spikes = 0;
      for (int b = 0; b < cut->n_trials; b++) {
        count += count_of(cut, spike, b, gid);
        critic += (double)factors[b].critic * count_of(cut, spike, b, gid);
        for (int t = 0; t < N_STEPS; t++) n_spikes += spike[(t * cut->n_trials + b) * N + gid];
      }
      for (int o = 0; o < columns.n_output; o++) {
        double expected = 0.0;
        int n_pairs = 0;
        for (int b = 0; b < cut->n_trials; b++) {
          expected += (double)factors[b].output[o] * pair_sum(cut, spike, outputs, b, gid, o, &n_pairs);
        }
        const double tolerance = times * (0.5 * n_spikes * step + 1e-5 * n_pairs);
        assert_near(row[o] * step, times * expected, tolerance + 1e-12);
      }
      assert_near(row[columns.n_output] * critic_step, times * critic,
                  times * (0.5 * n_spikes * critic_step + 1e-6 * count) + 1e-12);
      assert_int_equal(row[columns.n_output + 1], times * count);
    }
    free(eligibility);
  }
}

static void check_pairs(const psac_backend *backend) {
  static const int n_outputs[] = {10, 11, 64};
  for (size_t k = 0; k < COUNT(n_outputs); k++) {
    psac_config config = shards_config(N, N_STEPS, N_TRIALS);
    config.output_layer.num_neurons = n_outputs[k];
    shards cut;
    shards_create(&cut, backend, &config, N_RANKS);
    char *spike = random_spikes(&cut, 0.05);
    uint64_t *outputs = random_outputs(N_TRIALS, n_outputs[k], 0.1);
    psac_third_factor *factors = random_factors(N_TRIALS, n_outputs[k]);
    for (int times = 1; times <= 2; times++) {
      accumulate(&cut, outputs, factors);
      check_eligibility_is(&cut, spike, outputs, factors, times);
    }
    free(factors);
    free(outputs);
    free(spike);
    shards_destroy(&cut);
  }
}

static void test_eligibility_is_the_sum_over_pairs_of_spikes_times_the_third_factor(void **state) {
  (void)state;
  with_backend(check_pairs);
}

// Every neuron and every output spikes in every step, and all trials of a batch push the same way.
static void check_worst_case(const psac_backend *backend) {
  enum { BATCH = 64 };
  const psac_config config = shards_config(N, N_STEPS, BATCH);
  shards cut;
  shards_create(&cut, backend, &config, 1);
  char *spike = random_spikes(&cut, 1.0);
  uint64_t *outputs = random_outputs(BATCH, 10, 1.0);
  psac_third_factor *factors = random_factors(BATCH, 10);
  const int n_counted = N_STEPS - shards_at(&cut, 0)->first_counted_step;
  for (int b = 0; b < BATCH; b++) {
    for (int o = 0; o < 10; o++) factors[b].output[o] = 2.0f / (float)(n_counted + 1);
    factors[b].critic = 1.0f;
  }
  accumulate(&cut, outputs, factors);
  check_eligibility_is(&cut, spike, outputs, factors, 1);
  free(factors);
  free(outputs);
  free(spike);
  shards_destroy(&cut);
}

static void test_the_largest_possible_eligibility_fits(void **state) {
  (void)state;
  with_backend(check_worst_case);
}

// What apply_learning starts from: random weights in [0, 1], eligibilities and running means, on all ranks.
typedef struct learning_state {
  int32_t *row;          // [N][columns.n]
  int32_t *eligibility;  // [N][columns.n_eligibility]
  float *mean;           // [N]
} learning_state;

static learning_state random_state(const shards *cut) {
  const psac_columns columns = shards_at(cut, 0)->columns;
  learning_state state = {
      .row = shards_get_rows(cut),
      .eligibility = calloc((size_t)N * (size_t)columns.n_eligibility, sizeof(int32_t)),
      .mean = malloc(sizeof(float) * N),
  };
  assert_true(state.eligibility && state.mean);
  uint64_t random = 14;
  for (int64_t gid = 0; gid < N; gid++) {
    for (int o = 0; o < columns.n_output + columns.n_critic; o++) {
      const double w = next_uniform(&random) * 1.4 - 0.2;
      state.row[gid * columns.n + o] = (int32_t)lrint(fmin(fmax(w, 0.0), 1.0) * 0x1p30);
    }
    for (int o = 0; o <= columns.n_output; o++) {
      state.eligibility[gid * columns.n_eligibility + o] = (int32_t)(next_random(&random) >> 40) - (1 << 23);
    }
    state.eligibility[gid * columns.n_eligibility + columns.n_output + 1] = (int32_t)(next_random(&random) % 200);
    state.mean[gid] = (float)(next_uniform(&random) * 50.0);
  }
  shards_set_rows(cut, state.row);
  for (int rank = 0; rank < cut->n_ranks; rank++) {
    const psac_shard *shard = shards_at(cut, rank);
    const size_t first = (size_t)shard->first_gid, n = (size_t)shard->n_local;
    shards_upload(cut, shard->eligibility, state.eligibility + first * (size_t)columns.n_eligibility,
                  sizeof(int32_t) * n * (size_t)columns.n_eligibility);
    shards_upload(cut, shard->mean_count, state.mean + first, sizeof(float) * n);
  }
  return state;
}

static void free_state(learning_state *state) {
  free(state->row);
  free(state->eligibility);
  free(state->mean);
}

static psac_batch_factor random_batch(double power_mu) {
  psac_batch_factor batch = {
      .critic_target = 0.3f,
      .learning_rate = 0.02f,
      .critic_rate = 0.005f,
      .power_mu = (float)power_mu,
      .mean_rate = 0.125f,
      .n_trials = 7,
  };
  uint64_t random = 15;
  for (int o = 0; o < 10; o++) batch.target[o] = (float)(next_uniform(&random) * 0.4 - 0.2);
  return batch;
}

static void apply(const shards *cut, const psac_batch_factor *batch) {
  psac_batch_factor *there = shards_alloc(cut, batch, sizeof *batch);
  for (int rank = 0; rank < cut->n_ranks; rank++) {
    psac_stream *stream = cut->network[rank]->stream;
    assert_ok(cut->backend->stage->apply_learning(stream, shards_at(cut, rank), there));
    assert_ok(cut->backend->device->synchronize(stream));
  }
  cut->backend->device->release(there);
}

static double changed(double w, double gate, double rate, double mu) {
  const double bound = pow(2.0 * (gate > 0.0 ? 1.0 - w : w), mu);
  return fmin(fmax(w + rate * bound * gate, 0.0), 1.0);
}

static void check_apply(const psac_backend *backend) {
  static const double exponents[] = {0.0, 0.4, 1.0};
  for (size_t m = 0; m < COUNT(exponents); m++) {
    const psac_config config = shards_config(N, N_STEPS, N_TRIALS);
    shards cut;
    shards_create(&cut, backend, &config, N_RANKS);
    const psac_columns columns = shards_at(&cut, 0)->columns;
    const double step = ldexp(1.0, -shards_at(&cut, 0)->fraction_bits);
    const double critic_step = ldexp(1.0, -shards_at(&cut, 0)->critic_fraction_bits);
    learning_state before = random_state(&cut);
    const psac_batch_factor batch = random_batch(exponents[m]);
    apply(&cut, &batch);
    int32_t *after = shards_get_rows(&cut);
    for (int64_t gid = 0; gid < N; gid++) {
      const int32_t *old = before.row + gid * columns.n, *new = after + gid *columns.n;
      const int32_t *eligibility = before.eligibility + gid * columns.n_eligibility;
      const double mean = (double)before.mean[gid];
      for (int o = 0; o < columns.n_output; o++) {
        const double gate = eligibility[o] * step - mean * (double)batch.target[o];
        assert_near(new[o] * 0x1p-30, changed(old[o] * 0x1p-30, gate, (double)batch.learning_rate, exponents[m]), 2e-6);
      }
      const double critic_gate = eligibility[columns.n_output] * critic_step - mean * (double)batch.critic_target;
      for (int c = columns.n_output; c < columns.n_output + columns.n_critic; c++) {
        assert_near(new[c] * 0x1p-30, changed(old[c] * 0x1p-30, critic_gate, (double)batch.critic_rate, exponents[m]),
                    2e-6);
      }
      const double count = (double)eligibility[columns.n_output + 1] / batch.n_trials;
      assert_near(new[columns.mean_count] * 0x1p-8, mean + (double)batch.mean_rate * (count - mean), 0x1p-9 + 1e-5);
      assert_int_equal(new[columns.one], 1);
    }
    free(after);
    free_state(&before);
    shards_destroy(&cut);
  }
}

static void test_weights_and_means_change_as_power_stdp_says(void **state) {
  (void)state;
  with_backend(check_apply);
}

static void check_clear(const psac_backend *backend) {
  const psac_config config = shards_config(N, N_STEPS, N_TRIALS);
  shards cut;
  shards_create(&cut, backend, &config, N_RANKS);
  learning_state before = random_state(&cut);
  const psac_batch_factor batch = random_batch(0.0), nothing = {.n_trials = 1};
  apply(&cut, &batch);
  int32_t *first = shards_get_rows(&cut);
  apply(&cut, &nothing);
  int32_t *second = shards_get_rows(&cut);
  assert_memory_equal(first, second, sizeof *first * N * (size_t)shards_at(&cut, 0)->columns.n);
  for (int rank = 0; rank < N_RANKS; rank++) {
    const psac_shard *shard = shards_at(&cut, rank);
    const size_t n = (size_t)shard->n_padded * (size_t)shard->columns.n_eligibility;
    int32_t *eligibility = shards_download(&cut, shard->eligibility, sizeof *eligibility * n);
    for (size_t k = 0; k < n; k++) assert_int_equal(eligibility[k], 0);
    free(eligibility);
  }
  free(first);
  free(second);
  free_state(&before);
  shards_destroy(&cut);
}

static void test_learning_uses_the_eligibility_up(void **state) {
  (void)state;
  with_backend(check_clear);
}

static int64_t sum_of_squares(const psac_backend *backend, int n_ranks, double *expected) {
  const psac_config config = shards_config(N, N_STEPS, N_TRIALS);
  shards cut;
  shards_create(&cut, backend, &config, n_ranks);
  learning_state before = random_state(&cut);
  int64_t total = 0;
  *expected = 0.0;
  for (int64_t gid = 0; gid < N; gid++) *expected += (double)before.mean[gid] * (double)before.mean[gid];
  for (int rank = 0; rank < n_ranks; rank++) {
    int64_t *device = shards_alloc(&cut, NULL, sizeof *device);
    assert_ok(backend->stage->sum_mean_squares(cut.network[rank]->stream, shards_at(&cut, rank), device));
    int64_t *sum = shards_download(&cut, device, sizeof *sum);
    total += *sum;
    free(sum);
    backend->device->release(device);
  }
  free_state(&before);
  shards_destroy(&cut);
  return total;
}

static void check_squares(const psac_backend *backend) {
  double expected;
  const int64_t whole = sum_of_squares(backend, 1, &expected);
  assert_near((double)whole * 0x1p-8, expected, N * (2.0 * 50.0 * 0x1p-9 + 0x1p-8));
  for (int n_ranks = 2; n_ranks <= SHARDS_MAX; n_ranks++)
    assert_int_equal(sum_of_squares(backend, n_ranks, &expected), whole);
}

static void test_sum_of_squared_means_is_the_same_on_any_cut(void **state) {
  (void)state;
  with_backend(check_squares);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_eligibility_is_the_sum_over_pairs_of_spikes_times_the_third_factor),
      cmocka_unit_test(test_the_largest_possible_eligibility_fits),
      cmocka_unit_test(test_weights_and_means_change_as_power_stdp_says),
      cmocka_unit_test(test_learning_uses_the_eligibility_up),
      cmocka_unit_test(test_sum_of_squared_means_is_the_same_on_any_cut),
  };
  return cmocka_run_group_tests_name("kernels_learning", tests, NULL, NULL);
}
