// The order in which an epoch presents its images.
#ifndef PSAC_RUN_SHUFFLE_H
#define PSAC_RUN_SHUFFLE_H

#include <stdint.h>

// order [n] = 0 .. n - 1, shuffled (Fisher-Yates) with draws keyed by seed, epoch (from 0) and position: the same on
// every rank.
void psac_shuffle(int64_t *order, int64_t n, uint64_t seed, int64_t epoch);

#endif
