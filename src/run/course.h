// Training: epochs of shuffled images, presented in batches. The only loop body that trains.
#ifndef PSAC_RUN_COURSE_H
#define PSAC_RUN_COURSE_H

#include <stdint.h>

#include "src/run/session.h"

// Progress of training, between two batches.
typedef struct psac_position {
  int64_t epoch;            // from 0; training.num_epochs when training has ended
  int64_t first;            // trials of the epoch already presented
  int64_t trials, correct;  // totals since the start of training; counted by the caller
  int64_t first_epoch;      // start of the linear learning-rate schedule: 0, or the epoch at which the run was extended
} psac_position;

typedef struct psac_course {
  psac_session *session;
  psac_position at;        // of the current batch
  int64_t *order;          // [train.n] images of the epoch
  int64_t order_epoch;     // -1 = none yet
  psac_trial *trials;      // [capacity]
  psac_outcome *outcomes;  // [capacity], filled on rank 0 of each replica
  int n;                   // trials of the current batch
} psac_course;

// Allocates buffers for batches of at most `capacity` trials; keeps the position. PSAC_ERR_MEMORY. Release with
// psac_course_free, also after a failure. Not collective.
psac_status psac_course_start(psac_course *course, psac_session *session, size_t capacity);
void psac_course_free(psac_course *course);

// Resets the position to the first trial and drops the shuffled order. Also for use after the configuration or the
// digits have changed. Not collective.
void psac_course_restart(psac_course *course);

// Fills trials [n] of the batch at the current position; n is `limit` or the number of trials left in the epoch, if
// that is less. Needs no network. Not collective.
void psac_course_fill(psac_course *course, int64_t limit);

// Fills the current batch with at most `limit` trials, presents it and learns from it; `observer` may be NULL.
// Collective.
psac_status psac_course_present(psac_course *course, int64_t limit, const psac_observer *observer);

// Advances the position past the current batch; after the last batch of an epoch, to the start of the next epoch. Not
// collective.
void psac_course_advance(psac_course *course);

// A trial that presents image `image` of the digits, whose pixels it borrows. Not collective.
psac_trial psac_digits_trial(const psac_digits *digits, int64_t image, psac_rng_stream stream, uint64_t number);

#endif
