// Writing a checkpoint. Rank 0 drafts the file, every rank writes its own rows into it with plain writes, and rank 0
// adds the rest. A failure occurs at once on the rank that causes it, while no rank waits in a library, so that all
// ranks can agree to continue without the checkpoint.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/version.h"
#include "io/checksum.h"
#include "io/disk.h"
#include "src/run/checkpoint/checkpoint_parts.h"

enum { N_PARTS = PSAC_N_CHECKPOINT_ARRAYS };

typedef struct writer {
  const psac_session *session;
  const psac_curve *interval, *epoch;
  const psac_recorder *recorder;
  psac_recorded_trial *trial;  // [n_recorded] with checksums summed over ranks
  int64_t n_recorded;
  const psac_position *position;
  psac_network_state state;
  psac_part part[N_PARTS];
  int64_t offset[N_PARTS];  // of the parts in the file
  int64_t sum[N_PARTS];     // checksums, as signed numbers that may wrap
  const char *path;
  char partial[PSAC_DISK_NAME_BYTES];  // temporary name until the file is complete
  int fd;
  psac_h5_file *draft;  // rank 0
} writer;

// Writes a dataset that rank 0 holds as a whole, with its checksum.
static psac_status put(psac_h5_file *draft, const char *path, psac_type type, int64_t n, int64_t width,
                       const void *data) {
  const psac_field field = {path, type, width > 0 ? 2 : 1, {n, width}, 0, n, data, 0, NULL};
  const size_t row_bytes = psac_h5_type_bytes(type) * (size_t)(width > 0 ? width : 1);
  PSAC_TRY(psac_h5_write(draft, &field));
  return psac_h5_write_i64(draft, path, "checksum", (int64_t)psac_checksum_rows(0, n, row_bytes, data));
}

static psac_status put_curve(psac_h5_file *draft, const psac_curve *curve, const char *points, const char *open) {
  PSAC_TRY(put(draft, points, PSAC_U64, curve->n, PSAC_POINT_WORDS, curve->point));
  return put(draft, open, PSAC_U64, PSAC_OPEN_WORDS, 0, &curve->n_trials);
}

// Writes the recorded trials and the name of their recording file. Test trials are left out: a resumed run presents
// them again.
static psac_status put_recording(const writer *w) {
  psac_h5_file *draft = w->draft;
  const psac_recording_file *file = &w->recorder->file;
  const psac_recording_shape shape = psac_recorder_shape(w->session->network);
  const char *slash = strrchr(file->path, '/'), *name = file->is_open ? slash ? slash + 1 : file->path : "";
  PSAC_TRY(put(draft, "/recording/trials", PSAC_I64, w->n_recorded, PSAC_TRIAL_WORDS, w->trial));
  PSAC_TRY(psac_h5_write_i64(draft, "/recording", "columns", shape.n_minicolumns));
  PSAC_TRY(psac_h5_write_i64(draft, "/recording", "steps", shape.n_steps));
  return psac_h5_write_text(draft, "/recording", "file", name);
}

static psac_status put_all(const writer *w) {
  psac_h5_file *draft = w->draft;
  const psac_session *session = w->session;
  const psac_critic *critic = &w->state.critic;
  const psac_position *at = w->position;
  const int64_t position[] = {at->epoch, at->first, at->trials, at->correct, at->first_epoch};
  const int64_t counters[] = {w->state.spike_counts[0], w->state.spike_counts[1], critic->n_trials,
                              w->state.weights_in_range};
  const double scalars[] = {critic->alpha, critic->beta, critic->kappa, critic->mean_count};
  uint64_t digits[2];
  psac_checkpoint_identify_digits(session, digits);
  PSAC_TRY(psac_h5_write_text(draft, "/", "program", PSAC_CHECKPOINT_MARK));
  PSAC_TRY(psac_h5_write_text(draft, "/", "program_version", PSAC_VERSION));
  PSAC_TRY(psac_h5_write_i64(draft, "/", "arithmetic_version", PSAC_ARITHMETIC_VERSION));
  PSAC_TRY(psac_h5_write_i64(draft, "/", "format", PSAC_CHECKPOINT_FORMAT));
  PSAC_TRY(put(draft, "/configuration", PSAC_U8, (int64_t)strlen(session->config_text), 0, session->config_text));
  PSAC_TRY(put(draft, "/digits", PSAC_U64, 2, 0, digits));
  PSAC_TRY(put(draft, "/training/position", PSAC_I64, 5, 0, position));
  PSAC_TRY(put_curve(draft, w->interval, "/training/interval/points", "/training/interval/open"));
  PSAC_TRY(put_curve(draft, w->epoch, "/training/epoch/points", "/training/epoch/open"));
  PSAC_TRY(put(draft, "/network/counters", PSAC_I64, 4, 0, counters));
  PSAC_TRY(put(draft, "/network/critic", PSAC_F64, 4, 0, scalars));
  return put_recording(w);
}

// Rank 0: creates the file and reserves space for the parts.
static psac_status begin(writer *w) {
  PSAC_TRY(psac_disk_create(w->path, w->partial, &w->fd));
  PSAC_TRY(psac_h5_draft(w->path, &w->draft));
  PSAC_TRY(put_all(w));
  for (int p = 0; p < N_PARTS; p++) {
    const psac_part *part = &w->part[p];
    psac_field field = {.path = part->path, .type = part->type, .n_dims = part->n_dims};
    memcpy(field.dims, part->dims, sizeof field.dims);
    PSAC_TRY(psac_h5_reserve(w->draft, &field, &w->offset[p]));
  }
  return PSAC_OK;
}

static psac_status write_part(writer *w, int p) {
  const psac_part *part = &w->part[p];
  const size_t row_bytes = psac_part_row_bytes(part);
  const int64_t piece = psac_part_piece(part);
  void *rows = malloc(row_bytes * (size_t)piece + 1);
  if (!rows) return psac_fail(PSAC_ERR_MEMORY, "out of memory writing %s", part->path);
  psac_status status = PSAC_OK;
  for (int64_t first = 0; status == PSAC_OK && first < part->n_rows; first += piece) {
    const int64_t n = part->n_rows - first < piece ? part->n_rows - first : piece, row = part->first_row + first;
    status = psac_network_get_array(w->session->network, part->array, first, n, rows);
    if (status != PSAC_OK) break;
    w->sum[p] = (int64_t)((uint64_t)w->sum[p] + psac_checksum_rows(row, n, row_bytes, rows));
    status = psac_disk_write(w->fd, w->partial, rows, row_bytes * (size_t)n, w->offset[p] + row * (int64_t)row_bytes);
  }
  free(rows);
  return status;
}

// Every rank: flushes its recorded spikes to disk and writes its rows. Ranks other than 0 then close the file, which
// flushes the rows; rank 0 keeps its descriptor open.
static psac_status write_parts(writer *w) {
  if (w->n_recorded > 0) PSAC_TRY(psac_recording_flush(&w->recorder->file));
  if (w->fd < 0) PSAC_TRY(psac_disk_join(w->partial, &w->fd));
  for (int p = 0; p < N_PARTS; p++) PSAC_TRY(write_part(w, p));
  if (w->session->ranks->rank == 0) return PSAC_OK;
  const int fd = w->fd;
  w->fd = -1;
  return psac_disk_close(fd, w->partial);
}

// Rank 0: writes the checksums and the rest of the file, flushes and renames it.
static psac_status end(writer *w) {
  for (int p = 0; p < N_PARTS; p++) PSAC_TRY(psac_h5_write_i64(w->draft, w->part[p].path, "checksum", w->sum[p]));
  PSAC_TRY(psac_h5_copy_draft(&w->draft, w->fd, w->partial));
  const int fd = w->fd;
  w->fd = -1;
  PSAC_TRY(psac_disk_close(fd, w->partial));
  return psac_disk_publish(w->partial, w->path, 1);
}

// Copies the recorded trials, with checksums summed over ranks. Collective.
static psac_status collect_trials(writer *w) {
  const int64_t n = w->n_recorded;
  int64_t *sum = malloc(sizeof *sum * (size_t)n + 1);
  w->trial = malloc(sizeof *w->trial * (size_t)n + 1);
  psac_status status = sum && w->trial ? PSAC_OK : psac_fail(PSAC_ERR_MEMORY, "out of memory writing recorded trials");
  status = psac_ranks_agree(w->session->ranks, status);
  for (int64_t k = 0; status == PSAC_OK && k < n; k++) sum[k] = w->recorder->trial[k].checksum;
  if (status == PSAC_OK) status = psac_ranks_sum_i64(w->session->ranks, sum, (size_t)n);
  for (int64_t k = 0; status == PSAC_OK && k < n; k++) {
    w->trial[k] = w->recorder->trial[k];
    w->trial[k].checksum = sum[k];
  }
  free(sum);
  return status;
}

static psac_status write_together(writer *w) {
  psac_ranks *ranks = w->session->ranks;
  const int is_root = ranks->rank == 0;
  PSAC_TRY(collect_trials(w));
  PSAC_TRY(psac_ranks_agree(ranks, is_root ? begin(w) : PSAC_OK));
  PSAC_TRY(psac_ranks_broadcast(ranks, w->offset, sizeof w->offset));
  PSAC_TRY(psac_ranks_broadcast(ranks, w->partial, sizeof w->partial));
  PSAC_TRY(psac_ranks_agree(ranks, write_parts(w)));
  PSAC_TRY(psac_ranks_sum_i64(ranks, w->sum, N_PARTS));
  return psac_ranks_agree(ranks, is_root ? end(w) : PSAC_OK);
}

psac_status psac_checkpoint_write(const psac_session *session, const psac_curve *interval, const psac_curve *epoch,
                                  const psac_recorder *recorder, const psac_position *position, const char *path) {
  writer w = {.session = session,
              .interval = interval,
              .epoch = epoch,
              .recorder = recorder,
              .n_recorded = psac_recorder_n_trained(recorder),
              .position = position,
              .path = path,
              .fd = -1};
  PSAC_TRY(psac_network_get_state(session->network, session->ranks, &w.state));
  psac_checkpoint_parts(session, w.part);
  for (int p = 0; p < N_PARTS && session->network->replica_transport.rank > 0; p++)
    w.part[p].n_rows = 0;  // the first replica writes; the rows of the others are the same
  const psac_status status = write_together(&w);
  psac_h5_abandon(&w.draft);
  free(w.trial);
  if (w.fd >= 0) close(w.fd);
  if (status != PSAC_OK && session->ranks->rank == 0 && w.partial[0]) psac_disk_discard(w.partial);
  return status;
}
