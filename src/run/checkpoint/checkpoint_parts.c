#include "src/run/checkpoint/checkpoint_parts.h"

#include <stdio.h>

void psac_checkpoint_parts(const psac_session *session, psac_part part[PSAC_N_CHECKPOINT_ARRAYS]) {
  const psac_array *array[PSAC_N_CHECKPOINT_ARRAYS];
  psac_checkpoint_arrays(array);
  for (int p = 0; p < PSAC_N_CHECKPOINT_ARRAYS; p++) {
    const psac_extents any = {.n_columns = 2.0};  // distinguishes vectors from matrices
    const int n_dims = psac_array_width(array[p], &any) > 1 ? 2 : 1;
    part[p] = (psac_part){
        .array = array[p], .type = array[p]->is_real ? PSAC_F32 : PSAC_I32, .n_dims = n_dims, .dims = {-1, -1}};
    snprintf(part[p].path, sizeof part[p].path, "/network/%s", array[p]->name);
    if (!session) continue;
    const psac_network *network = session->network;
    part[p].dims[0] = session->config.middle_layer.num_neurons;
    part[p].dims[1] = (int64_t)psac_array_width(array[p], &network->extents);
    part[p].first_row = network->shard.first_gid;
    part[p].n_rows = network->shard.n_local;
  }
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
