#include "src/run/checkpoint/checkpoint_parts.h"

static psac_status get_rows(const psac_session *session, int64_t first, int64_t n, void *rows) {
  return psac_network_get_rows(session->network, first, n, rows);
}

static psac_status set_rows(const psac_session *session, int64_t first, int64_t n, const void *rows) {
  return psac_network_set_rows(session->network, first, n, rows);
}

static psac_status get_means(const psac_session *session, int64_t first, int64_t n, void *rows) {
  return psac_network_get_means(session->network, first, n, rows);
}

static psac_status set_means(const psac_session *session, int64_t first, int64_t n, const void *rows) {
  return psac_network_set_means(session->network, first, n, rows);
}

void psac_checkpoint_parts(const psac_session *session, psac_part part[PSAC_CHECKPOINT_PARTS]) {
  part[0] = (psac_part){"/network/rows", PSAC_I32, 2, {-1, -1}, 0, 0, get_rows, set_rows};
  part[1] = (psac_part){"/network/mean_count", PSAC_F32, 1, {-1}, 0, 0, get_means, set_means};
  if (!session) return;
  const psac_shard *shard = &session->network->shard;
  const int64_t n = session->config.middle_layer.num_neurons, first = shard->first_gid, n_local = shard->n_local;
  for (int p = 0; p < PSAC_CHECKPOINT_PARTS; p++) {
    part[p].dims[0] = n, part[p].first_row = first, part[p].n_rows = n_local;
  }
  part[0].dims[1] = shard->lanes.n;
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
