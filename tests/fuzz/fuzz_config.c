// A configuration: YAML text, then any number of --set texts, all separated by a 0 byte. Whatever is accepted holds
// finite numbers in their ranges, gives a plan of memory without an overflow, and prints to a text that reads back as
// the same text.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "src/config/config_table.h"
#include "src/plan/memory_plan.h"

enum { N_RANKS = 3 };

static psac_config defaults;

int LLVMFuzzerInitialize(int *argc, char ***argv) {
  (void)argc, (void)argv;
  FUZZ_REQUIRE(psac_config_defaults(&defaults) == PSAC_OK);
  return 0;
}

static void check_reals(const psac_config *config) {
  for (const psac_key *key = psac_keys; key < psac_keys + PSAC_N_KEYS; key++) {
    double value;
    if (key->kind != PSAC_KIND_REAL) continue;
    memcpy(&value, (const char *)config + key->offset, sizeof value);
    FUZZ_REQUIRE(isfinite(value) && value >= key->lowest && value <= key->highest);
  }
}

static void check_printed(const psac_config *config) {
  psac_config again = defaults;
  char *text, *text_again;
  FUZZ_REQUIRE(psac_config_print(config, &text) == PSAC_OK);
  FUZZ_REQUIRE(psac_config_overlay(&again, text, strlen(text), "printed") == PSAC_OK);
  FUZZ_REQUIRE(psac_config_print(&again, &text_again) == PSAC_OK);
  FUZZ_REQUIRE(strcmp(text, text_again) == 0);
  free(text);
  free(text_again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes) {
  char *text = fuzz_text(data, n_bytes);
  psac_config config = defaults;
  const size_t n_yaml = strlen(text);
  int n_accepted = psac_config_overlay(&config, text, n_yaml, "fuzz.yaml") == PSAC_OK;
  for (size_t at = n_yaml + 1; at < n_bytes; at += strlen(text + at) + 1) {
    n_accepted += psac_config_set(&config, text + at) == PSAC_OK;
  }
  check_reals(&config);
  if (n_accepted > 0) check_printed(&config);
  if (psac_config_check(&config, N_RANKS) == PSAC_OK) {
    const psac_plan plan = psac_plan_make(&config, N_RANKS, 0);
    FUZZ_REQUIRE(isfinite(plan.bytes) && plan.bytes > 0.0 && plan.sizes.n_concurrent >= 1);
  }
  free(text);
  return 0;
}
