// accumulate_statistics and project_weights against counts and sums written out one by one.
#include "probes.h"

enum { N = 97, N_STEPS = 80, N_TRIALS = 5, N_RANKS = 3, N_UNITS = 196 };

typedef struct plain_statistics {
  int64_t isi[N][2];
  int32_t count[N][10];
} plain_statistics;

static char *random_spikes(const shards *cut, uint64_t seed) {
  char *spike = malloc(N_STEPS * N_TRIALS * N);
  assert_non_null(spike);
  for (size_t k = 0; k < N_STEPS * N_TRIALS * N; k++) spike[k] = next_uniform(&seed) < 0.001 * (double)(k % N);
  shards_set_spikes(cut, spike);
  return spike;
}

static void add_plain(const char *spike, int first, int n, const uint8_t *labels, plain_statistics *plain) {
  for (int b = first; b < first + n; b++) {
    for (int gid = 0; gid < N; gid++) {
      int last = -1, before = -1;
      for (int t = 0; t < N_STEPS; t++) {
        if (!spike[(t * N_TRIALS + b) * N + gid]) continue;
        const int interval = last >= 0 ? t - last : -1;
        if (before >= 0) {
          plain->isi[gid][0] += 1;
          plain->isi[gid][1] += llrint(2.0 * abs(interval - before) / (interval + before) * 0x1p24);
        }
        before = interval;
        last = t;
        plain->count[gid][labels[b - first]]++;
      }
    }
  }
}

static void add(const shards *cut, int first, int n, const uint8_t *labels) {
  for (int rank = 0; rank < cut->n_ranks; rank++) {
    psac_stream *stream = cut->network[rank]->stream;
    assert_ok(cut->backend->stage->accumulate_statistics(stream, shards_at(cut, rank), N_TRIALS, first, n, labels));
    assert_ok(cut->backend->device->synchronize(stream));
  }
}

static void compare(const shards *cut, const plain_statistics *plain) {
  for (int rank = 0; rank < cut->n_ranks; rank++) {
    const psac_shard *shard = shards_at(cut, rank);
    const size_t first = (size_t)shard->first_gid, n = (size_t)shard->n_local;
    int64_t *isi = shards_download(cut, shard->isi, sizeof plain->isi[0] * n);
    int32_t *count = shards_download(cut, shard->count_by_label, sizeof plain->count[0] * n);
    assert_memory_equal(isi, plain->isi[first], sizeof plain->isi[0] * n);
    assert_memory_equal(count, plain->count[first], sizeof plain->count[0] * n);
    free(isi);
    free(count);
  }
}

static void check_statistics(const psac_backend *backend) {
  static const uint8_t labels[N_TRIALS] = {3, 0, 9, 3, 7}, other_labels[2] = {1, 3};
  static plain_statistics plain;
  memset(&plain, 0, sizeof plain);
  const psac_config config = shards_config(N, N_STEPS, N_TRIALS);
  shards cut;
  shards_create(&cut, backend, &config, N_RANKS);
  char *spike = random_spikes(&cut, 17);
  add(&cut, 0, N_TRIALS, labels);
  add_plain(spike, 0, N_TRIALS, labels, &plain);
  compare(&cut, &plain);
  free(spike);
  spike = random_spikes(&cut, 18);
  add(&cut, 2, 2, other_labels);
  add_plain(spike, 2, 2, other_labels, &plain);
  compare(&cut, &plain);
  free(spike);
  shards_destroy(&cut);
}

static void test_intervals_and_counts_by_label_add_up_over_trials(void **state) {
  (void)state;
  with_backend(check_statistics);
}

// sum over neurons of (w - reference) x field, each product cut to steps of 2^-16 of a weight
static void check_projection(const psac_backend *backend) {
  const psac_config config = shards_config(N, N_STEPS, N_TRIALS);
  const int32_t reference = 1 << 29;
  shards cut;
  shards_create(&cut, backend, &config, N_RANKS);
  const psac_columns columns = shards_at(&cut, 0)->columns;
  int32_t *field = fields_of(backend, config), *row = shards_get_rows(&cut);
  uint64_t random = 19;
  for (int64_t gid = 0; gid < N; gid++) {
    for (int o = 0; o < columns.n_output; o++) row[gid * columns.n + o] = (int32_t)(next_random(&random) >> 34);
  }
  shards_set_rows(&cut, row);
  int64_t *sum = calloc((size_t)columns.n_output * N_UNITS, sizeof *sum);
  assert_non_null(sum);
  for (int rank = 0; rank < N_RANKS; rank++) {
    const size_t n_bytes = sizeof *sum * (size_t)columns.n_output * N_UNITS;
    int64_t *there = shards_alloc(&cut, NULL, n_bytes);
    for (int times = 0; times < 2; times++) {  // it adds to what is there
      assert_ok(backend->stage->project_weights(cut.network[rank]->stream, shards_at(&cut, rank), reference, there));
    }
    int64_t *part = shards_download(&cut, there, n_bytes);
    for (int k = 0; k < columns.n_output * N_UNITS; k++) sum[k] += part[k];
    free(part);
    backend->device->release(there);
  }
  for (int o = 0; o < columns.n_output; o++) {
    for (int u = 0; u < N_UNITS; u++) {
      double expected = 0.0, tolerance = 0.0;
      for (int64_t gid = 0; gid < N; gid++) {
        const double current = field[gid * N_UNITS + u];
        expected += 2.0 * current * (row[gid * columns.n + o] - reference) * 0x1p-14;
        tolerance += 2.0 * fabs(current);
      }
      assert_near((double)sum[o * N_UNITS + u], expected, tolerance + 1e-6);
    }
  }
  free(sum);
  free(row);
  free(field);
  shards_destroy(&cut);
}

static void test_weights_are_projected_through_the_receptive_fields(void **state) {
  (void)state;
  with_backend(check_projection);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_intervals_and_counts_by_label_add_up_over_trials),
      cmocka_unit_test(test_weights_are_projected_through_the_receptive_fields),
  };
  return cmocka_run_group_tests_name("kernels_statistics", tests, NULL, NULL);
}
