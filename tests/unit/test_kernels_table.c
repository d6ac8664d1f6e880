// Every backend fills in every entry of the contract that is not optional, and its memory does what kernels.h says.
#include "backend.h"
#include "check.h"
#include "kernels/kernels.h"

static void test_no_entry_of_any_backend_is_null(void **state) {
  (void)state;
  assert_int_equal(sizeof(psac_kernels) % sizeof(void *), 0);  // nothing but pointers
  for (const psac_kernels *const *each = psac_kernels_all(); *each; each++) {
    for (size_t k = 0; k < sizeof **each / sizeof(void *); k++) {
      const void *entry;
      memcpy(&entry, (const char *)*each + k * sizeof entry, sizeof entry);
      const size_t place = k * sizeof entry;
      if (place == offsetof(psac_kernels, can_present) || place == offsetof(psac_kernels, present_middle)) continue;
      if (!entry) fail_msg("entry %zu of the %s backend is NULL", k, (*each)->name);
    }
  }
}

static void test_backends_have_names_of_their_own(void **state) {
  (void)state;
  const psac_kernels *const *all = psac_kernels_all();
  assert_ptr_equal(all[0], &psac_kernels_cpu);
  for (size_t a = 0; all[a]; a++) {
    for (size_t b = 0; b < a; b++) assert_string_not_equal(all[a]->name, all[b]->name);
  }
}

static void check_memory(const psac_kernels *kernels) {
  enum { N = 1000 };
  char out[N], back[N];
  void *device;
  psac_stream *stream;
  assert_ok(kernels->stream_create(&stream));
  assert_ok(kernels->alloc(&device, N, "a test"));
  memset(back, 1, N);
  assert_ok(kernels->download(stream, back, device, N));
  assert_ok(kernels->synchronize(stream));
  for (int k = 0; k < N; k++) assert_int_equal(back[k], 0);
  for (int k = 0; k < N; k++) out[k] = (char)(k * 7);
  assert_ok(kernels->upload(stream, device, out, N));
  assert_ok(kernels->clear(stream, (char *)device + 10, 20));
  assert_ok(kernels->download(stream, back, device, N));
  assert_ok(kernels->synchronize(stream));
  memset(out + 10, 0, 20);
  assert_memory_equal(out, back, N);
  kernels->release(device);
  kernels->stream_destroy(stream);
}

static void test_memory_comes_zeroed_and_keeps_what_it_is_given(void **state) {
  (void)state;
  check_memory(backend_under_test());
}

static void test_no_bytes_may_be_asked_for_and_null_released(void **state) {
  (void)state;
  const psac_kernels *kernels = backend_under_test();
  void *device;
  assert_ok(kernels->alloc(&device, 0, "nothing"));
  kernels->release(device);
  kernels->release(NULL);
}

static void test_too_much_memory_is_refused_by_name(void **state) {
  (void)state;
  static const size_t sizes[] = {(size_t)1 << 60, SIZE_MAX - 63, SIZE_MAX};
  const psac_kernels *kernels = backend_under_test();
  for (size_t k = 0; k < COUNT(sizes); k++) {
    void *device;
    assert_int_equal(kernels->alloc(&device, sizes[k], "the universe"), PSAC_ERR_MEMORY);
    assert_message_has("the universe");
  }
}

static void test_lanes_hold_all_weights_and_two_more(void **state) {
  (void)state;
  for (int n_output = 10; n_output <= PSAC_MAX_PLASTIC; n_output++) {
    for (int n_critic = 0; n_critic <= PSAC_MAX_PLASTIC; n_critic++) {
      const psac_lanes lanes = psac_lanes_make(n_output, n_critic);
      assert_int_equal(lanes.n_output, n_output);
      assert_int_equal(lanes.n_critic, n_critic);
      assert_true(lanes.mean_count >= n_output + n_critic && lanes.mean_count < lanes.n);
      assert_true(lanes.one >= n_output + n_critic && lanes.one < lanes.n && lanes.one != lanes.mean_count);
      assert_int_equal(lanes.n % 4, 0);
      assert_int_equal(lanes.n_eligibility % 4, 0);
      assert_true(lanes.n_eligibility >= n_output + 2);
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_no_entry_of_any_backend_is_null),
      cmocka_unit_test(test_backends_have_names_of_their_own),
      cmocka_unit_test(test_memory_comes_zeroed_and_keeps_what_it_is_given),
      cmocka_unit_test(test_no_bytes_may_be_asked_for_and_null_released),
      cmocka_unit_test(test_too_much_memory_is_refused_by_name),
      cmocka_unit_test(test_lanes_hold_all_weights_and_two_more),
  };
  return cmocka_run_group_tests_name("kernels_table", tests, NULL, NULL);
}
