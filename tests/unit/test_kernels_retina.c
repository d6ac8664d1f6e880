// encode_retina: spike trains with the given probabilities, draw for draw as the contract of the random streams says.
#include "shards.h"

enum { N_STEPS = 333, N_TRIALS = 5, N_UNITS = 196 };  // steps: no multiple of any block size

static uint64_t threshold[N_TRIALS][N_UNITS];
static const psac_rng_key key = {{7, 8}};

static void encode(const shards *cut, int first, int n, const psac_retina_trial *trials) {
  const psac_network *network = cut->network[0];
  assert_ok(cut->backend->stage->encode_retina(network->stream, &network->shard, key, first, n, trials));
  assert_ok(cut->backend->device->synchronize(network->stream));
}

static void start(shards *cut, const psac_backend *backend) {
  const psac_config config = shards_config(8, N_STEPS, N_TRIALS);
  shards_create(cut, backend, &config, 1);
  assert_int_equal(shards_at(cut, 0)->n_units, N_UNITS);
}

// The spikes of all trials; the caller frees them.
static uint64_t *bits(const shards *cut) {
  const psac_shard *shard = shards_at(cut, 0);
  return shards_download(cut, shard->retina_spikes,
                         sizeof(uint64_t) * N_TRIALS * N_STEPS * (size_t)shard->n_retina_words);
}

static int bit_at(const shards *cut, const uint64_t *spikes, int b, int t, int u) {
  const size_t words = (size_t)shards_at(cut, 0)->n_retina_words;
  return (int)(spikes[((size_t)b * N_STEPS + (size_t)t) * words + (size_t)u / 64] >> (u % 64) & 1);
}

static void check_draws(const psac_backend *backend) {
  shards cut;
  start(&cut, backend);
  uint64_t random = 5;
  psac_retina_trial trials[N_TRIALS];
  for (int b = 0; b < N_TRIALS; b++) {
    for (int u = 0; u < N_UNITS; u++) threshold[b][u] = next_random(&random) >> 32;
    trials[b] = (psac_retina_trial){(uint64_t)b * 0x100000001, threshold[b]};
  }
  encode(&cut, 0, N_TRIALS, trials);
  uint64_t *spikes = bits(&cut);
  for (int t = 0; t < N_STEPS; t++) {
    for (int b = 0; b < N_TRIALS; b++) {
      for (int u = 0; u < N_UNITS; u++) {
        const uint64_t trial = trials[b].trial;
        const psac_rng_block draw =
            psac_rng_draw(key, (uint32_t)t / 4, (uint32_t)u, (uint32_t)trial, (uint32_t)(trial >> 32));
        assert_int_equal(bit_at(&cut, spikes, b, t, u), draw.word[t % 4] < threshold[b][u]);
      }
    }
  }
  free(spikes);
  shards_destroy(&cut);
}

static void test_a_spike_is_a_draw_of_trial_unit_and_step_below_the_threshold(void **state) {
  (void)state;
  with_backend(check_draws);
}

static void check_certainty(const psac_backend *backend) {
  shards cut;
  start(&cut, backend);
  for (int u = 0; u < N_UNITS; u++) {
    threshold[0][u] = 0;
    threshold[1][u] = (uint64_t)1 << 32;
  }
  const psac_retina_trial trials[2] = {{0, threshold[0]}, {1, threshold[1]}};
  encode(&cut, 0, 2, trials);
  encode(&cut, 0, 2, trials);  // over spikes that are there already
  uint64_t *spikes = bits(&cut);
  for (int t = 0; t < N_STEPS; t++) {
    for (int u = 0; u < N_UNITS; u++) {
      for (int b = 0; b < 2; b++) assert_int_equal(bit_at(&cut, spikes, b, t, u), b);
    }
  }
  free(spikes);
  shards_destroy(&cut);
}

static void test_black_never_spikes_and_saturation_always(void **state) {
  (void)state;
  with_backend(check_certainty);
}

static void check_rates(const psac_backend *backend) {
  shards cut;
  start(&cut, backend);
  psac_retina_trial trials[N_TRIALS];
  for (int b = 0; b < N_TRIALS; b++) {
    for (int u = 0; u < N_UNITS; u++) threshold[b][u] = (uint64_t)(0.1 * (b + 1) * 0x1p32);
    trials[b] = (psac_retina_trial){(uint64_t)b, threshold[b]};
  }
  encode(&cut, 0, N_TRIALS, trials);
  uint64_t *spikes = bits(&cut);
  for (int b = 0; b < N_TRIALS; b++) {
    const double p = 0.1 * (b + 1), n = (double)N_STEPS * N_UNITS;
    int64_t count = 0;
    for (int t = 0; t < N_STEPS; t++) {
      for (int u = 0; u < N_UNITS; u++) count += bit_at(&cut, spikes, b, t, u);
    }
    assert_near((double)count / n, p, 5.0 * sqrt(p * (1.0 - p) / n));
  }
  free(spikes);
  shards_destroy(&cut);
}

static void test_rates_are_the_given_probabilities(void **state) {
  (void)state;
  with_backend(check_rates);
}

// Trials 1 and 2 of the presentation, drawn by themselves, as a rank draws its share: the others' bits stay.
static void check_share(const psac_backend *backend) {
  shards cut;
  start(&cut, backend);
  psac_retina_trial trials[N_TRIALS];
  for (int b = 0; b < N_TRIALS; b++) {
    for (int u = 0; u < N_UNITS; u++) threshold[b][u] = (uint64_t)(u + b) << 24;
    trials[b] = (psac_retina_trial){(uint64_t)b + 42, threshold[b]};
  }
  encode(&cut, 0, N_TRIALS, trials);
  uint64_t *all = bits(&cut);
  const psac_retina_trial dark = {0, (const uint64_t[N_UNITS]){0}}, dark_pair[2] = {dark, dark};
  encode(&cut, 1, 2, dark_pair);
  uint64_t *without = bits(&cut);
  encode(&cut, 1, 2, trials + 1);
  uint64_t *again = bits(&cut);
  const size_t trial_words = N_STEPS * (size_t)shards_at(&cut, 0)->n_retina_words;
  assert_memory_equal(all, again, sizeof *all * N_TRIALS * trial_words);
  assert_memory_equal(all, without, sizeof *all * trial_words);
  assert_memory_equal(all + 3 * trial_words, without + 3 * trial_words, sizeof *all * 2 * trial_words);
  for (size_t w = trial_words; w < 3 * trial_words; w++) assert_true(without[w] == 0);
  free(all);
  free(without);
  free(again);
  shards_destroy(&cut);
}

static void test_a_share_of_the_trials_can_be_drawn_alone(void **state) {
  (void)state;
  with_backend(check_share);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_a_spike_is_a_draw_of_trial_unit_and_step_below_the_threshold),
      cmocka_unit_test(test_black_never_spikes_and_saturation_always),
      cmocka_unit_test(test_rates_are_the_given_probabilities),
      cmocka_unit_test(test_a_share_of_the_trials_can_be_drawn_alone),
  };
  return cmocka_run_group_tests_name("kernels_retina", tests, NULL, NULL);
}
