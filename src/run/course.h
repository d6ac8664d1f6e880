// The course of a training: epochs of shuffled images, presented in batches. The only loop body that trains.
#ifndef PSAC_RUN_COURSE_H
#define PSAC_RUN_COURSE_H

#include <stdint.h>

#include "src/run/session.h"

// Where a training stands, between two batches.
typedef struct psac_position {
  int64_t epoch;            // from 0; the number of epochs when training is over
  int64_t first;            // trials of the epoch that are done
  int64_t trials, correct;  // in all, since the start; counted by the caller
  int64_t first_epoch;      // of the current linear learning-rate schedule: 0, or where the run was extended
} psac_position;

typedef struct psac_course {
  psac_session *session;
  psac_position at;        // of the current batch
  int64_t *order;          // [train.n] images of the epoch
  int64_t order_epoch;     // -1 = none yet
  psac_trial *trials;      // [capacity]
  psac_outcome *outcomes;  // [capacity], on rank 0 of each replica
  int n;                   // trials of the current batch
} psac_course;

// Memory for batches of at most `capacity` trials; the position stays as it is. PSAC_ERR_MEMORY; not collective.
// Release with psac_course_free also after a failure.
psac_status psac_course_start(psac_course *course, psac_session *session, size_t capacity);
void psac_course_free(psac_course *course);

// Back to the first trial, after a change of configuration or digits too.
void psac_course_restart(psac_course *course);

// Fills trials [n] of the batch at the current position: at most `limit` trials, training.batch_size or what is left of
// the epoch. Needs no network. Not collective.
void psac_course_fill(psac_course *course, int64_t limit, int64_t batch);

// Fills the current batch, presents it and learns from it; `observer` may be NULL. Collective.
psac_status psac_course_present(psac_course *course, int64_t limit, const psac_observer *observer);

// Moves the position past the current batch; past the last one of an epoch, to the start of the next.
void psac_course_advance(psac_course *course);

// A trial that presents image `image` of the digits.
psac_trial psac_digits_trial(const psac_digits *digits, int64_t image, psac_rng_stream stream, uint64_t number);

#endif
