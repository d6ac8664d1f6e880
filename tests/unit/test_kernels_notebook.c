// Learning in model notebook: the TD error of a step and the change of all pairs of spiking neurons.
#include "shards.h"

enum { N = 333, N_STEPS = 10, N_TRIALS = 3 };

static void start(shards *cut, const psac_backend *backend, int n_ranks) {
  psac_config config = shards_config(N, N_STEPS, N_TRIALS);
  assert_ok(psac_config_overlay_file(&config, "notebook"));
  config.simulation.steps_per_reduce = 0;
  shards_create(cut, backend, &config, n_ranks);
  assert_int_equal(cut->n_trials, N_TRIALS);
}

// judge_step in step t with these spikes, one word per step; returns the event.
static psac_event judge(const shards *cut, int t, const uint64_t *outputs, const uint64_t *critics, int64_t n_middle,
                        const psac_reward *reward, psac_event event) {
  const psac_network *network = cut->network[0];
  const psac_readout *readout = &network->readout;
  int64_t drive[2 * PSAC_MAX_PLASTIC + 4] = {0};
  drive[network->shard.columns.one] = n_middle;
  shards_upload(cut, readout->spikes, outputs, sizeof *outputs * N_STEPS);
  shards_upload(cut, readout->spikes + N_STEPS, critics, sizeof *critics * N_STEPS);
  shards_upload(cut, readout->drives, drive, sizeof *drive * (size_t)network->shard.columns.n);
  psac_event *there = shards_alloc(cut, &event, sizeof event);
  assert_ok(cut->backend->notebook->judge_step(network->stream, &network->shard, readout, t, reward, there));
  psac_event *back = shards_download(cut, there, sizeof event);
  event = *back;
  free(back);
  cut->backend->device->release(there);
  return event;
}

static void check_judgement(const psac_backend *backend) {
  static const uint64_t silent[N_STEPS] = {0}, outputs[N_STEPS] = {0, 0, 5, 0, 1023};
  static const uint64_t critics[N_STEPS] = {1, 3, 0, 7, 1, 15};
  const psac_reward reward = {-1.0, 0.99, 0.001};
  const psac_event before = {.outputs = 77, .change = 77.0f, .n_events = 2, .last_value = 0.25};
  shards cut;
  start(&cut, backend, 1);

  psac_event event = judge(&cut, 2, silent, critics, 10, &reward, before);
  assert_true(event.outputs == 0 && event.n_events == 2 && event.last_value == 0.25);
  event = judge(&cut, 2, outputs, critics, 0, &reward, before);
  assert_true(event.outputs == 0 && event.n_events == 2 && event.last_value == 0.25);

  event = judge(&cut, 2, outputs, silent, 10, &reward, (psac_event){0});
  assert_true(event.outputs == 5 && event.n_events == 1 && event.last_value == 0.0);
  assert_true(event.change == -0.001f);

  event = judge(&cut, 4, outputs, critics, 10, &reward, before);  // critic spikes in steps 0 to 4: 1 + 2 + 0 + 3 + 1
  const double value = 7.0 / 20.0;
  assert_true(event.outputs == 1023 && event.n_events == 3);
  assert_near(event.last_value, value, 1e-12);
  assert_true(event.change == 0.001f * (float)(-1.0 + 0.99 * value - 0.25));
  shards_destroy(&cut);
}

static void test_a_step_is_judged_where_middle_and_output_neurons_spike_together(void **state) {
  (void)state;
  with_backend(check_judgement);
}

// Weights inside and a little outside of [0, 1].
static int32_t *random_rows(const shards *cut) {
  const psac_columns columns = shards_at(cut, 0)->columns;
  int32_t *row = shards_get_rows(cut);
  uint64_t random = 16;
  for (int64_t gid = 0; gid < N; gid++) {
    for (int o = 0; o < columns.n_output; o++) {
      row[gid * columns.n + o] = shards_store(cut, next_uniform(&random) * 1.2 - 0.1);
    }
  }
  shards_set_rows(cut, row);
  return row;
}

// Whole blocks of neurons, single neurons, all and none, by step and trial.
static char *make_spikes(const shards *cut) {
  char *spike = calloc(N_STEPS * N_TRIALS, N);
  assert_non_null(spike);
  for (int k = 0; k < N_STEPS * N_TRIALS; k++) {
    for (int gid = 0; gid < N; gid++) {
      spike[k * N + gid] = k % 4 == 0 ? gid < 200 : k % 4 == 1 ? gid % 7 == 0 : k % 4 == 2;
    }
  }
  shards_set_spikes(cut, spike);
  return spike;
}

static void change(const shards *cut, int trial, int t, const psac_event *event) {
  psac_event *there = shards_alloc(cut, event, sizeof *event);
  for (int rank = 0; rank < cut->n_ranks; rank++) {
    psac_stream *stream = cut->network[rank]->stream;
    assert_ok(cut->backend->notebook->hebbian_step(stream, shards_at(cut, rank), cut->n_trials, trial, t, there));
    assert_ok(cut->backend->device->synchronize(stream));
  }
  cut->backend->device->release(there);
}

// What the drives of a step say, summed over ranks, must follow the weights at once.
static void check_drives_follow(const shards *cut, const char *spike, int trial, int t, const int32_t *row) {
  const psac_columns columns = shards_at(cut, 0)->columns;
  int64_t sum[2 * PSAC_MAX_PLASTIC] = {0};
  for (int rank = 0; rank < cut->n_ranks; rank++) {
    int64_t *there = shards_alloc(cut, NULL, sizeof *there * (size_t)columns.n);
    assert_ok(cut->backend->stage->partial_drives(cut->network[rank]->stream, shards_at(cut, rank), cut->n_trials,
                                                  trial, 1, t, 1, there));
    int64_t *drive = shards_download(cut, there, sizeof *drive * (size_t)columns.n);
    for (int o = 0; o < columns.n; o++) sum[o] += drive[o];
    free(drive);
    cut->backend->device->release(there);
  }
  for (int o = 0; o <= columns.one; o++) {
    int64_t expected = 0;
    for (int64_t gid = 0; gid < N; gid++) {
      if (spike[(t * N_TRIALS + trial) * N + gid]) expected += shards_adds(cut, o, row[gid * columns.n + o]);
    }
    assert_true(sum[o] == expected);
  }
}

static void check_change(const psac_backend *backend) {
  static const float changes[] = {0.0f, 0.001f, -1.0f / 3.0f, 1e-8f, 1.0f, -1e10f};
  static const uint64_t outputs[] = {1, 0x2aa, 0x3ff};
  shards cut;
  start(&cut, backend, 3);
  const psac_columns columns = shards_at(&cut, 0)->columns;
  char *spike = make_spikes(&cut);
  for (int k = 0; k < 60; k++) {
    const int t = k % N_STEPS, trial = k % N_TRIALS;
    const psac_event event = {.outputs = outputs[k % 3], .change = changes[k % 6], .n_events = 1};
    int32_t *expected = random_rows(&cut);
    for (int64_t gid = 0; gid < N; gid++) {
      for (int o = 0; o < columns.n_output; o++) {
        float w;
        memcpy(&w, &expected[gid * columns.n + o], sizeof w);
        if (spike[(t * N_TRIALS + trial) * N + gid] && (event.outputs >> o & 1)) {
          w = (float)((double)w + (double)event.change);
        }
        expected[gid * columns.n + o] = shards_store(&cut, fmin(fmax((double)w, 0.0), 1.0));
      }
    }
    change(&cut, trial, t, &event);
    int32_t *row = shards_get_rows(&cut);
    assert_memory_equal(row, expected, sizeof *row * N * (size_t)columns.n);
    for (int s = 0; s < N_STEPS; s += 3) check_drives_follow(&cut, spike, (trial + s) % N_TRIALS, s, row);
    free(row);
    free(expected);
  }
  free(spike);
  shards_destroy(&cut);
}

static void test_all_pairs_of_spiking_neurons_change_and_all_weights_are_clamped(void **state) {
  (void)state;
  with_backend(check_change);
}

static void check_no_event(const psac_backend *backend) {
  shards cut;
  start(&cut, backend, 3);
  char *spike = make_spikes(&cut);
  int32_t *before = random_rows(&cut);
  const psac_event event = {.outputs = 0, .change = 0.5f};
  change(&cut, 0, 0, &event);
  int32_t *after = shards_get_rows(&cut);
  assert_memory_equal(before, after, sizeof *after * N * (size_t)shards_at(&cut, 0)->columns.n);
  free(after);
  free(before);
  free(spike);
  shards_destroy(&cut);
}

static void test_without_output_spikes_nothing_changes_and_nothing_is_clamped(void **state) {
  (void)state;
  with_backend(check_no_event);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_a_step_is_judged_where_middle_and_output_neurons_spike_together),
      cmocka_unit_test(test_all_pairs_of_spiking_neurons_change_and_all_weights_are_clamped),
      cmocka_unit_test(test_without_output_spikes_nothing_changes_and_nothing_is_clamped),
  };
  return cmocka_run_group_tests_name("kernels_notebook", tests, NULL, NULL);
}
