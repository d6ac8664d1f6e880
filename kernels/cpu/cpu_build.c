// Connectivity of a shard: each rank draws the inputs of its own neurons, without communication or files.
#include "kernels/cpu/cpu_kernels.h"
#include "kernels/source_core.h"
#include "kernels/weight_core.h"
#include "kernels/wiring_core.h"

static int unit_of(const psac_shard *shard, int position, int k) {
  return psac_wiring_unit(position, k, shard->patch_size, shard->retina_width);
}

psac_status psac_cpu_build_receptive_fields(psac_stream *stream, psac_shard *shard, psac_rng_key key, float norm) {
  (void)stream;
  const int patch = shard->patch_size * shard->patch_size;
  const int n_positions =
      (shard->retina_height - shard->patch_size + 1) * (shard->retina_width - shard->patch_size + 1);
  const int hop = psac_wiring_hop(n_positions);
  const int32_t n_minicolumns = (shard->n_local + PSAC_MINICOLUMN - 1) / PSAC_MINICOLUMN;
  const size_t n_entries = (size_t)n_minicolumns * (size_t)patch;
  if (n_entries >= UINT32_MAX) {
    return psac_fail(PSAC_ERR_INPUT,
                     "%d neurons on one rank with %d-pixel receptive fields are too many; use more ranks",
                     shard->n_local, patch);
  }

  // Counting sort by unit: count, prefix sum, fill (which advances every start to the next unit's), shift back.
  uint32_t *first = shard->field_first;
  const int64_t first_minicolumn = shard->first_gid / PSAC_MINICOLUMN;
  for (int32_t c = 0; c < n_minicolumns; c++) {
    const int position = psac_wiring_position(first_minicolumn + c, n_positions, hop);
    for (int k = 0; k < patch; k++) first[unit_of(shard, position, k) + 1]++;
  }
  for (int u = 0; u < shard->n_units; u++) first[u + 1] += first[u];
  int16_t weight[PSAC_PATCH_MAX];
  for (int32_t c = 0; c < n_minicolumns; c++) {
    const int position = psac_wiring_position(first_minicolumn + c, n_positions, hop);
    for (int k = 0; k < patch; k++) {
      shard->field_minicolumn[first[unit_of(shard, position, k)]] = (uint32_t)c;
    }
    for (int lane = 0; lane < PSAC_MINICOLUMN && c * PSAC_MINICOLUMN + lane < shard->n_local; lane++) {
      psac_wiring_receptive_field(key, shard->first_gid + (int64_t)c * PSAC_MINICOLUMN + lane, patch, norm,
                                  shard->current_scale, weight, 1);
      for (int k = 0; k < patch; k++) {
        shard->field_weight[(size_t)first[unit_of(shard, position, k)] * PSAC_MINICOLUMN + (size_t)lane] = weight[k];
      }
    }
    for (int k = 0; k < patch; k++) first[unit_of(shard, position, k)]++;
  }
  for (int u = shard->n_units; u > 0; u--) first[u] = first[u - 1];
  first[0] = 0;
  return PSAC_OK;
}

// Slot of the source of synapse k onto local neuron i.
static int64_t source_slot(const psac_shard *shard, psac_rng_key key, int32_t i, int32_t k) {
  return psac_block_map_slot(shard->map,
                             psac_wiring_source(key, shard->first_gid + i, (uint32_t)k, shard->map.n_neurons));
}

static uint32_t source(const psac_shard *shard, psac_rng_key key, int32_t i, int32_t k) {
  return psac_source_in_slot(shard->source_first, shard->source_mask, source_slot(shard, key, i, k));
}

static void store_target(psac_shard *shard, uint32_t place, uint32_t local) {
  if (shard->target_bytes == 2) {
    ((uint16_t *)(void *)shard->target)[place] = (uint16_t)local;
  } else {
    ((uint32_t *)(void *)shard->target)[place] = local;
  }
}

psac_status psac_cpu_find_sources(psac_stream *stream, psac_shard *shard, psac_rng_key key) {
  (void)stream;
  for (int32_t i = 0; i < shard->n_local; i++) {
    for (int32_t k = 0; k < shard->in_degree; k++) {
      const int64_t slot = source_slot(shard, key, i, k);
      shard->source_mask[slot / 64] |= (uint64_t)1 << (slot % 64);
    }
  }
  uint32_t n = 0;
  for (int32_t w = 0; w < shard->n_source_words; w++) {
    shard->source_first[w] = n;
    n += (uint32_t)PSAC_POPCOUNT(shard->source_mask[w]);
  }
  const int64_t exc = shard->n_exc < shard->map.n_neurons ? psac_block_map_slot(shard->map, shard->n_exc) : -1;
  shard->n_sources = n;
  shard->n_exc_sources = exc >= 0 ? psac_source_in_slot(shard->source_first, shard->source_mask, exc) : n;
  return PSAC_OK;
}

// Counting sort by source; sources are drawn three times instead of stored. Counts, and then starts, are stored at
// index s + 1: filling list s advances its start to its end, which is the value that belongs there.
psac_status psac_cpu_count_targets(psac_stream *stream, psac_shard *shard, psac_rng_key key) {
  (void)stream;
  uint32_t *count = shard->target_first + 1;
  const uint32_t group = psac_shard_target_group(shard);
  for (int32_t i = 0; i < shard->n_local; i++) {
    for (int32_t k = 0; k < shard->in_degree; k++) count[source(shard, key, i, k)]++;
  }
  shard->n_targets = 0;
  for (uint32_t s = 0; s < shard->n_sources; s++) {
    const uint64_t n = count[s];
    count[s] = (uint32_t)shard->n_targets;
    shard->n_targets += (n + group - 1) / group * group;
  }
  return PSAC_OK;
}

psac_status psac_cpu_place_targets(psac_stream *stream, psac_shard *shard, psac_rng_key key) {
  (void)stream;
  uint32_t *end = shard->target_first + 1;
  const uint32_t group = psac_shard_target_group(shard), n_padded = (uint32_t)shard->n_padded;
  for (int32_t i = 0; i < shard->n_local; i++) {
    for (int32_t k = 0; k < shard->in_degree; k++) store_target(shard, end[source(shard, key, i, k)]++, (uint32_t)i);
  }
  for (uint32_t s = 0; s < shard->n_sources; s++) {
    for (; end[s] % group != 0; end[s]++) store_target(shard, end[s], n_padded + end[s] % group);
  }
  return PSAC_OK;
}

psac_status psac_cpu_initialise_weights(psac_stream *stream, psac_shard *shard, psac_rng_key key, float density,
                                        float mean, float sd) {
  (void)stream;
  const psac_columns columns = shard->columns;
  for (int32_t i = 0; i < shard->n_local; i++) {
    int32_t *row = shard->rows + (size_t)i * (size_t)columns.n;
    for (int o = 0; o < columns.n_output + columns.n_critic; o++) {
      row[o] = psac_weight_store(shard->rule,
                                 psac_wiring_initial_weight(key, shard->first_gid + i, (uint32_t)o, density, mean, sd));
    }
    row[columns.one] = 1;
  }
  return PSAC_OK;
}
