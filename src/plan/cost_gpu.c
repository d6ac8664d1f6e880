// Bytes, instructions and launches of the CUDA backend's kernels, counted from kernels/cuda as they are written there.
//
// Scattered accesses count by sectors of 32 bytes, which is what memory moves; scattered additions as often as a sector
// comes and goes
// (`scattered`), for it is the cache that adds. Instructions are those that a warp issues, counted in nvcc's code for
// an H100. `least` is what the same step would move with every byte read and written once, in the best layout that we
// know of; docs/performance.md says which.
#include <math.h>

#include "kernels/cuda/cuda_shape.h"
#include "src/model/fan_out.h"
#include "src/plan/cost_count.h"

enum {
  COLUMNS = 2,          // in a sector of weights
  DIVERGENCE = 2,       // of a warp's threads, which go on until the last has finished
  FIRST_LEVEL = 64000,  // bytes of a multiprocessor's own cache, at least, and the blocks that share it
  BLOCKS_AT_ONCE = 8,
};

static double sectors(double bytes) { return ceil(bytes / PSAC_SECTOR) * PSAC_SECTOR; }

static void count_retina(const psac_amounts *a, psac_cost *cost) {
  const double draws = a->retina_trials * a->steps * 64.0 * a->retina_words,
               thresholds = 8.0 * a->retina_trials * a->units;
  psac_cost_add(cost, (psac_cost_item){.name = "encode",
                                       .stage = PSAC_STAGE_RETINA,
                                       .calls = a->chunks,
                                       .bytes = draws / 8.0 + 2.0 * thresholds,
                                       .least = draws / 8.0 + thresholds,
                                       .operations = 32.0 * draws,
                                       .resident = thresholds,
                                       .waits = 2.0 * a->chunks,
                                       .host_trials = a->retina_trials});
}

// retina_currents: a thread visits the pixels that spike in its neuron's patch, for eight trials, each of which one of
// the column's eight threads has looked up. A sector has a pixel's weights of two columns, and is read once if the
// pixel spikes for one of them in one of the eight trials.
static void count_retina_currents(const psac_amounts *a, psac_cost *cost) {
  const double reads = psac_cost_turns(a, PSAC_TRIALS);
  const double all = 2.0 * a->patch, share = a->patch > 0.0 ? a->patch_spikes / a->patch : 0.0,
               of_read = a->trials / reads;
  const double visited = all * (1.0 - pow(1.0 - share, COLUMNS * of_read));
  const double bits = 8.0 * a->retina_words * of_read / PSAC_THREADS, column = 0.5;
  psac_cost_add(
      cost, (psac_cost_item){
                .name = "retina_currents",
                .stage = PSAC_STAGE_MIDDLE,
                .calls = a->chunks * a->steps,
                .bytes = a->steps * a->n * (4.0 * a->trials + reads * (visited + bits + column)),
                .least = a->steps * a->n * (4.0 * a->trials + fmin(all * a->chunks, 2.0 * a->patch_spikes * a->trials)),
                .operations = a->steps * a->n *
                              (reads * (190.0 + 14.0 * sqrt(a->patch)) +
                               a->trials * (10.0 + 15.0 * a->patch_spikes * DIVERGENCE)),
                .resident = a->middle_set});
}

// Bytes that additions to scattered sectors move between cache and memory, there and back: each sector of an array once
// as far as `working`, what is being added to at a time, stays in the cache; and at most every sector that is added to.
static double scattered(const psac_amounts *a, double n_sectors, double array, double working) {
  const double kept = fmin(1.0, a->cache / working);
  return 2.0 * PSAC_SECTOR * (kept * fmin(n_sectors, array / PSAC_SECTOR) + (1.0 - kept) * n_sectors);
}

// How recurrent_currents shares its work.
typedef struct sharing {
  double lanes, trials;  // that share a word
  double ranks;          // that a thread goes through
  double threads;        // of one trial
  int few;
} sharing;

static sharing share_recurrence(const psac_amounts *a, double list_bytes) {
  const int n_ranks = (int)fmin(a->shards, INT32_MAX);
  const psac_recurrence_shape shape =
      psac_shape_recurrence((int64_t)a->words, n_ranks, (int)a->together, (int64_t)list_bytes);
  return (sharing){.lanes = ldexp(1.0, shape.lane_bits),
                   .trials = ldexp(1.0, shape.trial_bits),
                   .ranks = a->shards / ldexp(1.0, shape.group_bits),
                   .threads = a->words * ldexp(1.0, shape.lane_bits + shape.group_bits),
                   .few = psac_is_few(a->fan_out)};
}

// Steps that a warp takes for a rank's words: in each of them a thread looks at a word or takes a spike of one, so that
// it needs max(1, spikes) for a word; the warp needs what the busiest of its threads does over all its ranks.
static double steps_of_warp(const sharing *by, double spikes_per_word) {
  const double none = exp(-spikes_per_word), mean = spikes_per_word + none, words = fmax(1.0, PSAC_WARP / by->lanes);
  const double variance = fmax(0.0, spikes_per_word + spikes_per_word * spikes_per_word + none - mean * mean);
  return mean + sqrt(2.0 * log(words) * variance / by->ranks);
}

// Bytes of sectors that n_reads at random places of an array fetch, each of n_bytes that begin at any multiple of
// `unit`.
static double fetched(double array_bytes, double n_reads, double n_bytes, double unit) {
  const double in_array = array_bytes / PSAC_SECTOR + 1.0, per_read = 1.0 + (n_bytes - unit) / PSAC_SECTOR;
  return PSAC_SECTOR * in_array * -expm1(-n_reads * per_read / in_array);
}

// What the spikes of an item, a step of one trial, fetch of the index, two neighbours each, and of lists. A block takes
// some words of by->trials trials, and fetches once what it needs more than once, as far as that stays in the
// first-level cache.
static double index_and_lists(const psac_amounts *a, const sharing *by, double sources_per_word, double spikes_per_word,
                              double list) {
  const double words = PSAC_THREADS / (by->lanes * by->trials), unit = by->few ? a->index_bytes : 16.0;
  const double sources = words * sources_per_word, reads = words * by->trials * spikes_per_word;
  const double together = fetched(4.0 * sources, reads, 8.0, 4.0) + fetched(list * sources, reads, list, unit);
  const double alone = reads * (2.0 * PSAC_SECTOR + 4.0 + list - unit);
  const double kept = fmin(1.0, FIRST_LEVEL / (BLOCKS_AT_ONCE * (together + 8.0 * words * by->trials)));
  const double blocks = a->slots / 64.0 / (words * by->trials);
  return blocks * (kept * together + (1.0 - kept) * alone);
}

// A look at every word of the whole layer's spikes and at its mask; a spike with targets here costs its number, two
// neighbours in the index and its list.
static void count_recurrent_currents(const psac_amounts *a, psac_cost *cost) {
  const double items = fmax(0.0, a->steps - a->delay) * a->trials, words = a->slots / 64.0;
  const double share = psac_fan_out_sources(a->fan_out), spikes = a->spikes * share, events = a->spikes * a->fan_out;
  const double list = psac_fan_out_bytes(a->fan_out, a->index_bytes) / share;  // of a source that has one
  const sharing by = share_recurrence(a, a->fan_out * a->index_bytes / share);
  const double in_flight = by.trials * (1.0 + PSAC_THREADS_AT_ONCE / (by.threads * by.trials)), currents = 4.0 * a->n;
  const double added = items * scattered(a, events, currents, currents * fmin(a->together, in_flight));
  const double numbers = fmin(PSAC_SECTOR * spikes, 4.0 * words / by.trials);
  const double fetches = index_and_lists(a, &by, 64.0 * share, spikes / words, list);
  const double all_lists = a->slots * a->fan_out * a->index_bytes;
  const double start = 60.0 / by.ranks, look = 40.0, take = 40.0,
               any = 1.0 - exp(-spikes / words * PSAC_WARP / by.lanes);
  const double targets = by.few ? 8.0 * DIVERGENCE * list / a->index_bytes
                                : ceil(list / 16.0 / by.lanes) * (6.0 + 10.0 * 16.0 / a->index_bytes);
  psac_cost_add(cost, (psac_cost_item){
                          .name = "recurrent_currents",
                          .stage = PSAC_STAGE_MIDDLE,
                          .calls = a->chunks * fmax(0.0, a->steps - a->delay),
                          .bytes = items * (words * 8.0 * (1.0 + 1.0 / by.trials) + numbers + fetches) + added,
                          .scattered = added,
                          .least = items * (words * 8.0 * (1.0 + 1.0 / a->together) +
                                            fmin(events * a->index_bytes, all_lists / a->together) +
                                            2.0 * fmin(4.0 * events, currents)),
                          .operations = items * words * by.lanes *
                                        (start + steps_of_warp(&by, spikes / words) * (look + any * (take + targets))),
                          .atomics = items * events,
                          .resident = a->middle_set});
}

static void count_integrate(const psac_amounts *a, psac_cost *cost) {
  const double reads = psac_cost_turns(a, PSAC_TRIALS), spikes = (1.0 + a->refractory) / 8.0;
  const double own = 12.0 + 8.0 * a->states + spikes, shared = 4.0 + spikes;
  psac_cost_add(
      cost, (psac_cost_item){.name = "integrate",
                             .stage = PSAC_STAGE_MIDDLE,
                             .calls = a->chunks * a->steps,
                             .bytes = a->steps * a->n * (a->trials * own + reads * shared),
                             .least = a->steps * a->n * (a->trials * own + a->chunks * shared),
                             .operations = a->steps * a->n * (reads * (90.0 + 30.0 * a->refractory) + a->trials * 56.0),
                             .resident = a->middle_set,
                             .waits = a->chunks});
}

// present: only spikes leave and enter a block; its time is measured as a whole.
static void count_present(const psac_amounts *a, psac_cost *cost) {
  const double moved = a->items * (a->n / 8.0 + 8.0 * a->retina_words) + 4.0 * a->n * a->trials;
  psac_cost_add(cost, (psac_cost_item){.name = "present",
                                       .stage = PSAC_STAGE_MIDDLE,
                                       .calls = a->chunks,
                                       .bytes = moved,
                                       .least = moved,
                                       .resident = moved,
                                       .seconds_in_turn = a->present_seconds});
}

static void count_steps(const psac_amounts *a, psac_cost *cost) {
  const double rest = 4.0 * a->n * a->trials;
  psac_cost_add(cost, (psac_cost_item){.name = "reset_potentials",
                                       .stage = PSAC_STAGE_MIDDLE,
                                       .calls = a->chunks,
                                       .bytes = rest,
                                       .least = rest,
                                       .operations = rest,
                                       .resident = a->middle_set});
  count_retina_currents(a, cost);
  if (a->in_degree > 0.0) count_recurrent_currents(a, cost);
  count_integrate(a, cost);
}

static void count_middle(const psac_amounts *a, psac_cost *cost) {
  const double words = a->items * a->n / 8.0;
  if (a->presents) count_present(a, cost);
  else count_steps(a, cost);
  psac_cost_add(cost, (psac_cost_item){.name = "count_words",
                                       .stage = PSAC_STAGE_MIDDLE,
                                       .calls = a->chunks,
                                       .bytes = words,
                                       .least = words,
                                       .operations = words * 2.0,
                                       .resident = words});
}

// A warp that walks through a range of the words of a step, groups of lanes through half words of their own; `spike`
// for each spike.
static double walk(const psac_amounts *a, double ranges, double start, int group_bits, double spike) {
  const double rounds = ldexp(1.0, group_bits), spikes = PSAC_WARP * a->own_spikes / a->n;
  return PSAC_WARP *
         (ranges * start + a->n / (PSAC_WARP * PSAC_WARP) * (18.0 + rounds * (8.0 + spike * DIVERGENCE * spikes)));
}

// sum_rows: what a range's rows are read for again comes from the cache.
static void count_readout(const psac_amounts *a, psac_cost *cost) {
  const double row = 4.0 * a->columns, sum = 8.0 * a->columns, per_call = a->block * a->together,
               calls = a->chunks * a->blocks;
  const double ranges = (double)psac_shape_ranges_to_fill((int64_t)a->words, (int)a->columns, (int64_t)per_call);
  const double added = ranges > 1.0 ? a->items * sum : 0.0;  // which were cleared before
  const double read = a->items * a->own_spikes * sectors(row), rows = fmin(read, calls * a->n * row);
  psac_cost_add(cost,
                (psac_cost_item){.name = "sum_rows",
                                 .stage = PSAC_STAGE_READOUT,
                                 .calls = calls * (ranges > 1.0 ? 2.0 : 1.0),
                                 .bytes = a->items * (a->n / 8.0 + sum) + rows + added,
                                 .scattered = added,
                                 .again = read - rows,
                                 .least = a->items * (a->n / 8.0 + sum) + rows,
                                 .operations = a->items * ceil(a->columns / 128.0) *
                                               walk(a, ranges, 300.0, psac_shape_group((int)a->columns / 4), 24.0),
                                 .atomics = ranges > 1.0 ? a->items * ranges * sectors(sum) / PSAC_SECTOR : 0.0,
                                 .resident = a->n * row});
  const double drives = a->items * (8.0 * a->columns + 16.0);
  psac_cost_add(cost, (psac_cost_item){.name = "step_layers",
                                       .stage = PSAC_STAGE_READOUT,
                                       .calls = a->chunks * (a->blocks + 1.0),
                                       .bytes = drives,
                                       .least = drives,
                                       .operations = a->items * 128.0 * 60.0,
                                       .resident = a->together * a->block * 8.0 * a->columns,
                                       .steps_in_turn = a->chunks * a->steps,
                                       .waits = 3.0 * a->chunks,
                                       .host_trials = a->trials});
}

// learn: a warp per neuron; its row, its eligibility, which is then cleared, its mean.
static void count_apply(const psac_amounts *a, psac_cost *cost) {
  const double eligibility = 4.0 * a->eligibility_columns, row = 8.0 * (a->outputs + a->critics) + 4.0;
  psac_cost_add(cost, (psac_cost_item){.name = "learn",
                                       .stage = PSAC_STAGE_LEARNING,
                                       .calls = 2.0,
                                       .bytes = a->n * (2.0 * sectors(row / 2.0) + 2.0 * eligibility + 8.0),
                                       .least = a->n * (row + 2.0 * eligibility + 8.0),
                                       .operations = a->n * 32.0 * 60.0,
                                       .resident = HUGE_VAL,
                                       .waits = 1.0});
  psac_cost_add(cost, (psac_cost_item){.name = "square_means",
                                       .stage = PSAC_STAGE_LEARNING,
                                       .calls = 2.0,
                                       .bytes = a->n * 4.0,
                                       .least = a->n * 4.0,
                                       .operations = a->n * 15.0,
                                       .resident = HUGE_VAL,
                                       .waits = 1.0});
}

// add_eligibility: the step's row of the table is added to the rows of its spikes.
static void count_learning(const psac_amounts *a, psac_cost *cost) {
  const double row = 4.0 * a->eligibility_columns;
  psac_cost_add(cost, (psac_cost_item){.name = "reverse_traces",
                                       .stage = PSAC_STAGE_LEARNING,
                                       .calls = a->chunks,
                                       .bytes = a->items * (row + 8.0),
                                       .least = a->items * (row + 8.0),
                                       .operations = a->items * a->eligibility_columns * 20.0,
                                       .resident = a->together * a->steps * row,
                                       .steps_in_turn = a->chunks * a->steps});
  const int n_lanes = (int)a->eligibility_columns;
  const double ranges = (double)psac_shape_ranges((int64_t)a->words, n_lanes);
  const double rows = a->n * row, sectors_added = a->items * a->own_spikes * sectors(row) / PSAC_SECTOR;
  const double added = a->chunks * scattered(a, sectors_added / a->chunks, rows, fmin(rows, PSAC_ROWS_AT_ONCE));
  psac_cost_add(
      cost, (psac_cost_item){
                .name = "add_eligibility",
                .stage = PSAC_STAGE_LEARNING,
                .calls = a->chunks,
                .bytes = a->items * (a->n / 8.0 + row) + added,
                .scattered = added,
                .least = a->items * (a->n / 8.0 + row) +
                         a->chunks * 2.0 * fmin(a->items / a->chunks * a->own_spikes * row, rows),
                .atomics = sectors_added,
                .operations = a->items * ceil(n_lanes / 32.0) * walk(a, ranges, 200.0, psac_shape_group(n_lanes), 22.0),
                .resident = a->items / a->chunks * (a->n / 8.0 + row),
                .waits = 2.0 * a->chunks});
  count_apply(a, cost);
}

void psac_cost_count_gpu(const psac_amounts *amounts, psac_cost *cost) {
  count_retina(amounts, cost);
  count_middle(amounts, cost);
  count_readout(amounts, cost);
  count_learning(amounts, cost);
}
