// For tests that run under mpirun: one group of tests on all ranks together. A failed assertion ends every rank at once
// (ctest sets CMOCKA_TEST_ABORT), as the others would wait for this one for ever.
#ifndef PSAC_TESTS_PARALLEL_H
#define PSAC_TESTS_PARALLEL_H

#include "check.h"
#include "partition/ranks.h"

static psac_ranks ranks;  // of this test program

#define run_on_all_ranks(name, tests)                                           \
  do {                                                                          \
    if (psac_ranks_start(&argc, &argv, &ranks) != PSAC_OK) return 1;            \
    const int n_failed_ = cmocka_run_group_tests_name(name, tests, NULL, NULL); \
    psac_ranks_finish(&ranks);                                                  \
    return n_failed_;                                                           \
  } while (0)

#endif
