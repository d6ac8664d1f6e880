// Bytes, instructions and launches of the CUDA backend's kernels, counted from kernels/cuda as they are written there.
//
// Scattered accesses count by sectors of 32 bytes, which is what memory moves; scattered additions as often as a sector comes and goes
// (`scattered`), for it is the cache that adds. Instructions are those of the inner loops, as the compiler's PTX has them. `least` is what
// the same step would move with every byte read and written once, in the best layout that we know of; docs/performance.md says which.
#include <math.h>

#include "model/cost_internal.h"

enum {
  SECTOR = 32,
  TRIALS_PER_READ = 8,  // and COLUMNS in a sector of weights: retina_currents
  COLUMNS = 2,
  THREADS = 256,
  WARPS_WANTED = 8192,
  WORDS_AT_LEAST = 8,
  THREADS_AT_ONCE = 1 << 18,  // that a GPU runs
  GROUP = 16,                 // bytes of a target list that a thread reads at once: recurrent_currents
  MOST_LANES = 8,
  WARP = 32,
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

// Bytes that additions to scattered sectors move between cache and memory, there and back: each sector of an array once as far as
// `working`, what is being added to at a time, stays in the cache; and at most every sector that is added to.
static double scattered(const psac_amounts *a, double n_sectors, double array, double working) {
  const double kept = fmin(1.0, a->cache / working);
  return 2.0 * (kept * fmin(n_sectors * SECTOR, array) + (1.0 - kept) * n_sectors * SECTOR);
}

// How recurrent_currents shares its work: as launch_recurrent_currents in cuda_middle.cu.
typedef struct sharing {
  double lanes, ranks;  // per word; that a thread goes through
  double threads;       // of one trial
} sharing;

static double power_of_two(double at_most) { return at_most < 1.0 ? 1.0 : exp2(floor(log2(at_most))); }

static sharing share_recurrence(const psac_amounts *a, double list_bytes) {
  sharing by = {.lanes = fmin(MOST_LANES, power_of_two(ceil(list_bytes / GROUP)))};
  const double groups = power_of_two(fmin(a->shards, 2.0 * THREADS_AT_ONCE / (a->words * by.lanes * a->together)));
  by.ranks = a->shards / groups;
  by.threads = a->words * by.lanes * groups;
  return by;
}

// Steps that a warp takes for a rank's words: in each of them a thread looks at a word or takes a spike of one, so that it needs
// max(1, spikes) for a word; the warp needs what the busiest of its threads does over all its ranks.
static double steps_of_warp(const sharing *by, double spikes_per_word) {
  const double none = exp(-spikes_per_word), mean = spikes_per_word + none, words = fmax(1.0, WARP / by->lanes);
  const double variance = fmax(0.0, spikes_per_word + spikes_per_word * spikes_per_word + none - mean * mean);
  return mean + sqrt(2.0 * log(words) * variance / by->ranks);
}

// A look at every word of the whole layer's spikes and at its mask; a spike with targets here costs its number, two neighbours in the index
// and its list.
static void count_recurrent_currents(const psac_amounts *a, psac_cost *cost) {
  const double items = fmax(0.0, a->steps - a->delay) * a->trials, words = a->slots / 64.0;
  const double share = psac_plan_sources(a->fan_out), spikes = a->spikes * share, events = a->spikes * a->fan_out;
  const double list = psac_plan_places(a->fan_out, GROUP / a->index_bytes) * a->index_bytes / share;  // of a source that has one
  const sharing by = share_recurrence(a, a->fan_out * a->index_bytes / share);
  const double in_flight = fmin(a->together, 1.0 + THREADS_AT_ONCE / by.threads), currents = 4.0 * a->n;
  const double index = SECTOR + 4.0 + fmin(SECTOR, 4.0 * words / spikes);  // neighbours now and then lie in two sectors
  const double lists = list + SECTOR - GROUP;                              // which begin at any group of a sector
  const double added = items * scattered(a, events, currents, currents * in_flight);
  const double start = 45.0 / by.ranks, look = 20.0, any = 1.0 - exp(-spikes / words * WARP / by.lanes);
  const double take = 25.0 + ceil(list / GROUP / by.lanes) * (5.0 + 5.0 * GROUP / a->index_bytes);
  psac_cost_add(cost, (psac_cost_item){
      .name = "recurrent_currents", .stage = PSAC_STAGE_MIDDLE, .calls = a->chunks * fmax(0.0, a->steps - a->delay),
      .bytes = items * (words * 16.0 + spikes * (index + lists)) + added, .scattered = added,
      .least = items * (words * 8.0 * (1.0 + 1.0 / a->together) + events * a->index_bytes + 2.0 * fmin(4.0 * events, currents)),
      .operations = items * words * by.lanes * (start + steps_of_warp(&by, spikes / words) * (look + any * take)),
      .atomics = items * events, .resident = a->middle_set});
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
  const double sum = 8.0 * a->lanes, added = ranges > 1.0 ? a->items * 2.0 * sum : 0.0;
  psac_cost_add(cost, (psac_cost_item){
      .name = "sum_rows", .stage = PSAC_STAGE_READOUT, .calls = a->chunks * a->blocks * (ranges > 1.0 ? 2.0 : 1.0),
      .bytes = a->items * (a->n / 8.0 + a->own_spikes * sectors(row) + sum) + added, .scattered = added,
      .least = a->items * (a->n / 8.0 + 8.0 * a->lanes) + a->chunks * a->blocks * a->n * row,
      .operations = a->items * (a->words * 10.0 + a->own_spikes * 32.0 * ceil(a->lanes / 32.0) * 8.0),
      .atomics = ranges > 1.0 ? a->items * ranges * sectors(sum) / SECTOR : 0.0, .resident = a->n * row});
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
  const double rows = a->n * row, sectors_added = a->items * a->own_spikes * sectors(row) / SECTOR;
  const double added = a->chunks * scattered(a, sectors_added / a->chunks, rows, rows);
  psac_cost_add(cost, (psac_cost_item){
      .name = "add_eligibility", .stage = PSAC_STAGE_LEARNING, .calls = a->chunks,
      .bytes = a->items * (a->n / 8.0 + row) + added, .scattered = added,
      .least = a->items * (a->n / 8.0 + row) + a->chunks * 2.0 * fmin(a->items / a->chunks * a->own_spikes * row, rows),
      .atomics = sectors_added,
      .operations = a->items * (a->words * 10.0 + a->own_spikes * 32.0 * ceil(a->eligibility_lanes / 32.0) * 6.0),
      .resident = a->items / a->chunks * (a->n / 8.0 + row), .waits = 2.0 * a->chunks});
  count_apply(a, cost);
}

void psac_cost_count_gpu(const psac_amounts *amounts, psac_cost *cost) {
  count_retina(amounts, cost);
  count_middle(amounts, cost);
  count_readout(amounts, cost);
  count_learning(amounts, cost);
}
