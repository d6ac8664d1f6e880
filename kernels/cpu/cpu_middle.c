// One time step of the middle layer: retina and recurrent currents, integration, spikes.
#include <assert.h>
#include <string.h>

#include "kernels/cpu/cpu_kernels.h"
#include "kernels/cpu/spike_list.h"
#include "kernels/source_core.h"

psac_status psac_cpu_reset_potentials(psac_stream *stream, const psac_shard *shard, int n_trials) {
  (void)stream;
  const size_t n = (size_t)n_trials * (size_t)shard->n_padded;
  for (size_t i = 0; i < n; i++) shard->v[i] = shard->neuron.v_rest;
  const size_t n_states = (size_t)psac_neuron_states(shard->model);
  if (n_states > 0) memset(shard->state, 0, sizeof *shard->state * n_states * n);
  return PSAC_OK;
}

typedef int16_t minicolumn_weights __attribute__((vector_size(PSAC_MINICOLUMN * sizeof(int16_t))));
typedef int32_t minicolumn_currents __attribute__((vector_size(PSAC_MINICOLUMN * sizeof(int32_t))));

// Each spiking unit adds its weights to the minicolumns whose patch contains it: one vector add per (spike,
// minicolumn).
PSAC_INLINE void add_retina_currents(const psac_shard *shard, const uint64_t *retina, int32_t *current) {
  for (int w = 0; w < shard->n_retina_words; w++) {
    for (uint64_t spikes = retina[w]; spikes; spikes &= spikes - 1) {
      const int unit = 64 * w + __builtin_ctzll(spikes);
      const uint32_t end = shard->field_first[unit + 1];
      for (uint32_t e = shard->field_first[unit]; e < end; e++) {
        const minicolumn_weights *weights = (const minicolumn_weights *)shard->field_weight + e;
        minicolumn_currents *column = (minicolumn_currents *)current + shard->field_minicolumn[e];
        *column += __builtin_convertvector(*weights, minicolumn_currents);
      }
    }
  }
}

// Whether the neurons with targets on this rank occupy the first slots, so that a neuron's row index is its slot.
// Mostly true on one rank.
PSAC_INLINE int slots_are_numbers(const psac_shard *shard) {
  const size_t last = (size_t)shard->n_source_words - 1;
  return shard->source_first[last] == 64 * last && (shard->source_mask[last] & (shard->source_mask[last] + 1)) == 0;
}

// Reads the next spikes of neurons with targets on this rank, as row indices; returns their number.
PSAC_INLINE int next_sources(const psac_shard *shard, psac_spike_reader *spikes) {
  const uint64_t *mask = shard->source_mask;
  const uint32_t *first = shard->source_first;
  const int n = psac_spike_reader_next(spikes, mask);
  if (n == 0 || slots_are_numbers(shard)) return n;
  for (int k = 0; k < n + PSAC_SPIKE_AHEAD; k++)
    spikes->index[k] = psac_source_in_slot(first, mask, (int64_t)spikes->index[k]);
  return n;
}

// Bytes of a target list to prefetch.
PSAC_INLINE int bytes_ahead(const psac_shard *shard) {
  const int64_t mean = psac_mean_list_bytes(shard);
  return mean < 512 ? (int)mean : 512;
}

// Each arriving spike of a neuron with targets on this rank adds its current to them. Target lists are short and far
// apart, so the list PSAC_SPIKE_AHEAD spikes ahead is prefetched. One body for both widths of a local index. Where
// neurons have few targets here, a branch per target would mostly be mispredicted: PSAC_FEW_TARGETS are always added,
// missing ones to the dump slot n_padded. Sums are unsigned because the dump slots, which padding also targets, are
// never reset and wrap around; all others fit (currents_fit).
#define DEFINE_ADD_RECURRENT_CURRENTS(name, index_type)                                                              \
  PSAC_INLINE void name(const psac_shard *shard, const uint64_t *arriving, int n_ranks, size_t stride,               \
                        int32_t *current) {                                                                          \
    const index_type *restrict target = (const void *)shard->target;                                                 \
    uint32_t *restrict sum = (uint32_t *)current;                                                                    \
    const uint32_t *first = shard->target_first;                                                                     \
    const int list_bytes = bytes_ahead(shard);                                                                       \
    const int few = psac_has_few_targets(shard);                                                                     \
    const index_type dump_slot = (index_type)shard->n_padded;                                                        \
    psac_spike_reader spikes;                                                                                        \
    psac_spike_reader_start(&spikes, arriving, shard->n_words, n_ranks, stride);                                     \
    for (int n; (n = next_sources(shard, &spikes)) > 0;) {                                                           \
      for (int k = 0; k < n; k++) {                                                                                  \
        const size_t source = spikes.index[k];                                                                       \
        psac_prefetch(target + first[spikes.index[k + PSAC_SPIKE_AHEAD]], list_bytes);                               \
        const uint32_t amount = (uint32_t)(source < shard->n_exc_sources ? shard->current_exc : shard->current_inh); \
        const index_type *list = target + first[source], *end = target + first[source + 1];                          \
        if (few) {                                                                                                   \
          for (int j = 0; j < PSAC_FEW_TARGETS; j++) sum[list + j < end ? list[j] : dump_slot] += amount;            \
          for (list += PSAC_FEW_TARGETS; list < end; list++) sum[*list] += amount;                                   \
        } else {                                                                                                     \
          for (; list < end; list += 16 / sizeof(index_type)) {                                                      \
            for (uint32_t j = 0; j < 16 / sizeof(index_type); j++) sum[list[j]] += amount;                           \
          }                                                                                                          \
        }                                                                                                            \
      }                                                                                                              \
    }                                                                                                                \
  }
DEFINE_ADD_RECURRENT_CURRENTS(add_recurrent_currents_16, uint16_t)
DEFINE_ADD_RECURRENT_CURRENTS(add_recurrent_currents_32, uint32_t)

PSAC_INLINE int32_t uniform_current(const psac_shard *shard, const uint64_t *retina) {
  int spikes = 0;
  for (int w = 0; w < shard->n_retina_words; w++) spikes += __builtin_popcountll(retina[w]);
  return spikes * shard->uniform_current;
}

// Neurons of word w that are still refractory in step t.
PSAC_INLINE uint64_t refractory_word(const psac_shard *shard, int n_trials, int t, int b, int w) {
  uint64_t refractory = 0;
  for (int j = 0; j < shard->n_refractory && j < t; j++) {
    const size_t past = ((size_t)(t - 1 - j) * (size_t)n_trials + (size_t)b) * (size_t)shard->n_words + (size_t)w;
    refractory |= shard->spikes[past] & shard->refractory[(size_t)j * (size_t)shard->n_words + (size_t)w];
  }
  return refractory;
}

// One step of 32 neurons: clears their currents and returns their spikes, one bit per neuron. state [states][stride].
PSAC_INLINE uint32_t step_32(psac_neuron_model model, const psac_neuron *neuron, float *restrict v,
                             float *restrict state, size_t stride, int32_t *restrict current,
                             const float *restrict leak, uint32_t refractory, int32_t uniform) {
  const psac_neuron same = *neuron;  // a copy, which no store can alias
  uint32_t spikes = 0;
  for (uint32_t i = 0; i < 32; i++) {
    float potential = v[i], own[PSAC_NEURON_STATES_MAX];
    for (int s = 0; s < psac_neuron_states(model); s++) own[s] = state[(size_t)s * stride + i];
    const int spike = psac_neuron_step(model, &same, leak[i], (float)(current[i] + uniform),
                                       (refractory & (1u << i)) != 0, &potential, own);
    v[i] = potential;
    for (int s = 0; s < psac_neuron_states(model); s++) state[(size_t)s * stride + i] = own[s];
    spikes |= spike ? 1u << i : 0;
    current[i] = 0;
  }
  return spikes;
}

// The bound of choose_current_scale (src/model/build.c), including rounding.
PSAC_ASSERTED int currents_fit(const psac_shard *shard, int32_t uniform) {
  for (int32_t i = 0; i < shard->n_padded; i++) {
    const int64_t current = (int64_t)shard->current[i] + uniform;
    if (current < -2000100000 || current > 2000100000) return 0;
  }
  return 1;
}

PSAC_INLINE void step_neurons(const psac_shard *shard, psac_neuron_model model, int n_trials, int t, int b,
                              int32_t uniform) {
  const size_t n_padded = (size_t)shard->n_padded, stride = (size_t)n_trials * n_padded;
  float *v = shard->v + (size_t)b * n_padded, *state = shard->state ? shard->state + (size_t)b * n_padded : v;
  uint64_t *spikes = shard->spikes + ((size_t)t * (size_t)n_trials + (size_t)b) * (size_t)shard->n_words;
  for (int w = 0; w < shard->n_words; w++) {
    const uint64_t refractory = refractory_word(shard, n_trials, t, b, w);
    uint64_t word = 0;
    for (size_t half = 0; half < 2; half++) {
      const size_t i = (size_t)w * 64 + half * 32;
      const uint64_t own = step_32(model, &shard->neuron, v + i, state + i, stride, shard->current + i, shard->leak + i,
                                   (uint32_t)(refractory >> 32 * half), uniform);
      word |= own << 32 * half;
    }
    spikes[w] = word & shard->alive[w];
  }
}

PSAC_CLONES static void step_trial(const psac_shard *shard, int n_trials, int t, int b, const uint64_t *arriving,
                                   size_t rank_stride) {
  const uint64_t *retina =
      shard->retina_spikes + ((size_t)b * (size_t)shard->n_steps + (size_t)t) * (size_t)shard->n_retina_words;
  if (shard->patch_size > 0) add_retina_currents(shard, retina, shard->current);
  if (arriving) {
    const uint64_t *source = arriving + (size_t)b * (size_t)shard->n_words;
    const int n_ranks = shard->n_words > 0 ? shard->n_source_words / shard->n_words : 0;
    if (shard->target_bytes == 2) {
      add_recurrent_currents_16(shard, source, n_ranks, rank_stride, shard->current);
    } else {
      add_recurrent_currents_32(shard, source, n_ranks, rank_stride, shard->current);
    }
  }
  const int32_t uniform = shard->uniform_current ? uniform_current(shard, retina) : 0;
  assert(currents_fit(shard, uniform));
  switch (shard->model) {
#define X(NAME, name) \
  case PSAC_NEURON_##NAME: step_neurons(shard, PSAC_NEURON_##NAME, n_trials, t, b, uniform); break;
    PSAC_NEURON_MODELS(X)
#undef X
  }
}

// Nothing to do ahead: retina and recurrent currents of a trial share one scratch array.
psac_status psac_cpu_prepare_middle(psac_stream *stream, const psac_shard *shard, int n_trials, int t) {
  (void)stream, (void)shard, (void)n_trials, (void)t;
  return PSAC_OK;
}

psac_status psac_cpu_step_middle(psac_stream *stream, const psac_shard *shard, int n_trials, int t,
                                 const uint64_t *arriving, size_t rank_stride) {
  (void)stream;
  for (int b = 0; b < n_trials; b++) step_trial(shard, n_trials, t, b, arriving, rank_stride);
  return PSAC_OK;
}
