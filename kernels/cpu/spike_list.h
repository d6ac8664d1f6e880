// Converts spike bits to index lists, chunk by chunk, so that a caller that needs one row per spike can prefetch rows.
#ifndef PSAC_KERNELS_CPU_SPIKE_LIST_H
#define PSAC_KERNELS_CPU_SPIKE_LIST_H

#include <stddef.h>
#include <stdint.h>

#include "base/simd.h"

enum {
  PSAC_SPIKE_LIST = 256,  // indices per chunk; the last word may exceed it by 63
  PSAC_SPIKE_AHEAD = 4,   // prefetch distance, in spikes
};

// Reads n_segments segments of n_words words, `stride` words apart, as one vector: segment s holds spikes
// [64 n_words s, 64 n_words (s + 1)).
typedef struct psac_spike_reader {
  const uint64_t *word;         // next word
  const uint64_t *segment_end;  // end of its segment
  size_t n_words, stride;
  int segments_left;                                      // after the current one
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

// Fills reader->index with the next chunk of spikes in ascending order and returns their number, 0 at the end. mask:
// only spikes in it (words in reading order, without the strides); NULL = all. A word holds a few spikes at random
// positions, so a branch per spike would mostly be mispredicted: four indices are always written, the rare others in a
// loop.
PSAC_INLINE int psac_spike_reader_next(psac_spike_reader *reader, const uint64_t *mask) {
  const uint64_t sentinel = (uint64_t)1 << 63;  // ctz of 0 is undefined
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

// Prefetches n_bytes at `row` into the cache.
PSAC_INLINE void psac_prefetch(const void *row, int n_bytes) {
  for (int line = 0; line < n_bytes; line += 64) __builtin_prefetch((const char *)row + line);
}

#endif
