// status: what fails says why, once, and ends with the right exit code.
#include "check.h"

static void test_fail_returns_its_status_and_keeps_the_message(void **state) {
  (void)state;
  assert_int_equal(psac_fail(PSAC_ERR_INPUT, "%s = %d", "a.key", 7), PSAC_ERR_INPUT);
  assert_string_equal(psac_fail_message(), "a.key = 7");
  assert_int_equal(psac_fail(PSAC_ERR_IO, "another"), PSAC_ERR_IO);
  assert_string_equal(psac_fail_message(), "another");
}

static void test_a_message_may_quote_the_one_that_it_replaces(void **state) {
  (void)state;
  psac_fail(PSAC_ERR_IO, "disk full");
  psac_fail(PSAC_ERR_IO, "cannot write x: %s", psac_fail_message());
  assert_string_equal(psac_fail_message(), "cannot write x: disk full");
}

static void test_overlong_messages_are_cut(void **state) {
  (void)state;
  static char longer[10000];
  memset(longer, 'x', sizeof longer - 1);
  psac_fail(PSAC_ERR_IO, "%s", longer);
  const size_t n = strlen(psac_fail_message());
  assert_in_range(n, 500, 5000);
  assert_memory_equal(psac_fail_message(), longer, n);
}

static void test_exit_codes_tell_bad_input_from_a_failed_run(void **state) {
  (void)state;
  assert_int_equal(psac_status_exit_code(PSAC_OK), 0);
  assert_int_equal(psac_status_exit_code(PSAC_ERR_INPUT), 2);
  static const psac_status failed[] = {PSAC_ERR_IO, PSAC_ERR_MEMORY, PSAC_ERR_MPI, PSAC_ERR_DEVICE, PSAC_ERR_INTERNAL};
  for (size_t k = 0; k < COUNT(failed); k++) assert_int_equal(psac_status_exit_code(failed[k]), 1);
  assert_int_equal(psac_status_exit_code((psac_status)99), 1);
}

static void test_every_status_has_a_text(void **state) {
  (void)state;
#define X(name, exit_code, text) assert_string_equal(psac_status_text(name), text);
  PSAC_STATUS_LIST(X)
#undef X
  assert_string_equal(psac_status_text((psac_status)99), "unknown status");
}

static int n_calls;

static psac_status count_and_return(psac_status status) {
  n_calls++;
  return status;
}

static psac_status try_three(psac_status second) {
  PSAC_TRY(count_and_return(PSAC_OK));
  PSAC_TRY(count_and_return(second));
  PSAC_TRY(count_and_return(PSAC_OK));
  return PSAC_OK;
}

static psac_status try_with_clean_up(psac_status first, int *cleaned) {
  psac_status status;
  PSAC_TRY_OR_DONE(count_and_return(first));
  PSAC_TRY_OR_DONE(count_and_return(PSAC_OK));
done:
  *cleaned = 1;
  return status;
}

static void test_try_passes_a_failure_up_at_once(void **state) {
  (void)state;
  n_calls = 0;
  assert_int_equal(try_three(PSAC_OK), PSAC_OK);
  assert_int_equal(n_calls, 3);
  n_calls = 0;
  assert_int_equal(try_three(PSAC_ERR_MPI), PSAC_ERR_MPI);
  assert_int_equal(n_calls, 2);
}

static void test_try_or_done_goes_by_way_of_the_clean_up(void **state) {
  (void)state;
  int cleaned = 0;
  n_calls = 0;
  assert_int_equal(try_with_clean_up(PSAC_ERR_IO, &cleaned), PSAC_ERR_IO);
  assert_int_equal(n_calls, 1);
  assert_true(cleaned);
  assert_int_equal(try_with_clean_up(PSAC_OK, &cleaned), PSAC_OK);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_fail_returns_its_status_and_keeps_the_message),
      cmocka_unit_test(test_a_message_may_quote_the_one_that_it_replaces),
      cmocka_unit_test(test_overlong_messages_are_cut),
      cmocka_unit_test(test_exit_codes_tell_bad_input_from_a_failed_run),
      cmocka_unit_test(test_every_status_has_a_text),
      cmocka_unit_test(test_try_passes_a_failure_up_at_once),
      cmocka_unit_test(test_try_or_done_goes_by_way_of_the_clean_up),
  };
  return cmocka_run_group_tests_name("status", tests, NULL, NULL);
}
