// A study file. Every case of one that is accepted lies within the bounds of its keys, on any number of ranks.
#include <stdlib.h>

#include "fuzz.h"
#include "jobs/scaling/scaling_study.h"

enum { MOST_RANKS = 1000000, MOST_TRIALS = 1000000000 };
static const int64_t most_neurons = 8000000000;

int LLVMFuzzerInitialize(int *argc, char ***argv) {
  (void)argc, (void)argv;
  return 0;
}

static void check_case(const psac_scaling_case *what, int64_t n_ranks) {
  FUZZ_REQUIRE(what->kind >= 0 && what->kind < PSAC_N_STUDY_KINDS && what->ranks == n_ranks);
  FUZZ_REQUIRE(what->neurons >= 1 && what->neurons <= most_neurons * (what->kind == PSAC_STUDY_WEAK ? n_ranks : 1));
  FUZZ_REQUIRE(what->replicas >= 0 && what->replicas <= MOST_RANKS && what->batch >= 1 && what->batch <= 65536);
  FUZZ_REQUIRE(what->trials >= 1 && what->trials <= MOST_TRIALS && what->warm_up >= 0 && what->warm_up <= MOST_TRIALS);
  FUZZ_REQUIRE(what->first == 0 && what->repeats >= 1 && what->repeats <= 1000);
  FUZZ_REQUIRE(what->test_images >= 0 && (what->test_images == 0 || what->kind == PSAC_STUDY_ACCURACY));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes) {
  char *text = fuzz_text(data, n_bytes);
  psac_study study;
  if (psac_study_parse(text, n_bytes, "fuzz.yaml", &study) == PSAC_OK) {
    const int n = psac_study_n_cases(&study);
    FUZZ_REQUIRE(n >= 1);
    for (int k = 0; k < n; k++) {
      for (int64_t n_ranks = 1; n_ranks <= MOST_RANKS; n_ranks *= 1000) {
        const psac_scaling_case what = psac_study_case(&study, k, n_ranks);
        check_case(&what, n_ranks);
      }
    }
  }
  free(text);
  return 0;
}
