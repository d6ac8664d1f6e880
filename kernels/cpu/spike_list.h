// Spike bits as a list of indices, a piece at a time: whoever needs a row per spike can fetch the rows ahead.
#ifndef PSAC_KERNELS_SPIKE_LIST_H
#define PSAC_KERNELS_SPIKE_LIST_H

#include <stdint.h>

#include "base/simd.h"

enum {
  PSAC_SPIKE_LIST = 256,  // indices per piece, and up to a word more
  PSAC_SPIKE_AHEAD = 4,   // how far ahead a row may be fetched
};

typedef struct psac_spike_reader {
  const uint64_t *words;
  int n_words, w;
  uint32_t index[PSAC_SPIKE_LIST + 64 + PSAC_SPIKE_AHEAD];  // index[n .. n + AHEAD) repeats the last one
} psac_spike_reader;

PSAC_INLINE void psac_spike_reader_start(psac_spike_reader *reader, const uint64_t *words, int n_words) {
  reader->words = words;
  reader->n_words = n_words;
  reader->w = 0;
}

// Fills reader->index with the next spikes in ascending order; their number, 0 at the end. A word holds a few spikes at random,
// so a branch per spike would mostly be guessed wrong: four are always written, and the rare rest in a loop.
PSAC_INLINE int psac_spike_reader_next(psac_spike_reader *reader) {
  const uint64_t sentinel = (uint64_t)1 << 63;  // counting the zeros below it is defined for an empty word
  int n = 0;
  for (; reader->w < reader->n_words && n < PSAC_SPIKE_LIST; reader->w++) {
    uint64_t word = reader->words[reader->w];
    const int count = __builtin_popcountll(word);
    for (int k = 0; k < 4; k++, word &= word - 1) {
      reader->index[n + k] = (uint32_t)(64 * reader->w + __builtin_ctzll(word | sentinel));
    }
    for (int k = 4; k < count; k++, word &= word - 1) {
      reader->index[n + k] = (uint32_t)(64 * reader->w + __builtin_ctzll(word));
    }
    n += count;
  }
  for (int k = 0; k < PSAC_SPIKE_AHEAD && n > 0; k++) reader->index[n + k] = reader->index[n - 1];
  return n;
}

// Fetches n_bytes at `row` into the cache.
PSAC_INLINE void psac_prefetch(const void *row, int n_bytes) {
  for (int line = 0; line < n_bytes; line += 64) __builtin_prefetch((const char *)row + line);
}

#endif
