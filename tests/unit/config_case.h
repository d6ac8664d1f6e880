// What the tests of the configuration share: one that starts from the defaults, and how a mistake in it is looked at.
#ifndef PSAC_TESTS_CONFIG_CASE_H
#define PSAC_TESTS_CONFIG_CASE_H

#include "check.h"
#include "src/config/config.h"

static psac_config config;  // the defaults, at the start of every test

static inline int start_from_defaults(void **state) {
  (void)state;
  return psac_config_defaults(&config) != PSAC_OK;
}

static inline psac_status overlay(const char *text) {
  return psac_config_overlay(&config, text, strlen(text), "x.yaml");
}

// The call failed because of its input, with exactly this message, which is one line.
static inline void assert_refused(psac_status status, const char *message) {
  assert_int_equal(status, PSAC_ERR_INPUT);
  assert_string_equal(psac_fail_message(), message);
  assert_null(strchr(psac_fail_message(), '\n'));
}

typedef struct refusal {
  const char *input;
  const char *message;
} refusal;

static inline void assert_overlays_refused(const refusal *refusals, size_t n) {
  const psac_config before = config;
  for (size_t i = 0; i < n; i++) {
    assert_refused(overlay(refusals[i].input), refusals[i].message);
    assert_memory_equal(&config, &before, sizeof config);
  }
}

static inline void assert_sets_refused(const refusal *refusals, size_t n) {
  const psac_config before = config;
  for (size_t i = 0; i < n; i++) {
    assert_refused(psac_config_set(&config, refusals[i].input), refusals[i].message);
    assert_memory_equal(&config, &before, sizeof config);
  }
}

#define TEST(name) cmocka_unit_test_setup(name, start_from_defaults)

#endif
