// Reading a checkpoint. The file is not trusted: sizes are checked against the file's own size before memory is
// allocated, and every dataset against its checksum.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "io/checksum.h"
#include "src/run/checkpoint/checkpoint_parts.h"

enum { N_PARTS = PSAC_N_CHECKPOINT_ARRAYS, MAX_TRIALS = 1 << 20 };

typedef struct reader {
  psac_h5_file *file;
  const char *path;
  int64_t n_bytes;  // of the file
  psac_checkpoint *checkpoint;
  psac_part part[N_PARTS];
  int64_t sum[N_PARTS], expected[N_PARTS];
} reader;

// Fills dims; those that are not -1 must match the file. Refuses a dataset larger than its file.
static psac_status get_dims(const reader *r, const char *set, psac_type type, int n_dims, int64_t *dims) {
  int64_t found[PSAC_MAX_DIMS], left = r->n_bytes / (int64_t)psac_h5_type_bytes(type);
  PSAC_TRY(psac_h5_read_dims(r->file, set, n_dims, found));
  for (int d = 0; d < n_dims; d++) {
    if (dims[d] >= 0 && dims[d] != found[d]) {
      return psac_fail(PSAC_ERR_INPUT, "%s: dimension %d of %s is %lld, but should be %lld", r->path, d, set,
                       (long long)found[d], (long long)dims[d]);
    }
    if (found[d] > left) return psac_fail(PSAC_ERR_INPUT, "%s: %s claims more data than the file has", r->path, set);
    left = found[d] > 0 ? left / found[d] : left;
    dims[d] = found[d];
  }
  return PSAC_OK;
}

static psac_status compare(const reader *r, const char *set, int64_t sum, int64_t expected) {
  return sum == expected ? PSAC_OK
                         : psac_fail(PSAC_ERR_INPUT, "%s: %s is damaged: its checksum is wrong", r->path, set);
}

// Reads a whole dataset and verifies its checksum. The caller frees *data. dims as for get_dims.
static psac_status get(const reader *r, const char *set, psac_type type, int n_dims, int64_t *dims, void *data) {
  int64_t expected;
  PSAC_TRY(get_dims(r, set, type, n_dims, dims));
  PSAC_TRY(psac_h5_read_i64(r->file, set, "checksum", &expected));
  size_t row_bytes = psac_h5_type_bytes(type);
  for (int d = 1; d < n_dims; d++) row_bytes *= (size_t)dims[d];
  void *bytes = malloc(row_bytes * (size_t)dims[0] + 1);
  if (!bytes) return psac_fail(PSAC_ERR_MEMORY, "out of memory reading %s of %s", set, r->path);
  psac_status status = PSAC_OK;
  if (row_bytes * (size_t)dims[0] > 0) status = psac_h5_read_rows(r->file, set, type, 0, dims[0], bytes);
  if (status == PSAC_OK) status = compare(r, set, (int64_t)psac_checksum_rows(0, dims[0], row_bytes, bytes), expected);
  if (status == PSAC_OK) {
    memcpy(data, &bytes, sizeof bytes);
  } else {
    free(bytes);
  }
  return status;
}

// Reads a short dataset of n 8-byte numbers.
static psac_status get_short(const reader *r, const char *set, psac_type type, int64_t n, void *numbers) {
  void *data = NULL;
  PSAC_TRY(get(r, set, type, 1, &n, &data));
  memcpy(numbers, data, 8 * (size_t)n);
  free(data);
  return PSAC_OK;
}

static psac_status get_text(const reader *r) {
  int64_t n = -1;
  char *text = NULL;
  PSAC_TRY(get(r, "/configuration", PSAC_U8, 1, &n, &text));
  text[n] = '\0';
  r->checkpoint->config_text = text;
  return strlen(text) == (size_t)n ? PSAC_OK
                                   : psac_fail(PSAC_ERR_INPUT, "%s: /configuration has a NUL inside", r->path);
}

static psac_status get_curve(const reader *r, const char *points, const char *open, psac_curve *curve) {
  int64_t dims[2] = {-1, PSAC_POINT_WORDS};
  PSAC_TRY(get_short(r, open, PSAC_U64, PSAC_OPEN_WORDS, &curve->n_trials));
  PSAC_TRY(get(r, points, PSAC_U64, 2, dims, &curve->point));
  curve->n = curve->capacity = dims[0];
  return PSAC_OK;
}

// The recording file is beside the checkpoint, even if both have been moved to another folder.
static psac_status get_recording_name(const reader *r) {
  char *name = NULL, *to = r->checkpoint->recording;
  PSAC_TRY(psac_h5_read_text(r->file, "/recording", "file", &name));
  const char *slash = strrchr(r->path, '/');
  const int folder = slash ? (int)(slash - r->path) + 1 : 0, n_bytes = sizeof r->checkpoint->recording;
  const int fits = !strchr(name, '/') && snprintf(to, (size_t)n_bytes, "%.*s%s", folder, r->path, name) < n_bytes;
  free(name);
  return fits ? PSAC_OK : psac_fail(PSAC_ERR_INPUT, "%s: attribute file of /recording is no file name", r->path);
}

static psac_status get_recording(const reader *r) {
  psac_checkpoint *checkpoint = r->checkpoint;
  psac_recorder *recorder = &checkpoint->recorder;
  psac_recording_shape *shape = &checkpoint->shape;
  int64_t dims[2] = {-1, PSAC_TRIAL_WORDS};
  PSAC_TRY(get(r, "/recording/trials", PSAC_I64, 2, dims, &recorder->trial));
  recorder->n = recorder->capacity = dims[0];
  PSAC_TRY(psac_h5_read_i64(r->file, "/recording", "columns", &shape->n_minicolumns));
  PSAC_TRY(psac_h5_read_i64(r->file, "/recording", "steps", &shape->n_steps));
  if (dims[0] > MAX_TRIALS || shape->n_steps < 1 || shape->n_minicolumns < 1 ||
      shape->n_minicolumns > INT64_MAX / MAX_TRIALS / shape->n_steps) {
    return psac_fail(PSAC_ERR_INPUT, "%s: /recording claims more than there can be", r->path);
  }
  return get_recording_name(r);
}

static psac_status check_format(const reader *r) {
  char *program = NULL, *version = NULL;
  int64_t format = 0;
  PSAC_TRY(psac_h5_read_text(r->file, "/", "program", &program));
  const int is_checkpoint = strcmp(program, PSAC_CHECKPOINT_MARK) == 0;
  free(program);
  if (!is_checkpoint) return psac_fail(PSAC_ERR_INPUT, "%s is no checkpoint of this program", r->path);
  PSAC_TRY(psac_h5_read_i64(r->file, "/", "format", &format));
  if (format != PSAC_CHECKPOINT_FORMAT) {
    return psac_fail(PSAC_ERR_INPUT, "%s has checkpoint format %lld; this program reads format %d", r->path,
                     (long long)format, PSAC_CHECKPOINT_FORMAT);
  }
  PSAC_TRY(psac_h5_read_text(r->file, "/", "program_version", &version));
  snprintf(r->checkpoint->version, sizeof r->checkpoint->version, "%s", version);
  free(version);
  r->checkpoint->arithmetic_version = 1;  // of files without the attribute
  if (!psac_h5_has_attribute(r->file, "/", "arithmetic_version")) return PSAC_OK;
  return psac_h5_read_i64(r->file, "/", "arithmetic_version", &r->checkpoint->arithmetic_version);
}

static psac_status get_all(const reader *r) {
  psac_checkpoint *checkpoint = r->checkpoint;
  psac_critic *critic = &checkpoint->network.critic;
  int64_t position[5], counters[4];
  double scalars[4];
  PSAC_TRY(check_format(r));
  PSAC_TRY(get_text(r));
  PSAC_TRY(get_short(r, "/digits", PSAC_U64, 2, checkpoint->digits));
  PSAC_TRY(get_short(r, "/training/position", PSAC_I64, 5, position));
  checkpoint->position = (psac_position){position[0], position[1], position[2], position[3], position[4]};
  PSAC_TRY(get_curve(r, "/training/interval/points", "/training/interval/open", &checkpoint->interval));
  PSAC_TRY(get_curve(r, "/training/epoch/points", "/training/epoch/open", &checkpoint->epoch));
  PSAC_TRY(get_short(r, "/network/counters", PSAC_I64, 4, counters));
  PSAC_TRY(get_short(r, "/network/critic", PSAC_F64, 4, scalars));
  *critic = (psac_critic){
      .alpha = scalars[0], .beta = scalars[1], .kappa = scalars[2], .mean_count = scalars[3], .n_trials = counters[2]};
  checkpoint->network.spike_counts[0] = counters[0];
  checkpoint->network.spike_counts[1] = counters[1];
  checkpoint->network.weights_in_range = counters[3];
  return get_recording(r);
}

// Receives rows [first, first + n) of a part, piece by piece.
typedef psac_status (*take_rows)(void *self, int64_t first, int64_t n, const void *rows);

static psac_status read_part(const reader *r, const psac_part *part, int64_t first, int64_t n, take_rows take,
                             void *self) {
  const int64_t piece = psac_part_piece(part);
  const size_t row_bytes = psac_part_row_bytes(part);
  if (row_bytes == 0) return PSAC_OK;
  void *rows = malloc(row_bytes * (size_t)(piece < n ? piece : n) + 1);
  if (!rows) return psac_fail(PSAC_ERR_MEMORY, "out of memory reading %s of %s", part->path, r->path);
  psac_status status = PSAC_OK;
  for (int64_t done = 0; status == PSAC_OK && done < n; done += piece) {
    const int64_t m = n - done < piece ? n - done : piece;
    status = psac_h5_read_rows(r->file, part->path, part->type, first + done, m, rows);
    if (status == PSAC_OK) status = take(self, first + done, m, rows);
  }
  free(rows);
  return status;
}

typedef struct summing {
  int64_t *sum;
  size_t row_bytes;
} summing;

static psac_status add_checksum(void *self, int64_t first, int64_t n, const void *rows) {
  const summing *to = self;
  *to->sum = (int64_t)((uint64_t)*to->sum + psac_checksum_rows(first, n, to->row_bytes, rows));
  return PSAC_OK;
}

// Sums the checksums of share `share` of n_shares of every part.
static psac_status sum_parts(reader *r, int share, int n_shares) {
  psac_checkpoint_parts(NULL, r->part);
  for (int p = 0; p < N_PARTS; p++) {
    psac_part *part = &r->part[p];
    PSAC_TRY(get_dims(r, part->path, part->type, part->n_dims, part->dims));
    PSAC_TRY(psac_h5_read_i64(r->file, part->path, "checksum", &r->expected[p]));
    const int64_t rows = part->dims[0] / n_shares, extra = part->dims[0] % n_shares;
    const int64_t first = share * rows + (share < extra ? share : extra), n = rows + (share < extra);
    summing to = {&r->sum[p], psac_part_row_bytes(part)};
    PSAC_TRY(read_part(r, part, first, n, add_checksum, &to));
  }
  return PSAC_OK;
}

static psac_status open_file(reader *r) {
  struct stat info;
  PSAC_TRY(psac_h5_open(NULL, r->path, &r->file));
  if (stat(r->path, &info) != 0) return psac_fail(PSAC_ERR_INPUT, "%s: cannot tell its size", r->path);
  r->n_bytes = info.st_size;
  return PSAC_OK;
}

static psac_status read_all(reader *r, int share, int n_shares) {
  PSAC_TRY(open_file(r));
  PSAC_TRY(get_all(r));
  return sum_parts(r, share, n_shares);
}

static psac_status describe_trial(const psac_checkpoint *checkpoint, int64_t k) {
  const psac_recorded_trial *trial = &checkpoint->recorder.trial[k];
  return psac_fail(PSAC_ERR_INPUT, "%s: the spikes of trial %lld of epoch %lld are damaged", checkpoint->recording,
                   (long long)trial->trial, (long long)trial->epoch);
}

// Verifies the checksums of the recorded spikes; the ranks share the work. Collective unless `ranks` is NULL.
static psac_status check_recording(psac_ranks *ranks, const psac_checkpoint *checkpoint) {
  const int64_t n = checkpoint->recorder.n;
  if (n == 0) return PSAC_OK;
  psac_recording_file file = {0};
  int64_t *sum = malloc(sizeof *sum * (size_t)n);
  psac_status status = sum ? psac_recording_open(&file, checkpoint->recording, checkpoint->shape, n)
                           : psac_fail(PSAC_ERR_MEMORY, "out of memory reading recorded spikes");
  if (ranks) status = psac_ranks_agree(ranks, status);
  if (status == PSAC_OK) status = psac_recording_sum(&file, ranks, n, sum);
  if (ranks) status = psac_ranks_agree(ranks, status);
  if (ranks && status == PSAC_OK) status = psac_ranks_sum_i64(ranks, sum, (size_t)n);
  for (int64_t k = 0; status == PSAC_OK && k < n; k++) {
    if (sum[k] != checkpoint->recorder.trial[k].checksum) status = describe_trial(checkpoint, k);
  }
  if (ranks) status = psac_ranks_agree(ranks, status);
  psac_recording_close(&file);
  free(sum);
  if (status != PSAC_ERR_INPUT) return status;
  return psac_fail(status, "%s; without spikes the run goes on with --set record.trials=[] --set record.test_trials=[]",
                   psac_fail_message());
}

psac_status psac_checkpoint_read(psac_ranks *ranks, const char *path, int recording, psac_checkpoint *checkpoint) {
  *checkpoint = (psac_checkpoint){0};
  reader r = {.path = path, .checkpoint = checkpoint};
  psac_status status = read_all(&r, ranks ? ranks->rank : 0, ranks ? ranks->n_ranks : 1);
  psac_h5_close(&r.file);
  if (ranks) status = psac_ranks_agree(ranks, status);
  if (ranks && status == PSAC_OK) status = psac_ranks_sum_i64(ranks, r.sum, N_PARTS);
  for (int p = 0; status == PSAC_OK && p < N_PARTS; p++) status = compare(&r, r.part[p].path, r.sum[p], r.expected[p]);
  if (ranks) status = psac_ranks_agree(ranks, status);
  if (status == PSAC_OK && !recording) psac_recorder_free(&checkpoint->recorder);
  if (status == PSAC_OK) status = check_recording(ranks, checkpoint);
  if (status != PSAC_OK) psac_checkpoint_free(checkpoint);
  return status;
}

typedef struct restoring {
  const psac_session *session;
  const psac_part *part;
} restoring;

static psac_status set_rows(void *self, int64_t first, int64_t n, const void *rows) {
  const restoring *to = self;
  return psac_network_set_array(to->session->network, to->part->array, first - to->part->first_row, n, rows);
}

// Loads this rank's rows, if the file has exactly the dimensions that this network needs.
static psac_status set_parts(reader *r, const psac_session *session) {
  const psac_recording_shape shape = psac_recorder_shape(session->network), *has = &r->checkpoint->shape;
  psac_checkpoint_parts(session, r->part);
  PSAC_TRY(open_file(r));
  for (int p = 0; p < N_PARTS; p++) {
    psac_part *part = &r->part[p];
    restoring to = {session, part};
    PSAC_TRY(get_dims(r, part->path, part->type, part->n_dims, part->dims));
    PSAC_TRY(read_part(r, part, part->first_row, part->n_rows, set_rows, &to));
  }
  if (has->n_minicolumns != shape.n_minicolumns || has->n_steps != shape.n_steps) {
    return psac_fail(PSAC_ERR_INPUT, "%s: the recorded trials are not those of this network", r->path);
  }
  return psac_network_rows_are_set(session->network);
}

psac_status psac_checkpoint_restore(const psac_session *session, const char *path, psac_checkpoint *checkpoint,
                                    psac_curve *interval, psac_curve *epoch, psac_recorder *recorder) {
  reader r = {.path = path, .checkpoint = checkpoint};
  *recorder = checkpoint->recorder;
  checkpoint->recorder = (psac_recorder){0};
  psac_status status = set_parts(&r, session);
  psac_h5_close(&r.file);
  if (status == PSAC_OK) status = psac_network_set_state(session->network, &checkpoint->network);
  if (session->ranks->rank == 0) {
    *interval = checkpoint->interval;
    *epoch = checkpoint->epoch;
    checkpoint->interval = checkpoint->epoch = (psac_curve){0};
  }
  // checksums are sums over ranks; those of the checkpoint stay on rank 0
  for (int64_t k = 0; k < recorder->n && session->ranks->rank > 0; k++) recorder->trial[k].checksum = 0;
  return psac_ranks_agree(session->ranks, status);
}

void psac_checkpoint_free(psac_checkpoint *checkpoint) {
  free(checkpoint->config_text);
  psac_curve_free(&checkpoint->interval);
  psac_curve_free(&checkpoint->epoch);
  psac_recorder_free(&checkpoint->recorder);
  *checkpoint = (psac_checkpoint){0};
}

static int64_t hash_digits(const psac_digits *digits) {
  const size_t image_bytes = (size_t)digits->height * (size_t)digits->width;
  return (int64_t)(psac_checksum_rows(0, digits->n, image_bytes, digits->pixels) +
                   psac_checksum_rows(0, digits->n, 1, digits->labels));
}

void psac_checkpoint_identify_digits(const psac_session *session, uint64_t digits[2]) {
  digits[0] = (uint64_t)hash_digits(&session->train);
  digits[1] = (uint64_t)hash_digits(&session->test);
}
