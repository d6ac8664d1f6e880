// Transports and the spike exchange: one set of tests for every transport that serves this number of ranks.
#include <time.h>

#include "parallel.h"
#include "partition/exchange/exchange.h"
#include "partition/transport/transport.h"

static psac_status choose(const char *name, psac_transport *transport) {
  const psac_transport_request request = {.name = name, .timeout_seconds = 60.0};
  return psac_transport_choose(&request, &ranks, transport);
}

static void for_each_transport(void (*test)(const psac_transport *transport)) {
  static const char *const names[] = {"auto", "mpi", "self"};
  for (size_t k = 0; k < COUNT(names); k++) {
    psac_transport transport;
    if (strcmp(names[k], "self") == 0 && ranks.n_ranks > 1) continue;
    assert_ok(choose(names[k], &transport));
    assert_int_equal(transport.rank, ranks.rank);
    assert_int_equal(transport.n_ranks, ranks.n_ranks);
    test(&transport);
    transport.close(&transport);
  }
}

static unsigned char byte_of(int rank, size_t i, int round) {
  return (unsigned char)(i * 7 + (size_t)rank * 13 + (size_t)round);
}

// Gathers n bytes of every rank; with `in_place` from this rank's part of the result.
static void gather(const psac_transport *transport, size_t n, int in_place, int round) {
  unsigned char *all = malloc(n * (size_t)ranks.n_ranks + 1), *apart = malloc(n + 1);
  assert_true(all && apart);
  memset(all, 0xee, n * (size_t)ranks.n_ranks);
  unsigned char *mine = in_place ? all + n * (size_t)ranks.rank : apart;
  for (size_t i = 0; i < n; i++) mine[i] = byte_of(ranks.rank, i, round);
  assert_ok(transport->all_gather(transport, NULL, mine, all, n));
  assert_ok(transport->all_gather_wait(transport, NULL));
  for (int r = 0; r < ranks.n_ranks; r++) {
    for (size_t i = 0; i < n; i++) {
      if (all[(size_t)r * n + i] != byte_of(r, i, round))
        fail_msg("byte %zu of rank %d is wrong in round %d", i, r, round);
    }
  }
  free(all);
  free(apart);
}

static void check_gather(const psac_transport *transport) {
  static const size_t sizes[] = {0, 1, 8, 625, 4096, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 3000000};
  for (size_t k = 0; k < COUNT(sizes); k++) {
    for (int in_place = 0; in_place < 2; in_place++) gather(transport, sizes[k], in_place, (int)k);
  }
}

static void test_parts_of_any_size_are_gathered_in_the_order_of_ranks(void **state) {
  (void)state;
  for_each_transport(check_gather);
}

static void check_reduce(const psac_transport *transport) {
  enum { N = 1000 };
  int64_t value[N], sum[N], expected[N];
  for (int in_place = 0; in_place < 2; in_place++) {
    for (int i = 0; i < N; i++) {
      value[i] = ((int64_t)i << 40) * (ranks.rank + 1) - i;
      sum[i] = -7;
      expected[i] = 0;
      for (int r = 0; r < ranks.n_ranks; r++) expected[i] += ((int64_t)i << 40) * (r + 1) - i;
    }
    int64_t *result = in_place ? value : sum;
    assert_ok(transport->reduce_i64(transport, NULL, value, result, N));
    for (int i = 0; i < N; i++) {
      if (ranks.rank == 0) assert_true(result[i] == expected[i]);
      else if (!in_place) assert_true(sum[i] == -7);
    }
  }
}

static void test_integers_are_summed_to_rank_zero_only(void **state) {
  (void)state;
  for_each_transport(check_reduce);
}

static void check_all_reduce(const psac_transport *transport) {
  enum { N = 300000 };
  int32_t *value = malloc(sizeof *value * N);
  assert_non_null(value);
  for (int i = 0; i < N; i++) value[i] = (i - N / 2) * 100 * (ranks.rank + 1);
  assert_ok(transport->all_reduce_i32(transport, NULL, value, N));
  const int sum = ranks.n_ranks * (ranks.n_ranks + 1) / 2;
  for (int i = 0; i < N; i++) assert_int_equal(value[i], (i - N / 2) * 100 * sum);
  free(value);
}

static void test_integers_are_summed_for_all(void **state) {
  (void)state;
  for_each_transport(check_all_reduce);
}

static void check_broadcast(const psac_transport *transport) {
  static const size_t sizes[] = {0, 1, 100, 2000000};
  for (size_t k = 0; k < COUNT(sizes); k++) {
    unsigned char *bytes = malloc(sizes[k] + 1);
    assert_non_null(bytes);
    for (size_t i = 0; i < sizes[k]; i++) bytes[i] = ranks.rank == 0 ? byte_of(5, i, 1) : 0;
    const psac_span spans[] = {{bytes, sizes[k] / 3}, {bytes + sizes[k] / 3, sizes[k] - sizes[k] / 3}};
    assert_ok(transport->broadcast(transport, NULL, spans, 2));
    for (size_t i = 0; i < sizes[k]; i++) assert_true(bytes[i] == byte_of(5, i, 1));
    free(bytes);
  }
}

static void test_rank_zeros_bytes_reach_all(void **state) {
  (void)state;
  for_each_transport(check_broadcast);
}

// Sizes that change from call to call, and ranks that come early or late.
static void check_pace(const psac_transport *transport) {
  uint64_t random = 20 + (uint64_t)ranks.rank;
  for (int round = 0; round < 300; round++) {
    const struct timespec a_while = {0, (long)(next_random(&random) % 2000000)};
    if (next_random(&random) % 16 == 0) nanosleep(&a_while, NULL);
    gather(transport, (size_t)(round * 37 % 1000), round % 2, round);
    if (round % 3 == 0) check_reduce(transport);
    if (round % 7 == 0) check_broadcast(transport);
  }
}

static void test_ranks_of_different_pace_never_mix_up_their_gathers(void **state) {
  (void)state;
  for_each_transport(check_pace);
}

static void check_exchange(const psac_transport *transport) {
  enum { N_STEPS = 20, N_BYTES = 24 };
  unsigned char own[N_STEPS][N_BYTES];
  for (int t = 0; t < N_STEPS; t++) {
    for (size_t i = 0; i < N_BYTES; i++) own[t][i] = byte_of(ranks.rank, i, t);
  }
  for (int delay = 1; delay <= 5; delay++) {
    void *gathered = transport->n_ranks > 1 ? malloc((size_t)transport->n_ranks * (size_t)delay * N_BYTES) : NULL;
    const psac_exchange exchange = {transport, own, gathered, delay};
    for (int t = 0; t < N_STEPS; t++) {
      psac_arrival arrival = {0};
      if (t >= delay) assert_ok(psac_exchange_arrive(&exchange, NULL, t, N_BYTES, &arrival));
      for (int r = 0; t >= delay && r < ranks.n_ranks; r++) {
        const unsigned char *spikes = (const unsigned char *)arrival.spikes + (size_t)r * arrival.rank_stride;
        for (size_t i = 0; i < N_BYTES; i++) assert_true(spikes[i] == byte_of(r, i, t - delay));
      }
      assert_ok(psac_exchange_post(&exchange, NULL, t, N_BYTES));
    }
    assert_ok(psac_exchange_end(&exchange, NULL));
    free(gathered);
  }
}

static void test_spikes_of_all_ranks_arrive_after_the_delay(void **state) {
  (void)state;
  for_each_transport(check_exchange);
}

static void test_unknown_transports_are_refused(void **state) {
  (void)state;
  psac_transport transport;
  assert_int_equal(choose("pigeon", &transport), PSAC_ERR_INPUT);
  assert_message_has("--transport pigeon is not in this build");
}

static void test_self_is_refused_to_several_ranks(void **state) {
  (void)state;
  psac_transport transport;
  if (ranks.n_ranks == 1) skip();
  assert_int_equal(choose("self", &transport), PSAC_ERR_INPUT);
  assert_message_has("--transport self serves one rank");
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_parts_of_any_size_are_gathered_in_the_order_of_ranks),
      cmocka_unit_test(test_ranks_of_different_pace_never_mix_up_their_gathers),
      cmocka_unit_test(test_integers_are_summed_to_rank_zero_only),
      cmocka_unit_test(test_integers_are_summed_for_all),
      cmocka_unit_test(test_rank_zeros_bytes_reach_all),
      cmocka_unit_test(test_spikes_of_all_ranks_arrive_after_the_delay),
      cmocka_unit_test(test_unknown_transports_are_refused),
      cmocka_unit_test(test_self_is_refused_to_several_ranks),
  };
  run_on_all_ranks("transport", tests);
}
