// Every backend fills in every entry of the contract that is not optional, and its memory does what backend.h says.
#include "check.h"
#include "kernels/backend.h"
#include "under_test.h"

// Entries [0, n_bytes) of a table of function pointers are there, but for those at these offsets.
static void check_entries(const char *backend, const void *table, size_t n_bytes, const size_t *optional, size_t n) {
  for (size_t place = 0; place < n_bytes; place += sizeof(void *)) {
    const void *entry;
    memcpy(&entry, (const char *)table + place, sizeof entry);
    int may_be_null = 0;
    for (size_t k = 0; k < n; k++) may_be_null |= place == optional[k];
    if (!entry && !may_be_null) fail_msg("entry %zu of the %s backend is NULL", place / sizeof(void *), backend);
  }
}

static void test_no_entry_of_any_backend_is_null(void **state) {
  (void)state;
  static const size_t recording[] = {offsetof(psac_device_ops, record_begin), offsetof(psac_device_ops, record_end),
                                     offsetof(psac_device_ops, replay), offsetof(psac_device_ops, recording_destroy)};
  static const size_t presenting[] = {offsetof(psac_stage_ops, can_present), offsetof(psac_stage_ops, present_middle)};
  for (const psac_backend *const *each = psac_backends(); *each; each++) {
    const size_t n_recording = psac_backend_can(*each, PSAC_CAP_RECORD) ? 0 : COUNT(recording);
    check_entries((*each)->name, (*each)->device, sizeof *(*each)->device, recording, n_recording);
    check_entries((*each)->name, (*each)->stage, sizeof *(*each)->stage, presenting, COUNT(presenting));
    assert_true(!(*each)->stage->can_present == !(*each)->stage->present_middle);
  }
}

static void test_a_backend_with_memory_of_its_own_has_a_way_to_it(void **state) {
  (void)state;
  for (const psac_backend *const *each = psac_backends(); *each; each++) {
    assert_true(psac_backend_can(*each, PSAC_CAP_DEVICE) == ((*each)->device->staging() != NULL));
  }
}

static void test_backends_have_names_of_their_own(void **state) {
  (void)state;
  const psac_backend *const *all = psac_backends();
  assert_ptr_equal(all[0], &psac_backend_cpu);
  for (size_t a = 0; all[a]; a++) {
    for (size_t b = 0; b < a; b++) assert_string_not_equal(all[a]->name, all[b]->name);
  }
}

static void check_memory(const psac_backend *backend) {
  enum { N = 1000 };
  char out[N], back[N];
  void *device;
  psac_stream *stream;
  assert_ok(backend->device->stream_create(&stream));
  assert_ok(backend->device->alloc(&device, N, "a test"));
  memset(back, 1, N);
  assert_ok(backend->device->download(stream, back, device, N));
  assert_ok(backend->device->synchronize(stream));
  for (int k = 0; k < N; k++) assert_int_equal(back[k], 0);
  for (int k = 0; k < N; k++) out[k] = (char)(k * 7);
  assert_ok(backend->device->upload(stream, device, out, N));
  assert_ok(backend->device->clear(stream, (char *)device + 10, 20));
  assert_ok(backend->device->download(stream, back, device, N));
  assert_ok(backend->device->synchronize(stream));
  memset(out + 10, 0, 20);
  assert_memory_equal(out, back, N);
  backend->device->release(device);
  backend->device->stream_destroy(stream);
}

static void test_memory_comes_zeroed_and_keeps_what_it_is_given(void **state) {
  (void)state;
  check_memory(backend_under_test());
}

static void test_no_bytes_may_be_asked_for_and_null_released(void **state) {
  (void)state;
  const psac_backend *backend = backend_under_test();
  void *device;
  assert_ok(backend->device->alloc(&device, 0, "nothing"));
  backend->device->release(device);
  backend->device->release(NULL);
}

static void test_too_much_memory_is_refused_by_name(void **state) {
  (void)state;
  static const size_t sizes[] = {(size_t)1 << 60, SIZE_MAX - 63, SIZE_MAX};
  const psac_backend *backend = backend_under_test();
  for (size_t k = 0; k < COUNT(sizes); k++) {
    void *device;
    assert_int_equal(backend->device->alloc(&device, sizes[k], "the universe"), PSAC_ERR_MEMORY);
    assert_message_has("the universe");
  }
}

static void test_lanes_hold_all_weights_and_two_more(void **state) {
  (void)state;
  for (int n_output = 10; n_output <= PSAC_MAX_PLASTIC; n_output++) {
    for (int n_critic = 0; n_critic <= PSAC_MAX_PLASTIC; n_critic++) {
      const psac_columns columns = psac_columns_make(n_output, n_critic);
      assert_int_equal(columns.n_output, n_output);
      assert_int_equal(columns.n_critic, n_critic);
      assert_true(columns.mean_count >= n_output + n_critic && columns.mean_count < columns.n);
      assert_true(columns.one >= n_output + n_critic && columns.one < columns.n && columns.one != columns.mean_count);
      assert_int_equal(columns.n % 4, 0);
      assert_int_equal(columns.n_eligibility % 4, 0);
      assert_true(columns.n_eligibility >= n_output + 2);
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_no_entry_of_any_backend_is_null),
      cmocka_unit_test(test_a_backend_with_memory_of_its_own_has_a_way_to_it),
      cmocka_unit_test(test_backends_have_names_of_their_own),
      cmocka_unit_test(test_memory_comes_zeroed_and_keeps_what_it_is_given),
      cmocka_unit_test(test_no_bytes_may_be_asked_for_and_null_released),
      cmocka_unit_test(test_too_much_memory_is_refused_by_name),
      cmocka_unit_test(test_lanes_hold_all_weights_and_two_more),
  };
  return cmocka_run_group_tests_name("kernels_table", tests, NULL, NULL);
}
