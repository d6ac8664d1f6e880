// Which backend the tests of kernels run against: ctest runs each of them once per backend of the build.
#ifndef PSAC_TESTS_BACKEND_H
#define PSAC_TESTS_BACKEND_H

#include "check.h"
#include "kernels/backend.h"

// The backend that PSAC_TEST_BACKEND names, cpu if it names none. Without a device for it the test is skipped, with the
// reason.
static inline const psac_backend *backend_under_test(void) {
  enum { SKIPPED = 77 };
  const char *name = getenv("PSAC_TEST_BACKEND"), *reason;
  const psac_backend *const *each = psac_backends();
  while (*each && strcmp((*each)->name, name ? name : "cpu") != 0) each++;
  if (!*each) fail_msg("PSAC_TEST_BACKEND = %s is not in this build", name);
  if ((*each)->device->device_count(&reason) > 0) return *each;
  printf("skipped: no device for backend %s: %s\n", name, reason);
  exit(SKIPPED);
}

#endif
