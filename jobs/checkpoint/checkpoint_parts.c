#include "checkpoint/checkpoint_parts.h"

static psac_status get_rows(const psac_session *session, psac_recorder *recorder, int64_t first, int64_t n, void *rows) {
  (void)recorder;
  return psac_network_get_rows(session->network, first, n, rows);
}

static psac_status set_rows(const psac_session *session, psac_recorder *recorder, int64_t first, int64_t n, const void *rows) {
  (void)recorder;
  return psac_network_set_rows(session->network, first, n, rows);
}

static psac_status get_means(const psac_session *session, psac_recorder *recorder, int64_t first, int64_t n, void *rows) {
  (void)recorder;
  return psac_network_get_means(session->network, first, n, rows);
}

static psac_status set_means(const psac_session *session, psac_recorder *recorder, int64_t first, int64_t n, const void *rows) {
  (void)recorder;
  return psac_network_set_means(session->network, first, n, rows);
}

static psac_status get_columns(const psac_session *session, psac_recorder *recorder, int64_t first, int64_t n, void *rows) {
  psac_recorder_get_columns(recorder, &session->network->shard, first, n, rows);
  return PSAC_OK;
}

static psac_status set_columns(const psac_session *session, psac_recorder *recorder, int64_t first, int64_t n, const void *rows) {
  return psac_recorder_set_columns(recorder, &session->network->shard, first, n, rows);
}

void psac_checkpoint_parts(const psac_session *session, int64_t n_recorded, psac_part part[PSAC_CHECKPOINT_PARTS]) {
  part[0] = (psac_part){"/network/rows", PSAC_I32, 2, {-1, -1}, 0, 0, get_rows, set_rows};
  part[1] = (psac_part){"/network/mean_count", PSAC_F32, 1, {-1}, 0, 0, get_means, set_means};
  part[2] = (psac_part){"/recording/middle", PSAC_U8, 3, {-1, -1, -1}, 0, 0, get_columns, set_columns};
  if (!session) return;
  const psac_shard *shard = &session->network->shard;
  const int64_t n = session->config.middle_layer.num_neurons, first = shard->first_gid, n_local = shard->n_local;
  for (int p = 0; p < 2; p++) part[p].dims[0] = n, part[p].first_row = first, part[p].n_rows = n_local;
  part[0].dims[1] = shard->lanes.n;
  const int64_t n_columns = (n_local + PSAC_COLUMN - 1) / PSAC_COLUMN;  // ranks are filled by whole columns
  part[2].dims[0] = (n + PSAC_COLUMN - 1) / PSAC_COLUMN;
  part[2].dims[1] = n_recorded;
  part[2].dims[2] = shard->n_steps;
  part[2].first_row = n_columns > 0 ? first / PSAC_COLUMN : 0;
  part[2].n_rows = n_recorded > 0 ? n_columns : 0;
}

size_t psac_part_row_bytes(const psac_part *part) {
  size_t n_bytes = psac_h5_type_bytes(part->type);
  for (int d = 1; d < part->n_dims; d++) n_bytes *= (size_t)part->dims[d];
  return n_bytes;
}

int64_t psac_part_piece(const psac_part *part) {
  const size_t row_bytes = psac_part_row_bytes(part);
  return row_bytes > 0 && row_bytes < PSAC_PIECE_BYTES ? (int64_t)(PSAC_PIECE_BYTES / row_bytes) : 1;
}
