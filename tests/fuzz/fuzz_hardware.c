// A file of machines. One that is accepted holds finite numbers in their ranges, gives finite times for any network,
// and prints to a text that reads back as the same text.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "src/plan/cost.h"

static psac_config defaults;

int LLVMFuzzerInitialize(int *argc, char ***argv) {
  (void)argc, (void)argv;
  FUZZ_REQUIRE(psac_config_defaults(&defaults) == PSAC_OK);
  return 0;
}

static void check_numbers(const psac_hardware *hardware) {
#define X(key, unit, lowest, highest, meaning) FUZZ_REQUIRE(hardware->key >= (lowest) && hardware->key <= (highest));
  PSAC_HARDWARE_LIST(X)
#undef X
}

static void check_printed(const psac_hardware *hardware) {
  psac_hardware again;
  char *const text = psac_hardware_print(hardware, "printed");
  FUZZ_REQUIRE(text && psac_hardware_read(text, strlen(text), "printed", NULL, &again) == PSAC_OK);
  char *const text_again = psac_hardware_print(&again, "printed");
  FUZZ_REQUIRE(text_again && strcmp(text, text_again) == 0);
  free(text);
  free(text_again);
}

static void check_times(const psac_hardware *hardware) {
  enum { N_RANKS = 6 };
  psac_cost cost;
  for (int64_t replicas = 1; replicas <= N_RANKS; replicas++) {
    if (N_RANKS % replicas != 0) continue;
    psac_cost_estimate(&defaults, N_RANKS, replicas, hardware, NULL, &cost);
    FUZZ_REQUIRE(isfinite(cost.seconds) && cost.seconds >= 0.0 && isfinite(cost.floor) && cost.floor >= 0.0);
    FUZZ_REQUIRE(isfinite(psac_cost_trial(&cost)) && isfinite(psac_cost_memory(&cost, hardware)));
  }
  FUZZ_REQUIRE(N_RANKS % psac_cost_best_replicas(&defaults, N_RANKS, hardware, NULL) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes) {
  char *text = fuzz_text(data, n_bytes);
  psac_hardware hardware;
  if (psac_hardware_read(text, n_bytes, "fuzz.yaml", NULL, &hardware) == PSAC_OK) {
    check_numbers(&hardware);
    check_printed(&hardware);
    check_times(&hardware);
  }
  free(text);
  return 0;
}
