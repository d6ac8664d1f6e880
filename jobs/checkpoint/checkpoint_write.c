// Writing a checkpoint. Rank 0 drafts the file, every rank writes its own rows into it with plain writes, rank 0 adds the rest. Whatever
// fails on whichever rank fails there at once, without anybody waiting in a library, so that all can agree to go on without it.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "checkpoint/checkpoint_parts.h"
#include "checksum.h"
#include "disk.h"
#include "version.h"

enum { N_PARTS = PSAC_CHECKPOINT_PARTS };

typedef struct writer {
  const psac_session *session;
  const psac_curve *interval, *epoch;
  psac_recorder *recorder;
  const psac_position *position;
  psac_network_state state;
  psac_part part[N_PARTS];
  int64_t offset[N_PARTS];  // of the parts in the file
  int64_t sum[N_PARTS];     // checksums, as signed numbers that may wrap around
  const char *path;
  char partial[PSAC_DISK_NAME_BYTES];  // its name until it is complete
  int fd;
  psac_h5_file *draft;      // rank 0
} writer;

// A dataset that rank 0 has whole.
static psac_status put(psac_h5_file *draft, const char *path, psac_type type, int64_t n, int64_t width, int64_t depth, const void *data) {
  const psac_field field = {path, type, depth > 0 ? 3 : width > 0 ? 2 : 1, {n, width, depth}, 0, n, data, 0, NULL};
  const size_t row_bytes = psac_h5_type_bytes(type) * (size_t)(width > 0 ? width : 1) * (size_t)(depth > 0 ? depth : 1);
  PSAC_TRY(psac_h5_write(draft, &field));
  return psac_h5_write_i64(draft, path, "checksum", (int64_t)psac_checksum_rows(0, n, row_bytes, data));
}

static psac_status put_curve(psac_h5_file *draft, const psac_curve *curve, const char *points, const char *open) {
  PSAC_TRY(put(draft, points, PSAC_U64, curve->n, PSAC_POINT_WORDS, 0, curve->point));
  return put(draft, open, PSAC_U64, PSAC_OPEN_WORDS, 0, 0, &curve->n_trials);
}

// Rank 0's own bits of the recorded trials, one trial behind another.
static psac_status put_bits(psac_h5_file *draft, const psac_recorder *recorder, const char *path, size_t member, int64_t n_steps,
                            int64_t n_words) {
  const size_t trial_words = (size_t)n_steps * (size_t)(n_words > 0 ? n_words : 1);
  uint64_t *bits = malloc(sizeof *bits * trial_words * (size_t)recorder->n + 1);
  if (!bits) return psac_fail(PSAC_ERR_MEMORY, "out of memory writing recorded spikes");
  for (int64_t k = 0; k < recorder->n; k++) {
    const uint64_t *from;
    memcpy(&from, (const char *)&recorder->trial[k] + member, sizeof from);
    memcpy(bits + (size_t)k * trial_words, from, sizeof *bits * trial_words);
  }
  const psac_status status = put(draft, path, PSAC_U64, recorder->n, n_steps, n_words, bits);
  free(bits);
  return status;
}

static psac_status put_recording(psac_h5_file *draft, const psac_recorder *recorder, const psac_shard *shard) {
  int64_t *trials = malloc(sizeof *trials * PSAC_TRIAL_WORDS * (size_t)recorder->n + 1);
  if (!trials) return psac_fail(PSAC_ERR_MEMORY, "out of memory writing recorded trials");
  for (int64_t k = 0; k < recorder->n; k++) {
    memcpy(trials + k * PSAC_TRIAL_WORDS, &recorder->trial[k], sizeof *trials * PSAC_TRIAL_WORDS);
  }
  const psac_status status = put(draft, "/recording/trials", PSAC_I64, recorder->n, PSAC_TRIAL_WORDS, 0, trials);
  free(trials);
  PSAC_TRY(status);
  PSAC_TRY(put_bits(draft, recorder, "/recording/retina", offsetof(psac_recorded_trial, retina), shard->n_steps, shard->n_retina_words));
  PSAC_TRY(put_bits(draft, recorder, "/recording/output", offsetof(psac_recorded_trial, output), shard->n_steps, 0));
  return put_bits(draft, recorder, "/recording/critic", offsetof(psac_recorded_trial, critic), shard->n_steps, 0);
}

static psac_status put_all(const writer *w) {
  psac_h5_file *draft = w->draft;
  const psac_session *session = w->session;
  const psac_critic *critic = &w->state.critic;
  const psac_position *at = w->position;
  const int64_t position[] = {at->epoch, at->first, at->trials, at->correct, at->first_epoch};
  const int64_t counters[] = {w->state.spike_counts[0], w->state.spike_counts[1], critic->n_trials, w->state.weights_in_range};
  const double scalars[] = {critic->alpha, critic->beta, critic->kappa, critic->mean_count};
  uint64_t digits[2];
  psac_checkpoint_identify_digits(session, digits);
  PSAC_TRY(psac_h5_write_text(draft, "/", "program", PSAC_CHECKPOINT_MARK));
  PSAC_TRY(psac_h5_write_text(draft, "/", "program_version", PSAC_VERSION));
  PSAC_TRY(psac_h5_write_i64(draft, "/", "format", PSAC_CHECKPOINT_FORMAT));
  PSAC_TRY(put(draft, "/configuration", PSAC_U8, (int64_t)strlen(session->config_text), 0, 0, session->config_text));
  PSAC_TRY(put(draft, "/digits", PSAC_U64, 2, 0, 0, digits));
  PSAC_TRY(put(draft, "/training/position", PSAC_I64, 5, 0, 0, position));
  PSAC_TRY(put_curve(draft, w->interval, "/training/interval/points", "/training/interval/open"));
  PSAC_TRY(put_curve(draft, w->epoch, "/training/epoch/points", "/training/epoch/open"));
  PSAC_TRY(put(draft, "/network/counters", PSAC_I64, 4, 0, 0, counters));
  PSAC_TRY(put(draft, "/network/critic", PSAC_F64, 4, 0, 0, scalars));
  return put_recording(draft, w->recorder, &session->network->shard);
}

// Rank 0: the file, and where in it the parts will be.
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
    status = part->get(w->session, w->recorder, first, n, rows);
    if (status != PSAC_OK) break;
    w->sum[p] = (int64_t)((uint64_t)w->sum[p] + psac_checksum_rows(row, n, row_bytes, rows));
    status = psac_disk_write(w->fd, w->partial, rows, row_bytes * (size_t)n, w->offset[p] + row * (int64_t)row_bytes);
  }
  free(rows);
  return status;
}

// Every rank: its rows, down to the disk; rank 0's descriptor stays open.
static psac_status write_parts(writer *w) {
  if (w->fd < 0) PSAC_TRY(psac_disk_join(w->partial, &w->fd));
  for (int p = 0; p < N_PARTS; p++) PSAC_TRY(write_part(w, p));
  if (w->session->ranks->rank == 0) return PSAC_OK;
  const int fd = w->fd;
  w->fd = -1;
  return psac_disk_close(fd, w->partial);
}

// Rank 0: the checksums, the rest of the file, its name.
static psac_status end(writer *w) {
  for (int p = 0; p < N_PARTS; p++) PSAC_TRY(psac_h5_write_i64(w->draft, w->part[p].path, "checksum", w->sum[p]));
  PSAC_TRY(psac_h5_copy_draft(&w->draft, w->fd, w->partial));
  const int fd = w->fd;
  w->fd = -1;
  PSAC_TRY(psac_disk_close(fd, w->partial));
  return psac_disk_publish(w->partial, w->path, 1);
}

static psac_status write_together(writer *w) {
  psac_ranks *ranks = w->session->ranks;
  const int is_root = ranks->rank == 0;
  PSAC_TRY(psac_ranks_agree(ranks, is_root ? begin(w) : PSAC_OK));
  PSAC_TRY(psac_ranks_broadcast(ranks, w->offset, sizeof w->offset));
  PSAC_TRY(psac_ranks_broadcast(ranks, w->partial, sizeof w->partial));
  PSAC_TRY(psac_ranks_agree(ranks, write_parts(w)));
  PSAC_TRY(psac_ranks_sum_i64(ranks, w->sum, N_PARTS));
  return psac_ranks_agree(ranks, is_root ? end(w) : PSAC_OK);
}

psac_status psac_checkpoint_write(const psac_session *session, const psac_curve *interval, const psac_curve *epoch,
                                  const psac_recorder *recorder, const psac_position *position, const char *path) {
  writer w = {.session = session, .interval = interval, .epoch = epoch, .recorder = (psac_recorder *)recorder,
              .position = position, .path = path, .fd = -1};
  PSAC_TRY(psac_network_get_state(session->network, session->ranks, &w.state));
  psac_checkpoint_parts(session, recorder->n, w.part);
  for (int p = 0; p < N_PARTS && session->network->replicas.rank > 0; p++) w.part[p].n_rows = 0;  // the first replica's are the same
  const psac_status status = write_together(&w);
  psac_h5_abandon(&w.draft);
  if (w.fd >= 0) close(w.fd);
  if (status != PSAC_OK && session->ranks->rank == 0 && w.partial[0]) psac_disk_discard(w.partial);
  return status;
}
