// Trains on the digits, evaluates, writes the run file.
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "jobs.h"
#include "run_file.h"
#include "shuffle.h"
#include "summary.h"

typedef struct training_state {
  psac_session *session;
  psac_results *results;
  psac_progress progress;
  int64_t *order;            // [n] images of the epoch, shuffled
  psac_trial *trials;        // [batch]
  psac_outcome *outcomes;    // [batch]
  int64_t epoch;             // from 0
  int64_t first;             // position of the batch at hand in the epoch
  int64_t total, correct;    // trials so far, as the notebook counts them
  int64_t interval_correct;  // of the last log interval, for the bar
} training_state;

static int is_recorded(const psac_config *config, int64_t position) {
  for (int64_t k = 0; k < config->record.trials.n; k++) {
    if (config->record.trials.value[k] == position) return 1;
  }
  return 0;
}

// The notebook's look into the first two trials of an epoch: spikes in every 200th step. Collective.
static psac_status print_steps(training_state *training, const psac_view *view, int k) {
  enum { EVERY = 200 };
  const psac_network *network = view->network;
  const psac_shard *shard = &network->shard;
  for (int t = 0; t < shard->n_steps; t += EVERY) {
    int64_t middle = 0;
    for (int w = 0; w < shard->n_words; w++) {
      const size_t place = ((size_t)t * (size_t)view->stride + (size_t)(view->offset + k)) * (size_t)shard->n_words + (size_t)w;
      uint64_t word;
      PSAC_TRY(network->kernels->download(network->stream, &word, shard->spikes + place, sizeof word));
      PSAC_TRY(network->kernels->synchronize(network->stream));
      middle += __builtin_popcountll(word);
    }
    PSAC_TRY(psac_ranks_sum_i64(training->session->ranks, &middle, 1));
    if (training->session->ranks->rank != 0) continue;
    uint64_t output;
    PSAC_TRY(network->kernels->download(network->stream, &output, network->readout.spikes + (size_t)t * (size_t)view->n + k,
                                        sizeof output));
    PSAC_TRY(network->kernels->synchronize(network->stream));
    psac_progress_line(&training->progress, "t=%dms mid=%lld out=%d", (int)(t * network->config.simulation.dt),
                       (long long)middle, __builtin_popcountll(output));
  }
  return PSAC_OK;
}

static psac_status see_trials(void *self, const psac_view *view) {
  training_state *training = self;
  const psac_config *config = &training->session->config;
  const int last_pass = config->network.model == PSAC_MODEL_SEED ? 1 : 0;
  for (int k = 0; k < view->n; k++) {
    const int64_t position = training->first + view->first + k;
    if (view->pass == 0 && position < 2) PSAC_TRY(print_steps(training, view, k));
    if (view->pass != last_pass || !is_recorded(config, position)) continue;
    const int64_t image = training->order[position];
    PSAC_TRY(psac_recorder_keep(&training->results->recorder, view, k, training->epoch + 1, position, image,
                                training->session->train.labels[image], training->outcomes[view->first + k].prediction));
  }
  return PSAC_OK;
}

static void fill_batch(training_state *training, int n) {
  const psac_digits *digits = &training->session->train;
  const size_t image_bytes = (size_t)digits->height * (size_t)digits->width;
  for (int b = 0; b < n; b++) {
    const int64_t position = training->first + b, image = training->order[position];
    training->trials[b] = (psac_trial){
        .number = (uint64_t)(training->epoch * digits->n + position),
        .stream = PSAC_STREAM_RETINA_TRAIN,
        .image = digits->pixels + (size_t)image * image_bytes,
        .label = digits->labels[image],
    };
  }
}

static psac_status close_interval(training_state *training, int64_t trials) {
  const int is_root = training->session->ranks->rank == 0;
  int64_t spikes[2];
  PSAC_TRY(psac_network_take_spikes(training->session->network, training->session->ranks, spikes));
  if (!is_root) return PSAC_OK;
  psac_results *results = training->results;
  psac_curve_add_middle(&results->interval, spikes);
  psac_curve_add_middle(&results->epoch, spikes);
  return psac_curve_close(&results->interval, training->session->network, trials, training->epoch + 1);
}

// Rank 0 books n outcomes; the notebook's line at every log interval. Collective where an interval ends.
static psac_status book(training_state *training, int n) {
  const psac_session *session = training->session;
  const int64_t interval = session->config.training.log_interval, n_images = session->train.n;
  for (int b = 0; b < n; b++) {
    const int64_t position = training->first + b + 1;
    const psac_outcome *outcome = &training->outcomes[b];
    if (session->ranks->rank == 0) {
      training->total++;
      training->correct += outcome->reward > 0.0;
      psac_curve_add(&training->results->interval, session->network, outcome);
      psac_curve_add(&training->results->epoch, session->network, outcome);
    }
    if (position % interval == 0) {
      psac_progress_line(&training->progress, "Sample %lld True=%d Pred=%d Acc=%.2f", (long long)position,
                         training->trials[b].label, outcome->prediction, (double)training->correct / (double)training->total);
    }
    // spikes are counted batch by batch, so a point closes with the batch in which its interval ends
  }
  const int64_t end = training->first + n;
  if (end / interval > training->first / interval || end == n_images) {
    PSAC_TRY(close_interval(training, training->epoch * n_images + end));
  }
  return PSAC_OK;
}

static psac_status run_epoch(training_state *training, int batch) {
  psac_session *session = training->session;
  const psac_config *config = &session->config;
  const psac_observer observer = {see_trials, training};
  const int64_t n_images = session->train.n, n_epochs = config->training.num_epochs;
  char what[64];
  snprintf(what, sizeof what, "epoch %lld/%lld", (long long)training->epoch + 1, (long long)n_epochs);
  psac_progress_line(&training->progress, "--- Epoch %lld/%lld ---", (long long)training->epoch + 1, (long long)n_epochs);
  psac_shuffle(training->order, n_images, (uint64_t)config->simulation.seed, training->epoch);
  const int64_t interval = config->training.log_interval;
  int n;
  for (training->first = 0; training->first < n_images; training->first += n) {
    n = (int)(n_images - training->first < batch ? n_images - training->first : batch);
    // Model seed learns within a trial, so how many are presented at a time is free; no interval's end may fall between them.
    const int64_t left = interval - training->first % interval;
    if (config->network.model == PSAC_MODEL_SEED && left < n) n = (int)left;
    fill_batch(training, n);
    psac_network_set_progress(session->network, training->epoch * n_images + training->first, n_images);
    PSAC_TRY(psac_network_present(session->network, training->trials, n, 1, &observer, training->outcomes));
    PSAC_TRY(book(training, n));
    const psac_curve *curve = &training->results->interval;
    const double late = curve->n > 0 ? curve->point[curve->n - 1].accuracy
                                     : (double)training->correct / (double)(training->total > 0 ? training->total : 1);
    psac_progress_update(&training->progress, what, training->epoch * n_images + training->first + n, late);
  }
  if (session->ranks->rank != 0) return PSAC_OK;
  psac_progress_line(&training->progress, "Epoch %lld Acc=%.2f", (long long)training->epoch + 1,
                     (double)training->correct / (double)training->total);
  return psac_curve_close(&training->results->epoch, session->network, (training->epoch + 1) * n_images, training->epoch + 1);
}

static psac_status run_training(psac_session *session, psac_progress_kind kind, psac_results *results) {
  const int batch = psac_network_batch_size(session->network, 1);
  training_state training = {
      .session = session,
      .results = results,
      .order = malloc(sizeof(int64_t) * (size_t)session->train.n),
      .trials = calloc((size_t)batch, sizeof(psac_trial)),
      .outcomes = calloc((size_t)batch, sizeof(psac_outcome)),
  };
  psac_status status = training.order && training.trials && training.outcomes
                           ? PSAC_OK
                           : psac_fail(PSAC_ERR_MEMORY, "out of memory for a batch of %d trials", batch);
  const int64_t n_epochs = session->config.training.num_epochs;
  psac_progress_start(&training.progress, kind, n_epochs * session->train.n);
  for (; status == PSAC_OK && training.epoch < n_epochs; training.epoch++) status = run_epoch(&training, batch);
  psac_progress_end(&training.progress);
  if (status == PSAC_OK && training.total > 0) {
    psac_progress_line(&training.progress, "Training complete. Final Acc=%.2f",
                       (double)training.correct / (double)training.total);
  }
  free(training.order);
  free(training.trials);
  free(training.outcomes);
  return status;
}

static psac_status run(psac_session *session, psac_progress_kind kind, psac_results *results) {
  PSAC_TRY(psac_session_read_digits(session, 1));
  PSAC_TRY(psac_session_prepare_output(session));
  PSAC_TRY(psac_session_build(session));
  psac_summary_start(session, kind);
  PSAC_TRY(run_training(session, kind, results));
  PSAC_TRY(psac_evaluation_run(session, kind, &results->evaluation));
  return psac_summary_finish(session, results);
}

psac_status psac_job_train(const psac_options *options, psac_ranks *ranks) {
  psac_session session = {0};
  psac_results results = {0};
  psac_progress_kind kind = PSAC_PROGRESS_NONE;
  psac_status status = psac_ranks_agree(ranks, psac_progress_choose(options->progress, ranks->rank, &kind));
  if (status == PSAC_OK) status = psac_session_configure(&session, options, ranks, NULL);
  if (status == PSAC_OK) status = run(&session, kind, &results);
  psac_results_free(&results);
  psac_session_end(&session, status);
  return status;
}
