// What every unit test includes: cmocka with the headers that it needs, and the assertions that it lacks.
#ifndef PSAC_TESTS_CHECK_H
#define PSAC_TESTS_CHECK_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/status.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

#define assert_near(value, expected, tolerance)                                                \
  do {                                                                                         \
    const double value_ = (value), expected_ = (expected), tolerance_ = (tolerance);           \
    if (!(fabs(value_ - expected_) <= tolerance_)) {                                           \
      fail_msg("%s = %.9g, expected %.9g within %.3g", #value, value_, expected_, tolerance_); \
    }                                                                                          \
  } while (0)

#define assert_ok(call)                                                           \
  do {                                                                            \
    if ((call) != PSAC_OK) fail_msg("%s failed: %s", #call, psac_fail_message()); \
  } while (0)

// The last failure's message is one line with this part.
static inline void assert_message_has(const char *part) {
  const char *message = psac_fail_message();
  if (!strstr(message, part) || strchr(message, '\n'))
    fail_msg("\"%s\" should have \"%s\", in one line", message, part);
}

// A reproducible sequence for test data (SplitMix64), independent of the program's own generator.
static inline uint64_t next_random(uint64_t *state) {
  uint64_t z = *state += 0x9e3779b97f4a7c15u;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
  z = (z ^ z >> 27) * 0x94d049bb133111ebu;
  return z ^ z >> 31;
}

static inline double next_uniform(uint64_t *state) { return (double)(next_random(state) >> 11) * 0x1p-53; }

#endif
