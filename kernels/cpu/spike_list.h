// Spike bits as a list of indices, a piece at a time: whoever needs a row per spike can fetch the rows ahead.
#ifndef PSAC_KERNELS_CPU_SPIKE_LIST_H
#define PSAC_KERNELS_CPU_SPIKE_LIST_H

#include <stddef.h>
#include <stdint.h>

#include "base/simd.h"

enum {
  PSAC_SPIKE_LIST = 256,  // indices per piece, and up to a word more
  PSAC_SPIKE_AHEAD = 4,   // how far ahead a row may be fetched
};

// Reads segments of n_words words, `stride` words apart, as one vector: segment s holds spikes [64 n_words s, 64
// n_words (s + 1)).
typedef struct psac_spike_reader {
  const uint64_t *word;         // the next one
  const uint64_t *segment_end;  // of its segment
  size_t n_words, stride;
  int segments_left;                                      // behind this one
  size_t base;                                            // index of the word's first bit
  size_t index[PSAC_SPIKE_LIST + 64 + PSAC_SPIKE_AHEAD];  // index[n .. n + AHEAD) repeats the last one
} psac_spike_reader;

PSAC_INLINE void psac_spike_reader_start(psac_spike_reader *reader, const uint64_t *words, int n_words, int n_segments,
                                         size_t stride) {
  reader->word = words;
  reader->segment_end = words + n_words;
  reader->n_words = (size_t)n_words;
  reader->stride = stride;
  reader->segments_left = n_words > 0 ? n_segments - 1 : 0;
  reader->base = 0;
}

// Fills reader->index with the next spikes in ascending order, those in `mask` (words as they are read, without the
// strides) or all if that is NULL; their number, 0 at the end. A word holds a few spikes at random, so a branch per
// spike would mostly be guessed wrong: four are always written, and the rare rest in a loop.
PSAC_INLINE int psac_spike_reader_next(psac_spike_reader *reader, const uint64_t *mask) {
  const uint64_t sentinel = (uint64_t)1 << 63;  // counting the zeros below it is defined for an empty word
  const uint64_t *next = reader->word, *end = reader->segment_end;
  size_t base = reader->base;
  int n = 0;
  while (n < PSAC_SPIKE_LIST) {
    if (next == end) {
      if (reader->segments_left == 0) break;
      reader->segments_left--;
      next += reader->stride - reader->n_words;
      end = next + reader->n_words;
    }
    uint64_t word = *next++;
    if (mask) word &= mask[base / 64];
    const int count = __builtin_popcountll(word);
    for (int k = 0; k < 4; k++, word &= word - 1)
      reader->index[n + k] = base + (size_t)__builtin_ctzll(word | sentinel);
    for (int k = 4; k < count; k++, word &= word - 1) reader->index[n + k] = base + (size_t)__builtin_ctzll(word);
    n += count;
    base += 64;
  }
  reader->word = next;
  reader->segment_end = end;
  reader->base = base;
  for (int k = 0; k < PSAC_SPIKE_AHEAD && n > 0; k++) reader->index[n + k] = reader->index[n - 1];
  return n;
}

// Fetches n_bytes at `row` into the cache.
PSAC_INLINE void psac_prefetch(const void *row, int n_bytes) {
  for (int line = 0; line < n_bytes; line += 64) __builtin_prefetch((const char *)row + line);
}

#endif
