// A checkpoint, as --resume reads it. The file is a real one, written here; the input says which bytes of it to change:
// three bytes for the place (little-endian, modulo the file's length) and one for the value, any number of times. A
// last incomplete group cuts the file.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "src/run/checkpoint/checkpoint.h"

static psac_session session;
static uint8_t *original, *changed;
static size_t original_bytes;

static void read_original(const char *path) {
  FILE *file = fopen(path, "rb");
  FUZZ_REQUIRE(file && fseek(file, 0, SEEK_END) == 0);
  original_bytes = (size_t)ftell(file);
  rewind(file);
  original = malloc(original_bytes);
  changed = malloc(original_bytes);
  FUZZ_REQUIRE(original && changed && fread(original, 1, original_bytes, file) == original_bytes);
  fclose(file);
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
  (void)argc, (void)argv;
  static const char *const assignments[] = {"middle_layer.num_neurons=9", "recurrence.in_degree=2",
                                            "simulation.t_total=8",       "simulation.t_skip=2",
                                            "training.batch_size=1",      NULL};
  fuzz_build_network("psac", assignments, &session);
  const psac_curve none = {0};
  const psac_recorder recorder = {0};
  const psac_position position = {.first = 1, .trials = 1};
  FUZZ_REQUIRE(psac_checkpoint_write(&session, &none, &none, &recorder, &position, fuzz_path("original.h5")) ==
               PSAC_OK);
  read_original(fuzz_path("original.h5"));
  return 0;
}

static void restore(const char *path, psac_checkpoint *checkpoint) {
  psac_curve interval = {0}, epoch = {0};
  psac_recorder recorder = {0};
  if (psac_checkpoint_restore(&session, path, checkpoint, &interval, &epoch, &recorder) == PSAC_OK) {
    for (int32_t i = 0; i < session.network->shard.n_local; i++) {
      const int32_t *row = session.network->shard.rows + (size_t)i * (size_t)session.network->shard.columns.n;
      FUZZ_REQUIRE(row[session.network->shard.columns.one] == 1);
    }
  }
  psac_curve_free(&interval);
  psac_curve_free(&epoch);
  psac_recorder_free(&recorder);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes) {
  const char *path = fuzz_path("checkpoint.h5");
  memcpy(changed, original, original_bytes);
  for (size_t at = 0; at + 4 <= n_bytes; at += 4) {
    const size_t place = (size_t)data[at] | (size_t)data[at + 1] << 8 | (size_t)data[at + 2] << 16;
    changed[place % original_bytes] = data[at + 3];
  }
  size_t length = original_bytes;
  if (n_bytes % 4 == 3)
    length = ((size_t)data[n_bytes - 3] | (size_t)data[n_bytes - 2] << 8 | (size_t)data[n_bytes - 1] << 16) % length;
  fuzz_write(path, changed, length);
  if (psac_h5_try(path) != PSAC_OK) return 0;
  psac_checkpoint checkpoint;
  if (psac_checkpoint_read(NULL, path, 1, &checkpoint) == PSAC_OK) {
    FUZZ_REQUIRE(checkpoint.config_text && strlen(checkpoint.config_text) > 0);
    restore(path, &checkpoint);
  }
  psac_checkpoint_free(&checkpoint);
  return 0;
}
