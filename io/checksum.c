#include "io/checksum.h"

#include <string.h>

// The finalizer of SplitMix64: a bijection in which each input bit changes half of the output bits on average.
static uint64_t mix(uint64_t x) {
  x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
  x = (x ^ x >> 27) * 0x94d049bb133111ebu;
  return x ^ x >> 31;
}

static uint64_t hash_row(uint64_t row, size_t n_bytes, const unsigned char *bytes) {
  uint64_t hash = mix(row + 0x9e3779b97f4a7c15u);
  for (size_t done = 0; done < n_bytes; done += sizeof(uint64_t)) {
    const size_t left = n_bytes - done;
    uint64_t word = 0;
    memcpy(&word, bytes + done, left < sizeof word ? left : sizeof word);
    hash = mix((hash ^ word) + 0x9e3779b97f4a7c15u);
  }
  return hash;
}

uint64_t psac_checksum_rows(int64_t first_row, int64_t n_rows, size_t row_bytes, const void *rows) {
  uint64_t sum = 0;
  for (int64_t k = 0; k < n_rows; k++) {
    sum += hash_row((uint64_t)(first_row + k), row_bytes, (const unsigned char *)rows + (size_t)k * row_bytes);
  }
  return sum;
}
