// A set of digits: byte 0 says how it lies on the disk (bit 0: images named .gz, bit 1: labels named .gz, bits 2 and 3:
// how many images are wanted at most), bytes 1 and 2 the length of the images' file (little-endian), then the two
// files.
#include <stdio.h>
#include <string.h>

#include "fuzz.h"
#include "io/idx.h"

int LLVMFuzzerInitialize(int *argc, char ***argv) {
  (void)argc, (void)argv;
  return 0;
}

static void put(const char *stem, int zipped, const uint8_t *data, size_t n_bytes) {
  char name[64];
  snprintf(name, sizeof name, "%s%s", stem, zipped ? "" : ".gz");
  remove(fuzz_path(name));
  snprintf(name, sizeof name, "%s%s", stem, zipped ? ".gz" : "");
  fuzz_write(fuzz_path(name), data, n_bytes);
}

static void check_digits(const psac_digits *digits, int64_t max_images) {
  FUZZ_REQUIRE(digits->n >= 1 && (max_images == 0 || digits->n <= max_images));
  FUZZ_REQUIRE(digits->height >= 1 && digits->height <= PSAC_DIGIT_SIDE_MAX);
  FUZZ_REQUIRE(digits->width >= 1 && digits->width <= PSAC_DIGIT_SIDE_MAX);
  for (int64_t i = 0; i < digits->n; i++) FUZZ_REQUIRE(digits->labels[i] < PSAC_DIGIT_CLASSES);
  int64_t sum = 0;  // reads every pixel
  for (int64_t i = 0; i < digits->n * digits->height * digits->width; i++) sum += digits->pixels[i];
  FUZZ_REQUIRE(sum >= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes) {
  enum { HEAD = 3 };
  if (n_bytes < HEAD) return 0;
  size_t n_images = (size_t)data[1] | (size_t)data[2] << 8;
  if (n_images > n_bytes - HEAD) n_images = n_bytes - HEAD;
  put("train-images-idx3-ubyte", data[0] & 1, data + HEAD, n_images);
  put("train-labels-idx1-ubyte", data[0] & 2, data + HEAD + n_images, n_bytes - HEAD - n_images);
  const int64_t max_images = data[0] >> 2 & 3;
  psac_digits digits;
  if (psac_digits_read(fuzz_path("."), PSAC_TRAIN_SET, max_images, &digits) == PSAC_OK) {
    check_digits(&digits, max_images);
  } else {
    FUZZ_REQUIRE(digits.n == 0 && !digits.pixels && !digits.labels);
  }
  psac_digits_free(&digits);
  return 0;
}
