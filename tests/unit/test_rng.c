// rng: the generator is Philox4x32-10 as published, and what is made of its bits is uniform.
#include "base/rng.h"
#include "check.h"

// From the file kat_vectors of Random123.
static void test_draws_are_the_published_vectors(void **state) {
  (void)state;
  static const struct {
    uint32_t counter[4], key[2], result[4];
  } vectors[] = {
      {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
      {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
       {0xffffffff, 0xffffffff},
       {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
      {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
       {0xa4093822, 0x299f31d0},
       {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
  };
  for (size_t k = 0; k < COUNT(vectors); k++) {
    const uint32_t *c = vectors[k].counter;
    const psac_rng_key key = {{vectors[k].key[0], vectors[k].key[1]}};
    const psac_rng_block block = psac_rng_draw(key, c[0], c[1], c[2], c[3]);
    assert_memory_equal(block.word, vectors[k].result, sizeof block.word);
  }
}

// Seeds that differ in either half only, each with every stream.
static void test_keys_of_streams_and_seeds_all_differ(void **state) {
  (void)state;
  static const uint64_t seeds[] = {0, 1, 2, (uint64_t)1 << 32, (uint64_t)1 << 63, INT64_MAX};
  static const psac_rng_stream streams[] = {PSAC_STREAM_RECEPTIVE_FIELD, PSAC_STREAM_RECURRENCE,
                                            PSAC_STREAM_INITIAL_WEIGHT,  PSAC_STREAM_RETINA_TRAIN,
                                            PSAC_STREAM_RETINA_TEST,     PSAC_STREAM_SHUFFLE};
  psac_rng_key keys[COUNT(seeds) * COUNT(streams)];
  size_t n = 0;
  for (size_t s = 0; s < COUNT(seeds); s++) {
    for (size_t k = 0; k < COUNT(streams); k++) keys[n++] = psac_rng_stream_key(seeds[s], streams[k]);
  }
  for (size_t a = 0; a < n; a++) {
    for (size_t b = 0; b < a; b++) assert_memory_not_equal(&keys[a], &keys[b], sizeof keys[a]);
  }
}

static void test_stream_key_is_a_draw_with_the_seed_as_key(void **state) {
  (void)state;
  const psac_rng_key seed = {{0x89abcdef, 0x01234567}};
  const psac_rng_block block = psac_rng_draw(seed, PSAC_STREAM_SHUFFLE, 0, 0, 0);
  const psac_rng_key key = psac_rng_stream_key(0x0123456789abcdef, PSAC_STREAM_SHUFFLE);
  assert_memory_equal(key.word, block.word, sizeof key.word);
}

static void test_below_is_the_upper_half_of_the_product(void **state) {
  (void)state;
  __extension__ typedef unsigned __int128 wide;
  uint64_t random = 1;
  for (int k = 0; k < 100000; k++) {
    const uint64_t r = next_random(&random), n = next_random(&random) >> (k % 64);
    const uint64_t expected = (uint64_t)((wide)r * n >> 64);
    assert_true(psac_rng_below((uint32_t)(r >> 32), (uint32_t)r, n) == expected);
  }
}

static void test_below_stays_below_at_the_edges(void **state) {
  (void)state;
  static const uint64_t n[] = {1, 2, 10, 0xffffffff, 0x100000000, 10000000000, INT64_MAX, UINT64_MAX};
  for (size_t k = 0; k < COUNT(n); k++) {
    assert_true(psac_rng_below(0, 0, n[k]) == 0);
    assert_true(psac_rng_below(UINT32_MAX, UINT32_MAX, n[k]) == n[k] - 1);
  }
}

static void test_signed_unit_is_an_odd_multiple_between_minus_one_and_one(void **state) {
  (void)state;
  assert_true(psac_rng_signed_unit(0) == -1.0f + 0x1p-24f);
  assert_true(psac_rng_signed_unit(UINT32_MAX) == 1.0f - 0x1p-24f);
  assert_true(psac_rng_signed_unit(0x7fffffff) == -0x1p-24f);
  assert_true(psac_rng_signed_unit(0x80000000) == 0x1p-24f);
  uint64_t random = 2;
  for (int k = 0; k < 100000; k++) {
    const uint32_t r = (uint32_t)next_random(&random);
    const float u = psac_rng_signed_unit(r);
    assert_true(u > -1.0f && u < 1.0f && (int32_t)(u * 0x1p24f) % 2 != 0);
    assert_true(psac_rng_signed_unit(~r) == -u);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_draws_are_the_published_vectors),
      cmocka_unit_test(test_keys_of_streams_and_seeds_all_differ),
      cmocka_unit_test(test_stream_key_is_a_draw_with_the_seed_as_key),
      cmocka_unit_test(test_below_is_the_upper_half_of_the_product),
      cmocka_unit_test(test_below_stays_below_at_the_edges),
      cmocka_unit_test(test_signed_unit_is_an_odd_multiple_between_minus_one_and_one),
  };
  return cmocka_run_group_tests_name("rng", tests, NULL, NULL);
}
