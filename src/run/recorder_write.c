// Copies spikes from the recording file to the run file, a piece at a time.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/run/recorder.h"

// Output of a population's spikes: two datasets, whose rows are buffered and written a piece at a time.
typedef struct spike_writer {
  psac_h5_file *file;
  psac_field time, id;             // n_rows: in the buffers; first_row: of the next piece
  int64_t time_offset, id_offset;  // of the datasets in the file
  double *timestamp;               // [capacity]
  uint64_t *node_id;
  int64_t capacity;
  double dt, duration;
} spike_writer;

static void flush_spikes(spike_writer *to) {
  psac_h5_put(to->file, &to->time, to->time_offset);
  psac_h5_put(to->file, &to->id, to->id_offset);
  to->time.first_row = to->id.first_row += to->id.n_rows;
  to->time.n_rows = to->id.n_rows = 0;
}

static void add_spike(spike_writer *to, int64_t trial, int64_t t, int64_t id) {
  if (to->time.n_rows == to->capacity) flush_spikes(to);
  to->timestamp[to->time.n_rows++] = (double)trial * to->duration + (double)t * to->dt;
  to->node_id[to->id.n_rows++] = (uint64_t)id;
}

// Adds the spikes of bit `bit` in a row. Tests eight time steps at a time, as most have no spikes.
static void add_row(spike_writer *to, const uint8_t *row, int64_t n_steps, int bit, int64_t trial, int64_t id) {
  for (int64_t t = 0; t < n_steps; t += 8) {
    uint64_t eight = 0;
    memcpy(&eight, row + t, n_steps - t < 8 ? (size_t)(n_steps - t) : 8);
    for (eight &= UINT64_C(0x0101010101010101) << bit; eight; eight &= eight - 1) {
      add_spike(to, trial, t + __builtin_ctzll(eight) / 8, id);
    }
  }
}

static int64_t count_spikes(const uint8_t *rows, size_t n_bytes) {
  int64_t n = 0;
  size_t k = 0;
  for (uint64_t word; k + sizeof word <= n_bytes; k += sizeof word) {
    memcpy(&word, rows + k, sizeof word);
    n += __builtin_popcountll(word);
  }
  for (; k < n_bytes; k++) n += __builtin_popcount(rows[k]);
  return n;
}

// Input of this rank's rows of a population: a piece is `piece` minicolumns of all trials,
// [trials][minicolumns][n_steps].
typedef struct row_reader {
  const psac_recorder *recorder;
  const psac_population *of;
  int64_t piece;  // minicolumns
  uint8_t *rows;
  int64_t *checksum;  // [trials], while counting
} row_reader;

static psac_status read_piece(const row_reader *r, int64_t first, int64_t n) {
  const psac_recording_file *file = &r->recorder->file;
  for (int64_t k = 0; k < r->recorder->n; k++) {
    PSAC_TRY(psac_recording_read(file, k, r->of->first + r->of->own_first / PSAC_MINICOLUMN + first, n,
                                 r->rows + k * n * file->shape.n_steps, r->checksum ? &r->checksum[k] : NULL));
  }
  return PSAC_OK;
}

// Adds the spikes of a piece, ordered by neuron, then by trial, then by time.
static void add_piece(const row_reader *r, int64_t first, int64_t n, spike_writer *to) {
  const int64_t n_steps = r->recorder->file.shape.n_steps;
  for (int64_t i = first * PSAC_MINICOLUMN; i < (first + n) * PSAC_MINICOLUMN && i < r->of->n_own; i++) {
    for (int64_t k = 0; k < r->recorder->n; k++) {
      const uint8_t *row = r->rows + (k * n + i / PSAC_MINICOLUMN - first) * n_steps;
      add_row(to, row, n_steps, (int)(i % PSAC_MINICOLUMN), k, r->of->own_first + i);
    }
  }
}

// Counts this rank's spikes, or adds them to `to` if that is not NULL.
static psac_status read_spikes(const row_reader *r, int64_t *n_spikes, spike_writer *to) {
  const int64_t n_minicolumns = (r->of->n_own + PSAC_MINICOLUMN - 1) / PSAC_MINICOLUMN,
                row_bytes = r->recorder->file.shape.n_steps;
  for (int64_t first = 0; first < n_minicolumns; first += r->piece) {
    const int64_t n = n_minicolumns - first < r->piece ? n_minicolumns - first : r->piece;
    PSAC_TRY(read_piece(r, first, n));
    if (to) add_piece(r, first, n, to);
    else *n_spikes += count_spikes(r->rows, (size_t)(n * r->recorder->n * row_bytes));
  }
  return PSAC_OK;
}

static psac_status place_datasets(spike_writer *to, const psac_ranks *ranks, const char *name, int64_t n_spikes) {
  char path[2][64], group[32];
  snprintf(group, sizeof group, "/spikes/%s", name);
  snprintf(path[0], sizeof path[0], "%s/timestamps", group);
  snprintf(path[1], sizeof path[1], "%s/node_ids", group);
  to->time = (psac_field){.path = path[0], .type = PSAC_F64, .n_dims = 1, .data = to->timestamp, .units = "ms"};
  PSAC_TRY(psac_ranks_offset(ranks, n_spikes, &to->time.first_row, &to->time.dims[0]));
  to->id = (psac_field){path[1], PSAC_U64, 1, {to->time.dims[0]}, to->time.first_row, 0, to->node_id, 0, NULL};
  PSAC_TRY(psac_h5_place(to->file, &to->time, &to->time_offset));
  PSAC_TRY(psac_h5_place(to->file, &to->id, &to->id_offset));
  to->time.path = to->id.path = NULL;  // path[] goes out of scope
  return psac_h5_write_sonata_sorting_by_id(to->file, group);
}

static psac_status copy_population(row_reader *r, const psac_network *network, const psac_ranks *ranks,
                                   spike_writer *to) {
  int64_t n_spikes = 0, *checksum = r->checksum;
  PSAC_TRY(read_spikes(r, &n_spikes, NULL));
  PSAC_TRY(place_datasets(to, ranks, r->of->name, n_spikes));
  to->dt = network->config.simulation.dt;
  to->duration = network->config.simulation.t_total;
  r->checksum = NULL;  // the first pass has summed it
  PSAC_TRY(read_spikes(r, NULL, to));
  r->checksum = checksum;
  flush_spikes(to);
  return PSAC_OK;
}

static psac_status copy_spikes(psac_recorder *recorder, const psac_network *network, const psac_ranks *ranks,
                               psac_h5_file *file, int64_t *checksum) {  // NOLINT(readability-non-const-parameter)
  const int64_t column_bytes = recorder->n * recorder->file.shape.n_steps;
  const int64_t piece = column_bytes < PSAC_PIECE_BYTES ? PSAC_PIECE_BYTES / column_bytes : 1;
  enum { CAPACITY = PSAC_PIECE_BYTES / 16 };
  row_reader r = {
      .recorder = recorder, .piece = piece, .rows = malloc((size_t)(piece * column_bytes)), .checksum = checksum};
  spike_writer to = {.file = file, .capacity = CAPACITY};
  to.timestamp = malloc(sizeof *to.timestamp * CAPACITY);
  to.node_id = malloc(sizeof *to.node_id * CAPACITY);
  psac_status status = r.rows && to.timestamp && to.node_id
                           ? PSAC_OK
                           : psac_fail(PSAC_ERR_MEMORY, "out of memory writing recorded spikes");
  psac_population of[PSAC_N_POPULATIONS];
  psac_recorder_populations(network, of);
  for (int p = 0; status == PSAC_OK && p < PSAC_N_POPULATIONS; p++) {
    if (network->replica_transport.rank > 0) of[p].n_own = 0;  // the first replica writes
    r.of = &of[p];
    status = copy_population(&r, network, ranks, &to);
  }
  free(r.rows);
  free(to.timestamp);
  free(to.node_id);
  return status;
}

// Compares the checksums of what was read and what was written, as sums over ranks: the shares of the ranks may differ.
static psac_status compare_checksums(const psac_recorder *recorder, psac_ranks *ranks, int64_t *sum) {
  for (int64_t k = 0; k < recorder->n; k++) {
    sum[k] = (int64_t)((uint64_t)sum[k] - (uint64_t)recorder->trial[k].checksum);
  }
  PSAC_TRY(psac_ranks_sum_i64(ranks, sum, (size_t)recorder->n));
  for (int64_t k = 0; k < recorder->n; k++) {
    if (sum[k] == 0) continue;
    return psac_ranks_agree(ranks, psac_fail(PSAC_ERR_IO, "%s: the spikes of recorded trial %lld are damaged",
                                             recorder->file.path, (long long)k));
  }
  return PSAC_OK;
}

static psac_status write_trials(const psac_recorder *recorder, const psac_network *network, psac_h5_file *file) {
  static const struct {
    const char *path;
    size_t member;
  } column[] = {
      {"/recording/epoch", offsetof(psac_recorded_trial, epoch)},
      {"/recording/trial", offsetof(psac_recorded_trial, trial)},
      {"/recording/image", offsetof(psac_recorded_trial, image)},
      {"/recording/label", offsetof(psac_recorded_trial, label)},
      {"/recording/prediction", offsetof(psac_recorded_trial, prediction)},
  };
  const int64_t mine = psac_network_is_root(network) ? recorder->n : 0;
  int64_t *value = malloc(sizeof *value * (size_t)recorder->n + 1);
  double *start = malloc(sizeof *start * (size_t)recorder->n + 1);
  psac_status status = value && start ? PSAC_OK : psac_fail(PSAC_ERR_MEMORY, "out of memory writing recorded trials");
  for (size_t c = 0; status == PSAC_OK && c < sizeof column / sizeof *column; c++) {
    for (int64_t k = 0; k < recorder->n; k++)
      memcpy(&value[k], (char *)&recorder->trial[k] + column[c].member, sizeof *value);
    const psac_field field = {column[c].path, PSAC_I64, 1, {recorder->n}, 0, mine, value, 0, NULL};
    status = psac_h5_write(file, &field);
  }
  for (int64_t k = 0; status == PSAC_OK && k < recorder->n; k++)
    start[k] = (double)k * network->config.simulation.t_total;
  const psac_field field = {"/recording/start_time", PSAC_F64, 1, {recorder->n}, 0, mine, start, 0, "ms"};
  if (status == PSAC_OK) status = psac_h5_write(file, &field);
  if (status == PSAC_OK) status = psac_h5_write_f64(file, "/recording", "duration", network->config.simulation.t_total);
  free(value);
  free(start);
  return status;
}

// Flushes every rank's rows to disk, then opens the file anew, so that all rows are visible on every node.
static psac_status reopen(psac_recorder *recorder, psac_ranks *ranks) {
  psac_recording_file *file = &recorder->file, again;
  PSAC_TRY(psac_ranks_agree(ranks, psac_recording_flush(file)));
  psac_recording_close(file);
  PSAC_TRY(psac_ranks_agree(ranks, psac_recording_open(&again, file->path, file->shape, recorder->n)));
  *file = again;
  return PSAC_OK;
}

psac_status psac_recorder_write(psac_recorder *recorder, const psac_network *network, psac_ranks *ranks,
                                psac_h5_file *file) {
  if (recorder->n == 0) return PSAC_OK;
  int64_t *checksum = calloc((size_t)recorder->n, sizeof *checksum);
  psac_status status =
      psac_ranks_agree(ranks, checksum ? PSAC_OK : psac_fail(PSAC_ERR_MEMORY, "out of memory writing recorded spikes"));
  if (status == PSAC_OK) status = reopen(recorder, ranks);
  if (status == PSAC_OK) status = copy_spikes(recorder, network, ranks, file, checksum);
  if (status == PSAC_OK) status = compare_checksums(recorder, ranks, checksum);
  if (status == PSAC_OK) status = write_trials(recorder, network, file);
  free(checksum);
  return status;
}
