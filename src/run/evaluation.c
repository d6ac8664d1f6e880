#include "src/run/evaluation.h"

#include <stdlib.h>
#include <string.h>

#include "src/run/course.h"

typedef struct test_observer {
  const psac_digits *digits;
  psac_recorder *recorder;
  int64_t first;  // image of the batch's first trial
} test_observer;

static psac_status see_trials(void *self, const psac_view *view) {
  const test_observer *observer = self;
  const psac_network *network = view->network;
  for (int k = 0; k < view->n; k++) {
    PSAC_TRY(psac_recorder_see(observer->recorder, &network->config.record.test_trials, observer->first, view, k));
  }
  return network->backend->stage->accumulate_statistics(network->stream, &network->shard, view->stride, view->offset,
                                                        view->n,
                                                        observer->digits->labels + observer->first + view->first);
}

static void keep(psac_evaluation *evaluation, const psac_network *network, int64_t first, int n, const uint8_t *labels,
                 const psac_outcome *outcomes) {
  const int n_output = network->readout.layer[0].n;
  for (int b = 0; b < n; b++) {
    const int64_t i = first + b;
    evaluation->prediction[i] = outcomes[b].judgement.action;
    evaluation->label[i] = labels[i];
    memcpy(evaluation->output_counts + i * n_output, outcomes[b].output_counts, sizeof(int32_t) * (size_t)n_output);
    evaluation->confusion[labels[i] * n_output + outcomes[b].judgement.action]++;
    evaluation->n += 1;
    evaluation->accuracy += outcomes[b].judgement.action == labels[i];
  }
}

// Prints the notebook's line every 100 images, and which trials its accuracy covers.
static void report(psac_progress *progress, const psac_evaluation *evaluation, int64_t first, int n, int64_t total) {
  int64_t correct = 0;
  for (int64_t i = 0; i < first + n; i++) {
    correct += evaluation->prediction[i] == evaluation->label[i];
    if (i < first || (i + 1) % 100 != 0) continue;
    psac_progress_line(progress, "[%lld/%lld] True=%d Pred=%d Acc=%.2f of the test so far", (long long)i + 1,
                       (long long)total, evaluation->label[i], evaluation->prediction[i],
                       (double)correct / (double)(i + 1));
  }
  psac_progress_update(progress, "evaluation", first + n, "test", (double)correct / (double)(first + n));
}

static psac_status run(psac_session *session, psac_progress *progress, psac_recorder *recorder,
                       psac_evaluation *evaluation, psac_trial *trials, psac_outcome *outcomes, int batch) {
  const psac_digits *digits = &session->test;
  test_observer seen = {digits, recorder, 0};
  const psac_observer observer = {see_trials, &seen};
  for (int64_t first = 0; first < digits->n; first += batch) {
    const int n = (int)(digits->n - first < batch ? digits->n - first : batch);
    for (int b = 0; b < n; b++) {
      trials[b] = psac_digits_trial(digits, first + b, PSAC_STREAM_RETINA_TEST, (uint64_t)(first + b));
    }
    seen.first = first;
    if (session->pause.ask) PSAC_TRY(session->pause.ask(session->pause.self));
    PSAC_TRY(psac_network_present(session->network, trials, n, 0, &observer, outcomes));
    const psac_recorded_batch recorded = {.wanted = &session->config.record.test_trials,
                                          .first = first,
                                          .n = n,
                                          .labels = digits->labels,
                                          .outcomes = outcomes};
    PSAC_TRY(psac_recorder_end_batch(recorder, session->ranks, &recorded));
    if (session->ranks->rank != 0) continue;
    keep(evaluation, session->network, first, n, digits->labels, outcomes);
    report(progress, evaluation, first, n, digits->n);
  }
  if (evaluation->n > 0) evaluation->accuracy /= (double)evaluation->n;
  return PSAC_OK;
}

psac_status psac_evaluation_run(psac_session *session, psac_progress_kind kind, psac_recorder *recorder,
                                psac_evaluation *evaluation) {
  const size_t n = (size_t)session->test.n, n_output = (size_t)session->network->readout.layer[0].n;
  const int batch = psac_network_batch_size(session->network, 0);
  *evaluation = (psac_evaluation){
      .prediction = calloc(n, sizeof(int32_t)),
      .label = calloc(n, sizeof(int32_t)),
      .output_counts = calloc(n * n_output, sizeof(int32_t)),
      .confusion = calloc(PSAC_N_LABELS * n_output, sizeof(int64_t)),
  };
  psac_trial *trials = calloc((size_t)batch, sizeof *trials);
  psac_outcome *outcomes = calloc((size_t)batch, sizeof *outcomes);
  psac_progress progress;
  psac_progress_start(&progress, kind, session->test.n);
  psac_progress_line(&progress, "Evaluating over %lld samples", (long long)n);
  psac_status status = PSAC_OK;
  if (!evaluation->prediction || !evaluation->label || !evaluation->output_counts || !evaluation->confusion ||
      !trials || !outcomes) {
    status = psac_fail(PSAC_ERR_MEMORY, "out of memory for the evaluation of %zu images", n);
  }
  if (status == PSAC_OK) status = run(session, &progress, recorder, evaluation, trials, outcomes, batch);
  psac_progress_end(&progress);
  if (status == PSAC_OK) psac_progress_line(&progress, "Final Eval Acc=%.2f of the test", evaluation->accuracy);
  free(trials);
  free(outcomes);
  return status;
}

void psac_evaluation_free(psac_evaluation *evaluation) {
  free(evaluation->prediction);
  free(evaluation->label);
  free(evaluation->output_counts);
  free(evaluation->confusion);
  memset(evaluation, 0, sizeof *evaluation);
}
