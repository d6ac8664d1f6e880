// transport_dry_run and transport_counted: what a simulated rank receives has the shape and the rates that it was
// promised, its own part is untouched, and payload and time are booked.
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "partition/layout.h"
#include "partition/transport/transport_counted.h"
#include "partition/transport/transport_dry_run.h"

enum { N_NEURONS = 10000, N_RANKS = 7, N_VECTORS = 50 };

static psac_transport open_dry_run(int rank) {
  const psac_dry_run_setup setup = {
      .rank = rank,
      .n_ranks = N_RANKS,
      .map = psac_layout_make(N_NEURONS, N_RANKS, rank).map,
      .n_first = 8000,
      .rate = {0.02, 0.1},
      .seed = 5,
      .link = {.latency = 0.5, .bandwidth = 1000.0},
  };
  psac_transport transport;
  assert_ok(psac_transport_dry_run_open(&setup, &transport));
  assert_int_equal(transport.rank, rank);
  assert_int_equal(transport.n_ranks, N_RANKS);
  return transport;
}

static void test_spikes_of_other_ranks_have_their_rates_and_no_others(void **state) {
  (void)state;
  psac_transport transport = open_dry_run(2);
  const psac_layout layout = psac_layout_make(N_NEURONS, N_RANKS, 2);
  const size_t n = (size_t)layout.n_words * N_VECTORS, n_bytes = n * sizeof(uint64_t);
  uint64_t *own = calloc(n, sizeof *own), *all = malloc(N_RANKS * n_bytes);
  assert_true(own && all);
  memset(own, 0xaa, n_bytes);
  assert_ok(transport.all_gather(&transport, NULL, own, all, n_bytes));
  assert_ok(transport.all_gather_wait(&transport, NULL));
  assert_memory_equal(all + 2 * n, own, n_bytes);
  for (int r = 0; r < N_RANKS; r++) {
    if (r == 2) continue;
    const psac_layout there = psac_layout_make(N_NEURONS, N_RANKS, r);
    int64_t spikes = 0;
    for (size_t w = 0; w < n; w++) {
      const int64_t place = (int64_t)(w % (size_t)layout.n_words) * 64;
      const int64_t left = there.n_local - place;
      const uint64_t alive = left >= 64 ? UINT64_MAX : left > 0 ? ((uint64_t)1 << left) - 1 : 0;
      assert_true((all[(size_t)r * n + w] & ~alive) == 0);
      spikes += __builtin_popcountll(all[(size_t)r * n + w]);
    }
    const int64_t n_first = 8000 - there.first_gid, of_first = n_first < 0               ? 0
                                                               : n_first < there.n_local ? n_first
                                                                                         : there.n_local;
    const double expected = 0.02 * (double)of_first + 0.1 * (double)(there.n_local - of_first);
    assert_near((double)spikes / N_VECTORS, expected, 0.1 * expected);
  }
  free(own);
  free(all);
  transport.close(&transport);
}

static void test_samples_are_repeated_where_they_belong(void **state) {
  (void)state;
  psac_transport transport = open_dry_run(1);
  char place[N_RANKS * 4] = "", span[10] = "";
  assert_ok(psac_transport_dry_run_sample(&transport, place, "abcdef", 6));
  assert_ok(psac_transport_dry_run_sample(&transport, span, "xyz", 3));
  memcpy(place + 4, "OWN!", 4);
  assert_ok(transport.all_gather(&transport, NULL, place + 4, place, 4));
  assert_memory_equal(place, "abcdOWN!cdefabcdefabcdefabcd", sizeof place);
  const psac_span spans[] = {{span, sizeof span}};
  assert_ok(transport.broadcast(&transport, NULL, spans, 1));
  assert_memory_equal(span, "xyzxyzxyzx", sizeof span);
  transport.close(&transport);
}

static void test_rank_0_keeps_what_it_has(void **state) {
  (void)state;
  psac_transport transport = open_dry_run(0);
  char span[4] = "mine";
  assert_ok(psac_transport_dry_run_sample(&transport, span, "xyz", 3));
  const psac_span spans[] = {{span, sizeof span}};
  assert_ok(transport.broadcast(&transport, NULL, spans, 1));
  assert_memory_equal(span, "mine", sizeof span);
  const int64_t value[2] = {3, 4};
  int64_t sum[2] = {0, 0};
  assert_ok(transport.reduce_i64(&transport, NULL, value, sum, 2));
  assert_memory_equal(sum, value, sizeof sum);
  transport.close(&transport);
}

static void test_time_is_latency_and_bytes_over_bandwidth(void **state) {
  (void)state;
  psac_transport transport = open_dry_run(1);
  char place[N_RANKS * 4] = "";
  assert_ok(psac_transport_dry_run_sample(&transport, place, "abcdef", 6));
  psac_transport_dry_run_reset(&transport);
  assert_ok(transport.all_gather(&transport, NULL, place + 4, place, 4));
  const psac_dry_run_time time = psac_transport_dry_run_read(&transport);
  assert_near(time.modelled, 0.524, 1e-9);
  assert_true(time.spent >= 0.0);
  int32_t value[7] = {1, 2, 3, 4, 5, 6, 7}, kept[7];
  memcpy(kept, value, sizeof value);
  assert_ok(transport.all_reduce_i32(&transport, NULL, value,
                                     7));  // each of 7 ranks sums one element of 7, and gets those of the others
  assert_near(psac_transport_dry_run_read(&transport).modelled - time.modelled, 0.5 + 2 * 6 * 4e-3, 1e-9);
  assert_memory_equal(value, kept, sizeof value);
  transport.close(&transport);
}

static void test_payload_is_counted(void **state) {
  (void)state;
  psac_transport transport = open_dry_run(3);
  char place[N_RANKS * 4] = "", span[10] = "";
  int64_t value[2] = {0};
  int32_t sums[14] = {0};
  assert_ok(psac_transport_dry_run_sample(&transport, place, "abcdef", 6));
  assert_ok(psac_transport_count(&transport));
  assert_ok(transport.all_gather(&transport, NULL, place + 12, place, 4));
  assert_ok(transport.all_gather_wait(&transport, NULL));
  assert_ok(transport.reduce_i64(&transport, NULL, value, value, 2));  // goes to rank 0
  const psac_span spans[] = {{span, sizeof span}, {value, 8}};
  assert_ok(transport.broadcast(&transport, NULL, spans, 2));
  assert_ok(transport.all_reduce_i32(&transport, NULL, sums, 14));
  const psac_transport copy = transport;  // as a network keeps one
  assert_int_equal(psac_traffic_read(&copy).messages, 4);
  assert_int_equal(psac_traffic_read(&copy).bytes_received, (N_RANKS - 1) * 4 + 18 + 2 * (N_RANKS - 1) * 8);
  psac_traffic_reset(&copy);
  assert_int_equal(psac_traffic_read(&transport).messages, 0);
  transport.close(&transport);
}

static void test_recorded_calls_count_with_every_replay(void **state) {
  (void)state;
  psac_transport transport = open_dry_run(3);
  char place[N_RANKS * 4] = "";
  assert_ok(psac_transport_dry_run_sample(&transport, place, "abcdef", 6));
  assert_ok(psac_transport_count(&transport));
  assert_ok(transport.all_gather(&transport, NULL, place + 12, place, 4));
  psac_transport_record_begin(&transport);
  for (int k = 0; k < 5; k++) assert_ok(transport.all_gather(&transport, NULL, place + 12, place, 4));
  const psac_traffic recorded = psac_transport_record_end(&transport);
  assert_int_equal(psac_traffic_read(&transport).messages, 1);
  for (int k = 0; k < 3; k++) psac_transport_replay(&transport, recorded);
  assert_int_equal(psac_traffic_read(&transport).messages, 1 + 3 * 5);
  assert_int_equal(psac_traffic_read(&transport).bytes_received, (1 + 3 * 5) * (N_RANKS - 1) * 4);
  transport.close(&transport);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_spikes_of_other_ranks_have_their_rates_and_no_others),
      cmocka_unit_test(test_samples_are_repeated_where_they_belong),
      cmocka_unit_test(test_rank_0_keeps_what_it_has),
      cmocka_unit_test(test_time_is_latency_and_bytes_over_bandwidth),
      cmocka_unit_test(test_payload_is_counted),
      cmocka_unit_test(test_recorded_calls_count_with_every_replay),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
