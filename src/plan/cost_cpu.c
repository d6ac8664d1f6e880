// Bytes and clocks of the CPU backend's stages, counted from kernels/cpu as they are written there; vectors of 256
// bits.
//
// Scattered accesses count by cache lines. The currents of one trial are used by everything and stay in the cache if
// they fit.
#include <math.h>

#include "src/model/fan_out.h"
#include "src/plan/cost_count.h"

enum { LINE = 64, COLUMN = 8 };

static double lines(double bytes) { return ceil(bytes / LINE) * LINE; }

// Bytes of an array that is in use all the time: none, unless it is larger than the cache.
static double busy(const psac_amounts *a, double array_bytes, double moved) {
  return array_bytes > a->cache ? moved : 0.0;
}

static void count_retina(const psac_amounts *a, psac_cost *cost) {
  const double lit = 0.26;  // of the pooled pixels of a digit; the others are passed over
  const double words = 8.0 * a->retina_trials * a->steps * a->retina_words;
  psac_cost_add(cost, (psac_cost_item){
                          .name = "encode_retina",
                          .stage = PSAC_STAGE_RETINA,
                          .calls = a->retina_trials,
                          .bytes = 2.0 * words,
                          .least = words,
                          .operations = a->retina_trials * a->steps * (lit * a->units * 4.0 + a->retina_spikes * 4.0),
                          .resident = words,
                          .host_trials = a->retina_trials});
}

static void count_step(const psac_amounts *a, psac_cost *cost) {
  const double columns = a->n / COLUMN * a->patch_spikes, current = 4.0 * a->n;
  psac_cost_add(cost,
                (psac_cost_item){.name = "step_middle, retina",
                                 .stage = PSAC_STAGE_MIDDLE,
                                 .calls = a->items,
                                 .bytes = a->items * columns * (4.0 + 2.0 * COLUMN + busy(a, current, 8.0 * COLUMN)),
                                 .least = a->items * columns * 2.0 * COLUMN,
                                 .operations = a->items * columns * 3.5,
                                 .resident = a->middle_set});
  if (a->in_degree > 0.0) {
    const double items = fmax(0.0, a->steps - a->delay) * a->trials, events = a->spikes * a->fan_out;
    const double spikes = a->spikes * psac_fan_out_sources(a->fan_out);  // of neurons with targets here
    const double places = a->spikes * psac_fan_out_bytes(a->fan_out, a->index_bytes) / a->index_bytes;
    const double added = fmax(places, spikes * PSAC_FEW_TARGETS);
    const double lists = a->spikes * psac_fan_out_entries(a->fan_out, LINE / a->index_bytes) * a->index_bytes;
    psac_cost_add(cost, (psac_cost_item){.name = "step_middle, recurrence",
                                         .stage = PSAC_STAGE_MIDDLE,
                                         .calls = items,
                                         .bytes = items * (a->slots / 64.0 * 20.0 + spikes * LINE + lists +
                                                           busy(a, current, events * 2.0 * LINE)),
                                         .least = items * (a->slots / 8.0 + events * a->index_bytes),
                                         .operations = items * (a->slots / 64.0 * 13.0 + spikes * 17.0 + added * 1.5),
                                         .resident = a->middle_set});
  }
  psac_cost_add(cost, (psac_cost_item){
                          .name = "step_middle, integration",
                          .stage = PSAC_STAGE_MIDDLE,
                          .calls = a->items,
                          .bytes = a->items * a->n *
                                   (12.0 + 8.0 * a->states + (2.0 + 2.0 * a->refractory) / 8.0 + busy(a, current, 8.0)),
                          .least = a->items * a->n * (8.0 + 8.0 * a->states),
                          .operations = a->items * a->n * (2.0 + a->states),
                          .resident = a->middle_set});
}

static void count_middle(const psac_amounts *a, psac_cost *cost) {
  const double rest = 4.0 * a->n * a->trials, words = a->items * a->n / 8.0;
  psac_cost_add(cost, (psac_cost_item){.name = "reset_potentials",
                                       .stage = PSAC_STAGE_MIDDLE,
                                       .calls = a->chunks,
                                       .bytes = rest,
                                       .least = rest,
                                       .operations = rest / 32.0,
                                       .resident = a->middle_set});
  count_step(a, cost);
  psac_cost_add(cost, (psac_cost_item){.name = "count_spikes",
                                       .stage = PSAC_STAGE_MIDDLE,
                                       .calls = a->chunks,
                                       .bytes = words,
                                       .least = words,
                                       .operations = words / 8.0 * 3.0,
                                       .resident = a->items / a->chunks * a->n / 8.0});
}

static void count_readout(const psac_amounts *a, psac_cost *cost) {
  const double row = 4.0 * a->columns;
  psac_cost_add(cost, (psac_cost_item){
                          .name = "partial_drives",
                          .stage = PSAC_STAGE_READOUT,
                          .calls = a->items,
                          .bytes = a->items * (a->n / 8.0 + a->own_spikes * lines(row) + 8.0 * a->columns),
                          .least = a->items * (a->n / 8.0 + 8.0 * a->columns) + a->chunks * a->blocks * a->n * row,
                          .operations = a->items * (a->words * 12.0 + a->own_spikes * (6.0 + a->columns / 4.0 * 1.5)),
                          .resident = a->n * row});
  const double drives = a->items * (8.0 * a->columns + 16.0);
  psac_cost_add(cost, (psac_cost_item){.name = "step_readout",
                                       .stage = PSAC_STAGE_READOUT,
                                       .calls = a->items,
                                       .bytes = drives,
                                       .least = drives,
                                       .operations = a->items * (a->outputs + a->critics) * 26.0,
                                       .resident = a->together * a->block * 8.0 * a->columns,
                                       .host_trials = a->trials});
}

static void count_learning(const psac_amounts *a, psac_cost *cost) {
  const double eligibility = 4.0 * a->eligibility_columns, row = 8.0 * (a->outputs + a->critics) + 4.0;
  psac_cost_add(
      cost, (psac_cost_item){
                .name = "accumulate_eligibility",
                .stage = PSAC_STAGE_LEARNING,
                .calls = a->trials,
                .bytes = a->items * (a->n / 8.0 + eligibility + a->own_spikes * 2.0 * lines(eligibility)),
                .least = a->items * (a->n / 8.0 + eligibility) + a->chunks * a->n * 2.0 * eligibility,
                .operations = a->items * (a->words * 12.0 + a->own_spikes * (6.0 + a->eligibility_columns / 4.0 * 1.5) +
                                          a->eligibility_columns * 3.0),
                .resident = a->n * eligibility});
  psac_cost_add(cost, (psac_cost_item){.name = "apply_learning",
                                       .stage = PSAC_STAGE_LEARNING,
                                       .calls = 1.0,
                                       .bytes = a->n * (row + 2.0 * eligibility + 8.0),
                                       .least = a->n * (row + 2.0 * eligibility + 8.0),
                                       .operations = a->n * (a->outputs + a->critics) * 4.0,
                                       .resident = a->n * (row + eligibility)});
  psac_cost_add(cost, (psac_cost_item){.name = "sum_mean_squares",
                                       .stage = PSAC_STAGE_LEARNING,
                                       .calls = 1.0,
                                       .bytes = a->n * 4.0,
                                       .least = a->n * 4.0,
                                       .operations = a->n * 3.0,
                                       .resident = a->n * (row + eligibility)});
}

void psac_cost_count_cpu(const psac_amounts *amounts, psac_cost *cost) {
  count_retina(amounts, cost);
  count_middle(amounts, cost);
  count_readout(amounts, cost);
  count_learning(amounts, cost);
}
