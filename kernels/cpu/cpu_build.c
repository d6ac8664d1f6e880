// Connectivity of a shard: every rank draws the inputs of its own neurons, no message and no file.
#include <stdlib.h>
#include <string.h>

#include "cpu/cpu_kernels.h"
#include "wiring_core.h"

psac_status psac_cpu_build_state(psac_stream *stream, psac_shard *shard, int n_trials) {
  (void)stream;
  PSAC_TRY(psac_cpu_alloc((void **)&shard->v, sizeof *shard->v * (size_t)n_trials * (size_t)shard->n_padded,
                          "membrane potentials"));
  return psac_cpu_alloc((void **)&shard->current, sizeof *shard->current * (size_t)(shard->n_padded + PSAC_TARGET_GROUP),
                        "input currents");
}

static int unit_of(const psac_shard *shard, int position, int k) {
  return psac_wiring_unit(position, k, shard->patch_size, shard->retina_width);
}

psac_status psac_cpu_build_receptive_fields(psac_stream *stream, psac_shard *shard, psac_rng_key key, float norm) {
  (void)stream;
  const int patch = shard->patch_size * shard->patch_size;
  const int n_positions =
      (shard->retina_height - shard->patch_size + 1) * (shard->retina_width - shard->patch_size + 1);
  const int hop = psac_wiring_hop(n_positions);
  const int32_t n_columns = (shard->n_local + PSAC_COLUMN - 1) / PSAC_COLUMN;
  const size_t n_entries = (size_t)n_columns * (size_t)patch;
  if (n_entries >= UINT32_MAX) {
    return psac_fail(PSAC_ERR_INPUT, "%d neurons on one rank with %d-pixel receptive fields are too many; use more ranks",
                     shard->n_local, patch);
  }
  PSAC_TRY(psac_cpu_alloc((void **)&shard->field_first, sizeof(uint32_t) * ((size_t)shard->n_units + 1), "receptive fields"));
  PSAC_TRY(psac_cpu_alloc((void **)&shard->field_column, sizeof(uint32_t) * n_entries, "receptive fields"));
  PSAC_TRY(psac_cpu_alloc((void **)&shard->field_weight, sizeof(int16_t) * PSAC_COLUMN * n_entries, "receptive fields"));

  // counting sort by unit: count, prefix sum, fill (which moves every start to the next one's place), shift back
  uint32_t *first = shard->field_first;
  const int64_t first_column = shard->first_gid / PSAC_COLUMN;
  for (int32_t c = 0; c < n_columns; c++) {
    const int position = psac_wiring_position(first_column + c, n_positions, hop);
    for (int k = 0; k < patch; k++) first[unit_of(shard, position, k) + 1]++;
  }
  for (int u = 0; u < shard->n_units; u++) first[u + 1] += first[u];
  int16_t weight[PSAC_PATCH_MAX];
  for (int32_t c = 0; c < n_columns; c++) {
    const int position = psac_wiring_position(first_column + c, n_positions, hop);
    for (int k = 0; k < patch; k++) {
      shard->field_column[first[unit_of(shard, position, k)]] = (uint32_t)c;
    }
    for (int lane = 0; lane < PSAC_COLUMN && c * PSAC_COLUMN + lane < shard->n_local; lane++) {
      psac_wiring_receptive_field(key, shard->first_gid + (int64_t)c * PSAC_COLUMN + lane, patch, norm, shard->current_scale, weight, 1);
      for (int k = 0; k < patch; k++) {
        shard->field_weight[(size_t)first[unit_of(shard, position, k)] * PSAC_COLUMN + (size_t)lane] = weight[k];
      }
    }
    for (int k = 0; k < patch; k++) first[unit_of(shard, position, k)]++;
  }
  for (int u = shard->n_units; u > 0; u--) first[u] = first[u - 1];
  first[0] = 0;
  return PSAC_OK;
}

static void store_target(psac_shard *shard, uint32_t place, int32_t local) {
  if (shard->target_bytes == 2) {
    ((uint16_t *)shard->target)[place] = (uint16_t)local;
  } else {
    ((uint32_t *)shard->target)[place] = (uint32_t)local;
  }
}

// Slot of the source of synapse k onto local neuron i.
static int64_t source_slot(const psac_shard *shard, psac_rng_key key, int32_t i, int32_t k) {
  return psac_block_map_slot(shard->map, psac_wiring_source(key, shard->first_gid + i, (uint32_t)k, shard->map.n_neurons));
}

// Turns the counts in first [n_slots + 1] into starts, and gives the number of places; 0 if there are too many.
static uint32_t make_starts(uint32_t *first, size_t n_slots, uint32_t group) {
  uint64_t n_targets = 0;
  for (size_t s = 0; s < n_slots; s++) {
    n_targets += ((uint64_t)first[s + 1] + group - 1) / group * group;
    if (n_targets > UINT32_MAX) return 0;
    first[s + 1] = (uint32_t)n_targets;
  }
  return (uint32_t)n_targets;
}

// The same counting sort, by source. The sources are drawn twice rather than kept.
psac_status psac_cpu_build_recurrence(psac_stream *stream, psac_shard *shard, psac_rng_key key) {
  (void)stream;
  const size_t n_slots = (size_t)shard->n_source_words * 64;
  if (n_slots > UINT32_MAX) {
    return psac_fail(PSAC_ERR_INPUT, "%zu neurons with recurrent synapses are too many for backend cpu; allowed: below 2^32, or "
                     "recurrence.in_degree = 0", n_slots);
  }
  PSAC_TRY(psac_cpu_alloc((void **)&shard->target_first, sizeof(uint32_t) * (n_slots + 1), "recurrent synapses"));
  uint32_t *first = shard->target_first;
  for (int32_t i = 0; i < shard->n_local; i++) {
    for (int32_t k = 0; k < shard->in_degree; k++) first[source_slot(shard, key, i, k) + 1]++;
  }
  shard->target_bytes = shard->n_padded + PSAC_TARGET_GROUP <= 65536 ? 2 : 4;
  const uint32_t group = 16 / (uint32_t)shard->target_bytes;
  const uint32_t n_targets = make_starts(first, n_slots, group);
  if (n_targets == 0 && shard->n_local > 0) {
    return psac_fail(PSAC_ERR_INPUT, "%d neurons with %d recurrent synapses each are too many for one rank (limit 2^32 "
                     "synapses); use more ranks", shard->n_local, shard->in_degree);
  }
  PSAC_TRY(psac_cpu_alloc(&shard->target, n_targets * (size_t)shard->target_bytes, "recurrent synapses"));
  for (uint32_t e = 0; e < n_targets; e++) store_target(shard, e, shard->n_padded + (int32_t)(e % group));
  uint32_t *next;
  PSAC_TRY(psac_cpu_alloc((void **)&next, sizeof *next * n_slots, "building recurrent synapses"));
  memcpy(next, first, sizeof *next * n_slots);
  for (int32_t i = 0; i < shard->n_local; i++) {
    for (int32_t k = 0; k < shard->in_degree; k++) store_target(shard, next[source_slot(shard, key, i, k)]++, i);
  }
  free(next);
  return PSAC_OK;
}

psac_status psac_cpu_initialise_weights(psac_stream *stream, psac_shard *shard, psac_rng_key key, float density, float mean,
                                        float sd) {
  (void)stream;
  const psac_lanes lanes = shard->lanes;
  for (int32_t i = 0; i < shard->n_local; i++) {
    int32_t *row = shard->row + (size_t)i * (size_t)lanes.n;
    for (int o = 0; o < lanes.n_output + lanes.n_critic; o++) {
      row[o] = psac_wiring_initial_weight(key, shard->first_gid + i, (uint32_t)o, density, mean, sd);
    }
    row[lanes.one] = 1;
  }
  return PSAC_OK;
}
