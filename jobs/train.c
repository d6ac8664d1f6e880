// Trains on the digits, evaluates, writes the run file.
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "jobs/jobs.h"
#include "jobs/options.h"
#include "jobs/summary.h"
#include "src/run/checkpoint/checkpoint.h"
#include "src/run/course.h"
#include "src/run/run_file.h"

typedef struct training_state {
  psac_session *session;
  psac_results *results;
  psac_progress progress;
  psac_course course;
  int64_t *looks;  // [PRINTED][n_looks][2] spikes of this rank in the first trials of the epoch
  psac_checkpointer checkpointer;
} training_state;

static double accuracy(const psac_position *at) {
  return at->trials > 0 ? (double)at->correct / (double)at->trials : 0.0;
}

// The notebook prints the first PRINTED trials of an epoch, every LOOK_EVERY time steps.
enum { PRINTED = 2, LOOK_EVERY = 200 };

static int last_pass(const psac_config *config) { return config->network.model == PSAC_MODEL_NOTEBOOK ? 1 : 0; }

// Adds this rank's spikes of trial k of the view in every LOOK_EVERY-th time step to counts [steps][2]: middle layer,
// output layer.
static psac_status look(const psac_view *view, int k, int64_t *counts) {
  const psac_network *network = view->network;
  const psac_shard *shard = &network->shard;
  const size_t n_words = (size_t)shard->n_words, b = (size_t)(view->offset + k);
  uint64_t *words = malloc(sizeof *words * (n_words + 1));
  psac_status status = words ? PSAC_OK : psac_fail(PSAC_ERR_MEMORY, "out of memory counting spikes");
  for (int t = 0; status == PSAC_OK && t < shard->n_steps; t += LOOK_EVERY, counts += 2) {
    words[n_words] = 0;
    status = psac_network_fetch(network, words, shard->spikes + ((size_t)t * (size_t)view->stride + b) * n_words,
                                sizeof *words * n_words);
    if (status == PSAC_OK && network->transport.rank == 0) {
      status = psac_network_fetch(network, words + n_words, network->readout.spikes + (int64_t)t * view->n + k,
                                  sizeof *words);
    }
    for (size_t w = 0; w < n_words; w++) counts[0] += __builtin_popcountll(words[w]);
    counts[1] += __builtin_popcountll(words[n_words]);
  }
  free(words);
  return status;
}

static int64_t n_looks(const training_state *training) {
  return (training->session->network->shard.n_steps + LOOK_EVERY - 1) / LOOK_EVERY;
}

static psac_status see_trials(void *self, const psac_view *view) {
  training_state *training = self;
  const psac_config *config = &training->session->config;
  for (int k = 0; k < view->n; k++) {
    const int64_t position = training->course.at.first + view->first + k;
    if (view->pass == 0 && position < PRINTED) {
      PSAC_TRY(look(view, k, training->looks + position * 2 * n_looks(training)));
    }
    if (view->pass < last_pass(config)) continue;
    PSAC_TRY(
        psac_recorder_see(&training->results->recorder, &config->record.trials, training->course.at.first, view, k));
  }
  return PSAC_OK;
}

// Prints the notebook's spike counts of the first trials of an epoch. Collective if the batch has one of them.
static psac_status print_looks(training_state *training, int n) {
  const psac_session *session = training->session;
  for (int64_t position = training->course.at.first; position < training->course.at.first + n && position < PRINTED;
       position++) {
    int64_t *counts = training->looks + position * 2 * n_looks(training);
    PSAC_TRY(psac_ranks_sum_i64(session->ranks, counts, (size_t)(2 * n_looks(training))));
    for (int64_t k = 0; k < n_looks(training); k++) {
      psac_progress_line(&training->progress, "t=%dms mid=%lld out=%lld",
                         (int)((double)(k * LOOK_EVERY) * session->config.simulation.dt), (long long)counts[2 * k],
                         (long long)counts[2 * k + 1]);
      counts[2 * k] = counts[2 * k + 1] = 0;
    }
  }
  return PSAC_OK;
}

static psac_status end_recording(training_state *training, int n) {
  const psac_session *session = training->session;
  const psac_recorded_batch batch = {.wanted = &session->config.record.trials,
                                     .epoch = training->course.at.epoch + 1,
                                     .first = training->course.at.first,
                                     .n = n,
                                     .order = training->course.order,
                                     .labels = session->train.labels,
                                     .outcomes = training->course.outcomes};
  return psac_recorder_end_batch(&training->results->recorder, session->ranks, &batch);
}

static psac_status close_interval(training_state *training, int64_t trials) {
  const int is_root = training->session->ranks->rank == 0;
  int64_t spikes[2];
  PSAC_TRY(psac_network_take_spikes(training->session->network, training->session->ranks, spikes));
  if (!is_root) return PSAC_OK;
  psac_results *results = training->results;
  psac_curve_add_middle(&results->interval, spikes);
  psac_curve_add_middle(&results->epoch, spikes);
  return psac_curve_close(&results->interval, training->session->network, trials, training->course.at.epoch + 1);
}

// Rank 0 adds n outcomes to the learning curves and prints the notebook's line at every log interval, with the accuracy
// of all trials so far. Collective if an interval or the epoch ends.
static psac_status book(training_state *training, int n) {
  const psac_session *session = training->session;
  const int64_t interval = session->config.training.log_interval, n_images = session->train.n;
  for (int b = 0; b < n; b++) {
    const int64_t position = training->course.at.first + b + 1;
    const psac_outcome *outcome = &training->course.outcomes[b];
    training->course.at.trials++;
    if (session->ranks->rank == 0) {
      training->course.at.correct += outcome->judgement.reward > 0.0;
      psac_curve_add(&training->results->interval, session->network, outcome);
      psac_curve_add(&training->results->epoch, session->network, outcome);
    }
    if (position % interval == 0) {
      psac_progress_line(&training->progress, "Sample %lld True=%d Pred=%d Acc=%.2f of training so far",
                         (long long)position, training->course.trials[b].label, outcome->judgement.action,
                         accuracy(&training->course.at));
    }
    // spikes are counted batch by batch, so a point closes with the batch in which its interval ends
  }
  const int64_t end = training->course.at.first + n;
  if (end / interval > training->course.at.first / interval || end == n_images) {
    PSAC_TRY(close_interval(training, training->course.at.epoch * n_images + end));
  }
  return PSAC_OK;
}

// Maximum number of trials in the next batch. Model notebook learns within a trial, so any number of trials may be
// presented concurrently, but a log interval must end with a batch.
static int64_t limit_of(const training_state *training) {
  const psac_config *config = &training->session->config;
  const int64_t interval = config->training.log_interval;
  return config->network.model == PSAC_MODEL_NOTEBOOK ? interval - training->course.at.first % interval : INT64_MAX;
}

static psac_status run_batch(training_state *training, const char *what) {
  const psac_observer observer = {see_trials, training};
  psac_course *course = &training->course;
  PSAC_TRY(psac_course_present(course, limit_of(training), &observer));
  PSAC_TRY(print_looks(training, course->n));
  PSAC_TRY(end_recording(training, course->n));
  PSAC_TRY(book(training, course->n));
  const psac_curve *curve = &training->results->interval;
  const double late = curve->n > 0 ? curve->point[curve->n - 1].accuracy : accuracy(&course->at);
  const int64_t done = course->at.epoch * training->session->train.n + course->at.first + course->n;
  psac_progress_update(&training->progress, what, done, "interval", late);
  psac_course_advance(course);
  return PSAC_OK;
}

// Trains from the current position to the end of its epoch.
static psac_status run_epoch(training_state *training) {
  const psac_session *session = training->session;
  psac_position *at = &training->course.at;
  const long long epoch = at->epoch + 1, n_epochs = session->config.training.num_epochs;
  char what[64];
  snprintf(what, sizeof what, "epoch %lld/%lld", epoch, n_epochs);
  psac_progress_line(&training->progress, "--- Epoch %lld/%lld ---", epoch, n_epochs);
  do {
    if (at->first > 0) PSAC_TRY(psac_checkpointer_poll(&training->checkpointer, 0));
    PSAC_TRY(run_batch(training, what));
  } while (at->first > 0);
  psac_curve *own = &training->results->epoch;
  if (session->ranks->rank == 0) {
    psac_progress_line(&training->progress, "Epoch %lld Acc=%.2f of training so far, %.2f of this epoch", epoch,
                       accuracy(at), (double)own->n_correct / (double)own->n_trials);
    PSAC_TRY(psac_curve_close(own, session->network, epoch * session->train.n, epoch));
  }
  return psac_checkpointer_poll(&training->checkpointer, 1);
}

static psac_status start_training(training_state *training, psac_progress_kind kind) {
  psac_session *session = training->session;
  psac_progress_start(&training->progress, kind, session->config.training.num_epochs * session->train.n);
  training->progress.done_before = training->course.at.trials;
  training->looks = calloc((size_t)(INT64_C(2) * PRINTED * n_looks(training)), sizeof *training->looks);
  if (!training->looks) return psac_fail(PSAC_ERR_MEMORY, "out of memory for spike counts");
  return psac_course_start(&training->course, session, (size_t)psac_network_batch_size(session->network, 1));
}

static psac_status run_training(training_state *training, psac_progress_kind kind) {
  const psac_position *at = &training->course.at;
  psac_status status = start_training(training, kind);
  while (status == PSAC_OK && at->epoch < training->session->config.training.num_epochs) status = run_epoch(training);
  psac_progress_end(&training->progress);
  if (status == PSAC_OK && at->trials > 0) {
    psac_progress_line(&training->progress, "Training complete. Final Acc=%.2f of all training", accuracy(at));
  }
  free(training->looks);
  psac_course_free(&training->course);
  return status;
}

static psac_status poll_checkpointer(void *checkpointer) { return psac_checkpointer_poll(checkpointer, 0); }

static psac_status finish(training_state *training, psac_progress_kind kind) {
  psac_session *session = training->session;
  psac_results *results = training->results;
  PSAC_TRY(run_training(training, kind));
  session->pause = (psac_pause){poll_checkpointer, &training->checkpointer};
  PSAC_TRY(psac_evaluation_run(session, kind, &results->recorder, &results->evaluation));
  PSAC_TRY(psac_summary_finish(session, results));
  if (session->ranks->rank == 0) psac_checkpointer_clear(&training->checkpointer);
  return PSAC_OK;
}

// For a run that had ended and gets more epochs: begins a new segment of a linear schedule, which ended with a rate of
// 0.
static void begin_segment(psac_position *at, const psac_config *config) {
  if (config->learning.rate_schedule != PSAC_SCHEDULE_LINEAR) return;
  at->first_epoch = at->epoch;
  psac_log(
      "psac_dist: a new segment of the learning rate's schedule: linear from %g at the start of epoch %lld to 0 after "
      "epoch %lld",
      config->learning.learning_rate, (long long)at->epoch + 1, (long long)config->training.num_epochs);
}

// Everything that can be refused is refused before the network is built.
static psac_status run(psac_session *session, psac_progress_kind kind, psac_resumption *found, psac_results *results) {
  training_state training = {.session = session, .results = results};
  const char *path = found->path;
  PSAC_TRY(psac_session_read_digits(session, 1));
  if (path[0]) PSAC_TRY(psac_resume_check_data(session, path, &found->checkpoint));
  PSAC_TRY(psac_session_build(session));
  psac_summary_start(session, kind);
  if (path[0]) {
    training.course.at = found->checkpoint.position;
    PSAC_TRY(psac_checkpoint_restore(session, path, &found->checkpoint, &results->interval, &results->epoch,
                                     &results->recorder));
    psac_log("psac_dist: going on from %s, after %lld trials", path, (long long)training.course.at.trials);
    if (found->is_extended) begin_segment(&training.course.at, &session->config);
  } else if (session->options->resume) {
    psac_log("psac_dist: no checkpoint beside %s: starting afresh", session->out);
  }
  char spikes[PSAC_CHECKPOINT_PATH_BYTES];
  psac_recording_name(session->out, spikes);
  PSAC_TRY(
      psac_recorder_open(&results->recorder, session->ranks, session->network, spikes, found->checkpoint.recording));
  psac_checkpointer_start(&training.checkpointer, session, results, &training.course.at, path);
  return psac_checkpointer_explain(&training.checkpointer, finish(&training, kind));
}

// Resolves the configuration: that of the checkpoint, if there is one, as changed by the options. psac_resume_settle
// refuses changes that matter.
static psac_status configure(psac_session *session, psac_resumption *found) {
  const psac_config_layer layer = {.text = found->checkpoint.config_text,
                                   .origin = found->path[0] ? found->path : session->out};
  const int goes_on = found->path[0] || found->finished_epochs >= 0;
  return psac_session_configure(session, session->options, session->ranks, goes_on ? &layer : NULL);
}

// The run owns its output from before it reads anything of it until after the last write.
static psac_status resume_and_run(psac_session *session, const psac_options *options, psac_resumption *found,
                                  psac_results *results) {
  char owner[PSAC_CHECKPOINT_PATH_BYTES];
  psac_progress_kind kind = PSAC_PROGRESS_NONE;
  const char *out = options->out;
  PSAC_TRY(psac_ranks_agree(session->ranks, psac_progress_choose(options->progress, session->ranks->rank, &kind)));
  if (!out && options->run.resume && psac_checkpoint_owner(options->run.resume, owner)) out = owner;
  if (out) PSAC_TRY(psac_session_claim(session, out));
  PSAC_TRY(psac_resume_find(session, found));
  PSAC_TRY(configure(session, found));
  PSAC_TRY(psac_session_claim(session, NULL));
  PSAC_TRY(psac_resume_settle(session, found));
  if (found->is_finished) {
    psac_log("psac_dist: %s is there: the run is finished", session->out);
    return PSAC_OK;
  }
  return run(session, kind, found, results);
}

psac_status psac_job_train(const psac_options *options, psac_ranks *ranks) {
  psac_session session = {.options = &options->run, .ranks = ranks};
  psac_results results = {0};
  psac_resumption found = {0};
  const psac_status status = resume_and_run(&session, options, &found, &results);
  if (results.recorder.file.is_open && status != PSAC_OK && ranks->rank == 0) psac_recording_remove(session.out);
  psac_resumption_free(&found);
  psac_results_free(&results);
  psac_session_end(&session, status);
  return status;
}
