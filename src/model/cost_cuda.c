// Bytes, instructions and launches of the CUDA backend's kernels, counted from kernels/cuda as they are written there.
//
// Scattered accesses count by sectors of 32 bytes, which is what memory moves. Instructions are those of the inner loops, as the
// compiler's PTX has them. `least` is what the same step would move with every byte read and written once, in the best layout
// that we know of; docs/performance.md says which.
#include <math.h>

#include "model/cost_internal.h"

enum {
  SECTOR = 32,
  TRIALS_PER_READ = 8,  // and COLUMNS in a sector of weights: retina_currents
  COLUMNS = 2,
  THREADS = 256,
  WARPS_WANTED = 8192,
  WORDS_AT_LEAST = 8,
  TARGET_LANES = 8,
  DIVERGENCE = 2,  // of a warp's threads, which go on until the last has finished
};

static double sectors(double bytes) { return ceil(bytes / SECTOR) * SECTOR; }

static void count_retina(const psac_amounts *a, psac_cost *cost) {
  const double draws = a->retina_trials * a->steps * 64.0 * a->retina_words, thresholds = 8.0 * a->retina_trials * a->units;
  psac_cost_add(cost, (psac_cost_item){
      .name = "encode", .stage = PSAC_STAGE_RETINA, .calls = a->chunks, .bytes = draws / 8.0 + 2.0 * thresholds,
      .least = draws / 8.0 + thresholds, .operations = 32.0 * draws, .resident = thresholds, .waits = 2.0 * a->chunks,
      .host_trials = a->retina_trials});
}

// retina_currents: a thread collects the rows of its neuron's patch for eight trials, then visits the pixels that spike. A sector
// has a pixel's weights of two columns, and is read once if the pixel spikes for one of them in one of the eight trials.
static void count_retina_currents(const psac_amounts *a, psac_cost *cost) {
  const double whole = floor(a->trials / a->together), rest = a->trials - whole * a->together;
  const double reads = whole * ceil(a->together / TRIALS_PER_READ) + ceil(rest / TRIALS_PER_READ);  // of weights, in a step
  const double all = 2.0 * a->patch, share = a->patch > 0.0 ? a->patch_spikes / a->patch : 0.0;
  const double visited = all * (1.0 - pow(1.0 - share, COLUMNS * TRIALS_PER_READ));
  const double bits = 8.0 * a->retina_words * TRIALS_PER_READ / THREADS, column = 0.5;
  psac_cost_add(cost, (psac_cost_item){
      .name = "retina_currents", .stage = PSAC_STAGE_MIDDLE, .calls = a->chunks * a->steps,
      .bytes = a->steps * a->n * (4.0 * a->trials + reads * (visited + bits + column)),
      .least = a->steps * a->n * (4.0 * a->trials + fmin(all * a->chunks, 2.0 * a->patch_spikes * a->trials)),
      .operations = a->items * a->n * (6.0 * sqrt(a->patch) + 15.0 * a->patch_spikes * DIVERGENCE + 16.0),
      .resident = a->middle_set});
}

// recurrent_currents: eight lanes share a word of the whole layer's spikes; a spike costs its place in the index and its targets. A
// warp has four words, and goes on until the fullest of them is done: about twice the mean.
static void count_recurrent_currents(const psac_amounts *a, psac_cost *cost) {
  const double items = fmax(0.0, a->steps - a->delay) * a->trials, events = a->spikes * a->fan_out;
  const double lists = psac_plan_places(a->fan_out, SECTOR / a->index_bytes) * a->index_bytes;
  const double index = SECTOR * (1.0 + 4.0 / SECTOR);  // two neighbours, which now and then lie in two sectors
  psac_cost_add(cost, (psac_cost_item){
      .name = "recurrent_currents", .stage = PSAC_STAGE_MIDDLE, .calls = a->chunks * fmax(0.0, a->steps - a->delay),
      .bytes = items * (a->slots / 8.0 + a->spikes * (index + lists) + events * 2.0 * SECTOR),
      .least = items * (a->slots / 8.0 + events * (a->index_bytes + 8.0)), .atomics = items * events,
      .operations = items * (a->slots / 64.0 * TARGET_LANES * 45.0 + a->spikes * TARGET_LANES * 25.0 * DIVERGENCE + events * 10.0),
      .resident = a->middle_set});
}

static void count_integrate(const psac_amounts *a, psac_cost *cost) {
  const double bits = (2.0 + 2.0 * a->refractory) / 8.0;
  psac_cost_add(cost, (psac_cost_item){
      .name = "integrate", .stage = PSAC_STAGE_MIDDLE, .calls = a->chunks * a->steps, .bytes = a->items * a->n * (16.0 + bits),
      .least = a->items * a->n * (12.0 + bits), .operations = a->items * a->n * 60.0, .resident = a->middle_set,
      .waits = a->chunks});
}

static void count_middle(const psac_amounts *a, psac_cost *cost) {
  const double rest = 4.0 * a->n * a->trials, words = a->items * a->n / 8.0;
  psac_cost_add(cost, (psac_cost_item){
      .name = "rest", .stage = PSAC_STAGE_MIDDLE, .calls = a->chunks, .bytes = rest, .least = rest, .operations = rest,
      .resident = a->middle_set});
  count_retina_currents(a, cost);
  if (a->in_degree > 0.0) count_recurrent_currents(a, cost);
  count_integrate(a, cost);
  psac_cost_add(cost, (psac_cost_item){
      .name = "count_words", .stage = PSAC_STAGE_MIDDLE, .calls = a->chunks, .bytes = words, .least = words,
      .operations = words * 2.0, .resident = words});
}

// sum_rows: a warp walks through the words of a step, or of a range of them where there are too few steps to fill a GPU.
static void count_readout(const psac_amounts *a, psac_cost *cost) {
  const double row = 4.0 * a->lanes, per_call = a->block * a->together;
  const double ranges = fmax(1.0, fmin(ceil(WARPS_WANTED / per_call), floor(a->words / WORDS_AT_LEAST)));
  const double sums = 8.0 * a->lanes * (ranges > 1.0 ? 1.0 + 2.0 * ranges : 1.0);
  psac_cost_add(cost, (psac_cost_item){
      .name = "sum_rows", .stage = PSAC_STAGE_READOUT, .calls = a->chunks * a->blocks * (ranges > 1.0 ? 2.0 : 1.0),
      .bytes = a->items * (a->n / 8.0 + a->own_spikes * sectors(row) + sums),
      .least = a->items * (a->n / 8.0 + 8.0 * a->lanes) + a->chunks * a->blocks * a->n * row,
      .operations = a->items * (a->words * 10.0 + a->own_spikes * 32.0 * ceil(a->lanes / 32.0) * 8.0),
      .atomics = ranges > 1.0 ? a->items * ranges * sectors(8.0 * a->lanes) / SECTOR : 0.0, .resident = a->n * row});
  const double drives = a->items * (8.0 * a->lanes + 16.0);
  psac_cost_add(cost, (psac_cost_item){
      .name = "step_layers", .stage = PSAC_STAGE_READOUT, .calls = a->chunks * (a->blocks + 1.0), .bytes = drives, .least = drives,
      .operations = a->items * 128.0 * 60.0, .resident = a->together * a->block * 8.0 * a->lanes,
      .steps_in_turn = a->chunks * a->steps, .waits = 3.0 * a->chunks, .host_trials = a->trials});
}

// learn: a warp per neuron; its row, its eligibility, which is then cleared, its mean.
static void count_apply(const psac_amounts *a, psac_cost *cost) {
  const double eligibility = 4.0 * a->eligibility_lanes, row = 8.0 * (a->outputs + a->critics) + 4.0;
  psac_cost_add(cost, (psac_cost_item){
      .name = "learn", .stage = PSAC_STAGE_LEARNING, .calls = 2.0,
      .bytes = a->n * (2.0 * sectors(row / 2.0) + 2.0 * eligibility + 8.0), .least = a->n * (row + 2.0 * eligibility + 8.0),
      .operations = a->n * 32.0 * 60.0, .resident = HUGE_VAL, .waits = 1.0});
  psac_cost_add(cost, (psac_cost_item){
      .name = "square_means", .stage = PSAC_STAGE_LEARNING, .calls = 2.0, .bytes = a->n * SECTOR, .least = a->n * 4.0,
      .operations = a->n * 15.0, .resident = HUGE_VAL, .waits = 1.0});
}

// add_eligibility: a warp walks through the words of a step and adds the step's row of the table to the rows of its spikes.
static void count_learning(const psac_amounts *a, psac_cost *cost) {
  const double row = 4.0 * a->eligibility_lanes;
  psac_cost_add(cost, (psac_cost_item){
      .name = "reverse_traces", .stage = PSAC_STAGE_LEARNING, .calls = a->chunks, .bytes = a->items * (row + 8.0),
      .least = a->items * (row + 8.0), .operations = a->items * a->eligibility_lanes * 20.0,
      .resident = a->together * a->steps * row, .steps_in_turn = a->chunks * a->steps});
  psac_cost_add(cost, (psac_cost_item){
      .name = "add_eligibility", .stage = PSAC_STAGE_LEARNING, .calls = a->chunks,
      .bytes = a->items * (a->n / 8.0 + row + a->own_spikes * 2.0 * sectors(row)),
      .least = a->items * (a->n / 8.0 + row) + a->chunks * a->n * 2.0 * row,
      .atomics = a->items * a->own_spikes * sectors(row) / SECTOR,
      .operations = a->items * (a->words * 10.0 + a->own_spikes * 32.0 * ceil(a->eligibility_lanes / 32.0) * 6.0),
      .resident = a->n * row, .waits = 2.0 * a->chunks});
  count_apply(a, cost);
}

void psac_cost_count_gpu(const psac_amounts *amounts, psac_cost *cost) {
  count_retina(amounts, cost);
  count_middle(amounts, cost);
  count_readout(amounts, cost);
  count_learning(amounts, cost);
}
