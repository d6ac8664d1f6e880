#include "src/run/course.h"

#include <stdlib.h>

#include "base/rng.h"

static int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

// order [n] = 0 .. n - 1, shuffled (Fisher-Yates) with draws keyed by seed, epoch and position: the same on every rank.
static void shuffle(int64_t *order, int64_t n, uint64_t seed, int64_t epoch) {
  const psac_rng_key key = psac_rng_stream_key(seed, PSAC_STREAM_SHUFFLE);
  for (int64_t i = 0; i < n; i++) order[i] = i;
  for (int64_t i = n - 1; i > 0; i--) {
    const psac_rng_block r = psac_rng_draw(key, (uint32_t)i, (uint32_t)((uint64_t)i >> 32), (uint32_t)epoch, 0);
    const int64_t j = (int64_t)psac_rng_below(r.word[0], r.word[1], (uint64_t)i + 1);
    const int64_t kept = order[i];
    order[i] = order[j];
    order[j] = kept;
  }
}

psac_status psac_course_start(psac_course *course, psac_session *session, size_t capacity) {
  *course = (psac_course){.session = session, .at = course->at, .order_epoch = -1};
  course->order = malloc(sizeof *course->order * ((size_t)session->train.n + 1));
  course->trials = calloc(capacity, sizeof *course->trials);
  course->outcomes = calloc(capacity, sizeof *course->outcomes);
  if (course->order && course->trials && course->outcomes) return PSAC_OK;
  return psac_fail(PSAC_ERR_MEMORY, "out of memory for a batch of %zu trials", capacity);
}

void psac_course_free(psac_course *course) {
  free(course->order);
  free(course->trials);
  free(course->outcomes);
  course->order = NULL;
  course->trials = NULL;
  course->outcomes = NULL;
}

void psac_course_restart(psac_course *course) {
  course->at = (psac_position){0};
  course->order_epoch = -1;
}

psac_trial psac_digits_trial(const psac_digits *digits, int64_t image, psac_rng_stream stream, uint64_t number) {
  const size_t image_bytes = (size_t)digits->height * (size_t)digits->width;
  return (psac_trial){.number = number,
                      .stream = stream,
                      .image = digits->pixels + (size_t)image * image_bytes,
                      .label = digits->labels[image]};
}

void psac_course_fill(psac_course *course, int64_t limit) {
  const psac_digits *digits = &course->session->train;
  const psac_position *at = &course->at;
  if (course->order_epoch != at->epoch) {
    shuffle(course->order, digits->n, (uint64_t)course->session->config.simulation.seed, at->epoch);
    course->order_epoch = at->epoch;
  }
  course->n = (int)smaller(limit, digits->n - at->first);
  for (int b = 0; b < course->n; b++) {
    const int64_t position = at->first + b;
    course->trials[b] = psac_digits_trial(digits, course->order[position], PSAC_STREAM_RETINA_TRAIN,
                                          (uint64_t)(at->epoch * digits->n + position));
  }
}

psac_status psac_course_present(psac_course *course, int64_t limit, const psac_observer *observer) {
  psac_session *session = course->session;
  const psac_position *at = &course->at;
  const int64_t n_images = session->train.n, total = session->config.training.num_epochs * n_images;
  psac_course_fill(course, smaller(limit, psac_network_batch_size(session->network, 1)));
  psac_network_set_progress(session->network, smaller(at->epoch * n_images + at->first, total), n_images,
                            at->first_epoch);
  return psac_network_present(session->network, course->trials, course->n, 1, observer, course->outcomes);
}

void psac_course_advance(psac_course *course) {
  psac_position *at = &course->at;
  at->first += course->n;
  if (at->first == course->session->train.n) at->first = 0, at->epoch++;
}
