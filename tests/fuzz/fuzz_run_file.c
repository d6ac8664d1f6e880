// A run file, as `psac_dist evaluate --weights` reads it: its configuration, then the weights for a network of nine
// neurons.
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "src/run/run_file.h"

static psac_session session;

int LLVMFuzzerInitialize(int *argc, char ***argv) {
  (void)argc, (void)argv;
  static const char *const assignments[] = {"middle_layer.num_neurons=9", "recurrence.in_degree=2",
                                            "simulation.t_total=8",       "simulation.t_skip=2",
                                            "training.batch_size=1",      NULL};
  fuzz_build_network("psac", assignments, &session);
  return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes) {
  const char *path = fuzz_path("run.h5");
  fuzz_write(path, data, n_bytes);
  if (psac_h5_try(path) != PSAC_OK) return 0;
  char *text = NULL;
  if (psac_run_file_read_config(path, &text) == PSAC_OK) {
    psac_config config;
    FUZZ_REQUIRE(psac_config_defaults(&config) == PSAC_OK);
    if (psac_config_overlay(&config, text, strlen(text), path) == PSAC_OK && psac_config_check(&config, 1) == PSAC_OK) {
      (void)psac_run_file_check_weights(path, &config);
    }
  } else {
    FUZZ_REQUIRE(!text);
  }
  free(text);
  if (psac_run_file_read_weights(&session, path) == PSAC_OK) {
    for (int32_t i = 0; i < session.network->shard.n_local; i++) {
      const int32_t *row = session.network->shard.rows + (size_t)i * (size_t)session.network->shard.columns.n;
      FUZZ_REQUIRE(row[session.network->shard.columns.one] == 1);  // the constant columns are not the file's
    }
  }
  return 0;
}
