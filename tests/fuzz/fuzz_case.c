// A replay case, as `psac_dist replay --case` reads it: its attributes, then spikes and weights for a network of nine
// neurons.
#include <string.h>

#include "fuzz.h"
#include "jobs/replay_case.h"

static psac_session session;

int LLVMFuzzerInitialize(int *argc, char ***argv) {
  (void)argc, (void)argv;
  static const char *const assignments[] = {"middle_layer.num_neurons=9", "simulation.t_total=8", "simulation.t_skip=2",
                                            "retina.input_size=[6, 6]", NULL};
  fuzz_build_network("notebook", assignments, &session);
  return 0;
}

static void check_presentation(const psac_presentation *presentation) {
  const psac_shard *shard = &session.network->shard;
  FUZZ_REQUIRE(presentation->label >= 0 && presentation->label < PSAC_N_LABELS);
  for (int64_t k = 0; k < (int64_t)shard->n_units * shard->n_steps; k++)
    FUZZ_REQUIRE(presentation->retina_spikes[k] <= 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes) {
  const char *path = fuzz_path("case.h5");
  fuzz_write(path, data, n_bytes);
  if (psac_h5_try(path) != PSAC_OK) return 0;
  psac_replay_case replay_case = {0};
  psac_status status = psac_replay_case_open(path, &replay_case);
  if (status == PSAC_OK) {
    psac_config config = session.config;
    FUZZ_REQUIRE(replay_case.n >= 1 && replay_case.attributes);
    status = psac_config_overlay(&config, replay_case.attributes, strlen(replay_case.attributes), path);
    if (status == PSAC_OK) status = psac_config_check(&config, 1);
    if (status == PSAC_OK) (void)psac_replay_case_check(path, &config, &replay_case);
    status = psac_replay_case_read(path, session.network, &replay_case);
  }
  for (int64_t k = 0; status == PSAC_OK && k < replay_case.n; k++) check_presentation(&replay_case.presentation[k]);
  psac_replay_case_free(&replay_case);
  return 0;
}
