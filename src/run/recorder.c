#include "src/run/recorder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

static int64_t minicolumns_of(int64_t n_neurons) { return (n_neurons + PSAC_MINICOLUMN - 1) / PSAC_MINICOLUMN; }

void psac_recorder_populations(const psac_network *network, psac_population of[PSAC_N_POPULATIONS]) {
  static const char *const name[PSAC_N_POPULATIONS] = {"retina", "middle", "output", "critic"};
  const psac_shard *shard = &network->shard;
  const int is_root = network->transport.rank == 0;
  const int64_t n[] = {shard->n_units, network->layout.n_neurons, network->readout.layer[0].n,
                       network->readout.layer[1].n};
  int64_t first = 0;
  for (int p = 0; p < PSAC_N_POPULATIONS; p++) {
    of[p] = (psac_population){name[p], first, minicolumns_of(n[p]), 0, is_root ? n[p] : 0};
    first += of[p].n_minicolumns;
  }
  of[1].own_first = shard->first_gid;
  of[1].n_own = shard->n_local;
}

psac_recording_shape psac_recorder_shape(const psac_network *network) {
  psac_population of[PSAC_N_POPULATIONS];
  psac_recorder_populations(network, of);
  const psac_population *last = &of[PSAC_N_POPULATIONS - 1];
  return (psac_recording_shape){last->first + last->n_minicolumns, network->shard.n_steps};
}

psac_status psac_recorder_open(psac_recorder *recorder, psac_ranks *ranks, const psac_network *network,
                               const char *path, const char *from) {
  const psac_config *config = &network->config;
  if (config->record.trials.n + config->record.test_trials.n + recorder->n == 0) return PSAC_OK;
  return psac_recording_create(&recorder->file, ranks, path, psac_recorder_shape(network), from, recorder->n);
}

// Number of positions in `wanted` that are in [first, end).
static int64_t count_wanted(const psac_int_list *wanted, int64_t first, int64_t end) {
  int64_t n = 0;
  for (int64_t k = 0; k < wanted->n; k++) n += wanted->value[k] >= first && wanted->value[k] < end;
  return n;
}

static psac_status make_room(psac_recorder *recorder, int64_t n) {
  if (n <= recorder->capacity) return PSAC_OK;
  psac_recorded_trial *grown = realloc(recorder->trial, sizeof *grown * (size_t)n);
  if (!grown) return psac_fail(PSAC_ERR_MEMORY, "out of memory recording spikes; record fewer trials");
  memset(grown + recorder->capacity, 0, sizeof *grown * (size_t)(n - recorder->capacity));
  recorder->trial = grown;
  recorder->capacity = n;
  return PSAC_OK;
}

// Transposes words [n_steps][n_words] of 64 neurons into rows [n_minicolumns][n_steps] of 8 neurons.
static void transpose(const uint64_t *words, size_t n_words, int64_t n_minicolumns, size_t n_steps, uint8_t *rows) {
  for (int64_t c = 0; c < n_minicolumns; c++) {
    const uint64_t *word = words + c / 8;
    const int shift = 8 * (int)(c % 8);
    for (size_t t = 0; t < n_steps; t++) *rows++ = (uint8_t)(word[t * n_words] >> shift);
  }
}

// Writes this rank's spikes of a population. `spikes` is in the backend's memory; its time steps are `stride` words
// apart.
static psac_status write_population(const psac_recorder *recorder, const psac_network *network,
                                    const psac_population *of, const uint64_t *spikes, size_t stride, int64_t slot,
                                    int64_t *checksum) {
  const psac_backend *backend = network->backend;
  const size_t n_steps = (size_t)network->shard.n_steps, step_bytes = n_steps * sizeof(uint64_t);
  const int64_t piece = step_bytes < PSAC_PIECE_BYTES ? (int64_t)(PSAC_PIECE_BYTES / step_bytes) : 1;
  const int64_t n_words = (of->n_own + 63) / 64;
  const size_t most = (size_t)(n_words < piece ? n_words : piece);
  uint64_t *words = malloc(step_bytes * most + 1);
  uint8_t *rows = malloc(step_bytes * most + 1);
  psac_status status = words && rows ? PSAC_OK : psac_fail(PSAC_ERR_MEMORY, "out of memory recording spikes");
  for (int64_t w = 0, n; status == PSAC_OK && w < n_words; w += n) {
    n = n_words - w < piece ? n_words - w : piece;
    const int64_t left = minicolumns_of(of->n_own) - 8 * w, n_minicolumns = left < 8 * n ? left : 8 * n;
    for (size_t t = 0; status == PSAC_OK && t < n_steps; t++) {
      const size_t n_bytes = sizeof *words * (size_t)n;
      status = backend->device->download(network->stream, words + t * (size_t)n, spikes + t * stride + w, n_bytes);
    }
    if (status == PSAC_OK) status = backend->device->synchronize(network->stream);
    if (status != PSAC_OK) break;
    transpose(words, (size_t)n, n_minicolumns, n_steps, rows);
    const int64_t first = of->first + of->own_first / PSAC_MINICOLUMN + 8 * w;
    status = psac_recording_write(&recorder->file, slot, first, n_minicolumns, rows, checksum);
  }
  free(words);
  free(rows);
  return status;
}

static psac_status write_trial(const psac_recorder *recorder, const psac_view *view, int k, int64_t slot,
                               int64_t *checksum) {
  const psac_network *network = view->network;
  const psac_shard *shard = &network->shard;
  const size_t n_steps = (size_t)shard->n_steps, b = (size_t)(view->offset + k), n = (size_t)view->n;
  const size_t words = (size_t)shard->n_words, retina_words = (size_t)shard->n_retina_words;
  const uint64_t *const spikes[] = {shard->retina_spikes + b * n_steps * retina_words, shard->spikes + b * words,
                                    network->readout.spikes + k, network->readout.spikes + n_steps * n + (size_t)k};
  const size_t stride[] = {retina_words, (size_t)view->stride * words, n, n};
  psac_population of[PSAC_N_POPULATIONS];
  psac_recorder_populations(network, of);
  for (int p = 0; p < PSAC_N_POPULATIONS; p++) {
    if (of[p].n_own > 0) PSAC_TRY(write_population(recorder, network, &of[p], spikes[p], stride[p], slot, checksum));
  }
  return PSAC_OK;
}

psac_status psac_recorder_see(psac_recorder *recorder, const psac_int_list *wanted, int64_t first,
                              const psac_view *view, int k) {
  const int64_t position = first + view->first + k, slot = recorder->n + count_wanted(wanted, first, position);
  const int is_wanted = count_wanted(wanted, position, position + 1) > 0;
  if (!recorder->file.is_open || recorder->failed != PSAC_OK || !is_wanted) return PSAC_OK;
  PSAC_TRY(make_room(recorder, slot + 1));
  int64_t checksum = 0;
  const psac_status status = write_trial(recorder, view, k, slot, &checksum);
  recorder->trial[slot].checksum = checksum;
  if (status != PSAC_ERR_IO) return status;
  recorder->failed = status;
  snprintf(recorder->message, sizeof recorder->message, "%s", psac_fail_message());
  return PSAC_OK;
}

// Adds the trials of a batch that were written.
static void book(psac_recorder *recorder, const psac_recorded_batch *batch) {
  for (int64_t k = 0; k < batch->wanted->n; k++) {
    const int64_t b = batch->wanted->value[k] - batch->first;
    if (b < 0 || b >= batch->n) continue;
    psac_recorded_trial *trial = &recorder->trial[recorder->n++];
    trial->epoch = batch->epoch;
    trial->trial = batch->first + b;
    trial->image = batch->order ? batch->order[batch->first + b] : batch->first + b;
    trial->label = batch->labels[trial->image];
    trial->prediction = batch->outcomes[b].judgement.action;
  }
}

psac_status psac_recorder_end_batch(psac_recorder *recorder, psac_ranks *ranks, const psac_recorded_batch *batch) {
  const int64_t n = count_wanted(batch->wanted, batch->first, batch->first + batch->n);
  if (!recorder->file.is_open || n == 0) return PSAC_OK;
  psac_status status = make_room(recorder, recorder->n + n);
  if (recorder->failed != PSAC_OK) status = psac_fail(recorder->failed, "%s", recorder->message);
  recorder->failed = PSAC_OK;
  status = psac_ranks_agree(ranks, status);
  if (status == PSAC_OK) {
    book(recorder, batch);
  } else if (ranks->agreed_to_fail && status == PSAC_ERR_IO) {  // the run continues without these spikes
    ranks->agreed_to_fail = 0;
    char where[32] = "the test";
    if (batch->epoch > 0) snprintf(where, sizeof where, "epoch %lld", (long long)batch->epoch);
    psac_warn("%lld trial%s of %s not recorded: %s", (long long)n, n == 1 ? "" : "s", where, psac_fail_message());
    if (ranks->rank == 0) psac_recording_cut(&recorder->file, recorder->n);
    status = PSAC_OK;
  }
  for (int64_t k = recorder->n; k < recorder->capacity; k++) recorder->trial[k] = (psac_recorded_trial){0};
  return status;
}

int64_t psac_recorder_n_trained(const psac_recorder *recorder) {
  int64_t n = 0;
  while (n < recorder->n && recorder->trial[n].epoch > 0) n++;
  return n;
}

void psac_recorder_free(psac_recorder *recorder) {
  psac_recording_close(&recorder->file);
  free(recorder->trial);
  *recorder = (psac_recorder){0};
}
