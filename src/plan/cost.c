#include "src/plan/cost.h"

#include <math.h>
#include <string.h>

#include "src/plan/cost_amounts.h"
#include "src/plan/cost_count.h"

psac_conditions psac_conditions_default(void) {
  return (psac_conditions){.rate_exc = 12.7, .rate_inh = 31.6, .rate_output = 74.0};
}

// The machine's factors of a stage: time spent / time counted, for work and for memory behind the cache.
static void find_factors(const psac_hardware *hardware, psac_stage stage, double *work, double *memory) {
  const double works[] = {[PSAC_STAGE_RETINA] = hardware->retina_work,
                          [PSAC_STAGE_MIDDLE] = hardware->middle_work,
                          [PSAC_STAGE_READOUT] = hardware->readout_work,
                          [PSAC_STAGE_LEARNING] = hardware->learning_work};
  const double memories[] = {[PSAC_STAGE_RETINA] = hardware->retina_memory,
                             [PSAC_STAGE_MIDDLE] = hardware->middle_memory,
                             [PSAC_STAGE_READOUT] = hardware->readout_memory,
                             [PSAC_STAGE_LEARNING] = hardware->learning_memory};
  *work = works[stage];
  *memory = memories[stage];
}

// Launches run ahead of the device unless it is faster than they are; only the middle layer's are recorded in a graph.
static void time_kernel(const psac_hardware *hardware, int with_graph, psac_cost_item *item) {
  double work, memory;
  find_factors(hardware, item->stage, &work, &memory);
  const double hit = item->resident > 0.0 ? fmin(1.0, hardware->cache / item->resident) : 1.0;
  const double missed = item->bytes * (1.0 - hit) / hardware->bandwidth;
  const double cached = ((item->bytes - item->scattered) * hit + item->again) / hardware->cache_bandwidth;
  double *part = item->part;
  part[PSAC_PART_OPERATIONS] = work * item->operations / hardware->operations;
  part[PSAC_PART_CACHE] = work * cached;
  part[PSAC_PART_MEMORY] = memory * missed;
  part[PSAC_PART_ATOMICS] = work * item->atomics / hardware->atomics;
  part[PSAC_PART_STEPS] = item->steps_in_turn * hardware->dependent_step + item->seconds_in_turn;
  part[PSAC_PART_HOST] = item->waits * hardware->host_wait + item->host_trials * hardware->host_trial;
  double busy = 0.0;
  for (int p = 0; p < PSAC_PART_HOST; p++) busy += part[p];
  const int recorded = with_graph && item->stage == PSAC_STAGE_MIDDLE;
  const double launch = item->calls * hardware->launch, between = item->calls * hardware->launch_in_graph;
  part[PSAC_PART_LAUNCH] = recorded ? between : fmax(between, launch - busy);
  const double moved = fmin(1.0, memory) * missed + fmin(1.0, work) * cached;
  item->floor = moved + (recorded ? between : fmax(between, launch - moved));
}

// One message of n_bytes among ranks on `nodes` nodes, of which `hidden` seconds pass beside other work.
static void add_message(const psac_hardware *hardware, int through_mpi, psac_cost_item item, double ranks, double nodes,
                        double hidden, psac_cost *cost) {
  if (ranks <= 1.0 || item.calls <= 0.0) return;
  const int nccl = hardware->on_device && !through_mpi;
  const double n_bytes = item.bytes / item.calls;
  const double within = n_bytes / (nccl ? hardware->nccl_bandwidth : hardware->mpi_bandwidth);
  const double between =
      nodes > 1.0 ? n_bytes / (nccl ? hardware->nccl_bandwidth_nodes : hardware->mpi_bandwidth_nodes) : 0.0;
  const double over_nodes = nodes > 1.0 ? nodes * hardware->mpi_per_node : 0.0;
  double latency = nccl ? fmax(hardware->nccl_base + ranks * hardware->nccl_per_rank, hardware->launch)
                        : hardware->mpi_base + ranks * hardware->mpi_per_rank + over_nodes;
  double links = fmax(within, between);
  if (hardware->on_device && through_mpi) {
    latency += 3.0 * hardware->host_wait;
    links += 2.0 * n_bytes / hardware->staging_bandwidth;
  }
  const double exposed = nccl ? fmax(0.0, 1.0 - hidden / (latency + links)) : 1.0;
  item.is_message = 1;
  item.stage = PSAC_STAGE_EXCHANGE;
  item.least = item.bytes;
  item.floor = item.calls * (latency + links) * exposed;
  item.part[PSAC_PART_LATENCY] = item.calls * latency * exposed;
  item.part[PSAC_PART_LINKS] = item.calls * links * exposed;
  psac_cost_add(cost, item);
}

// What the device does in a step while the spikes of the step before are still on their way.
static double hidden_per_step(const psac_cost *cost) {
  for (int k = 0; k < cost->n_items; k++) {
    const psac_cost_item *item = &cost->item[k];
    if (strcmp(item->name, "retina_currents") != 0) continue;
    double seconds = 0.0;
    for (int p = 0; p < PSAC_N_COST_PARTS; p++) seconds += item->part[p];
    return seconds / item->calls;
  }
  return 0.0;
}

static void count_messages(const psac_amounts *a, const psac_hardware *hardware, int through_mpi, psac_cost *cost) {
  const double others = (a->shards - 1.0) / a->shards, nodes = ceil(a->shards / hardware->ranks_per_node);
  const double gathers = a->in_degree > 0.0 ? a->chunks * floor(a->steps / a->delay) : 0.0;
  const double block_drives = 8.0 * a->columns * a->together * a->block, retina = 8.0 * a->retina_words * a->steps;
  const psac_cost_item shard[] = {
      {.name = "gather retina spikes", .calls = a->chunks, .bytes = others * retina * a->retina_trials * a->shards},
      {.name = "gather middle spikes",
       .calls = gathers,
       .bytes = others * gathers * a->delay * a->together * a->slots / 8.0},
      {.name = "reduce drives", .calls = a->chunks * a->blocks, .bytes = a->chunks * a->blocks * block_drives},
      {.name = "broadcast factors",
       .calls = a->chunks,
       .bytes = a->trials * (8.0 * a->steps + sizeof(psac_third_factor))},
      {.name = "once per batch", .calls = 2.0, .bytes = sizeof(psac_batch_factor) + 8.0},
  };
  const double hidden = hidden_per_step(cost);
  for (size_t k = 0; k < sizeof shard / sizeof *shard; k++) {
    add_message(hardware, through_mpi, shard[k], a->shards, nodes, k == 1 ? hidden : 0.0, cost);
  }
  const double replicas = (double)cost->n_replicas, all_nodes = ceil((double)cost->n_ranks / hardware->ranks_per_node);
  const psac_cost_item sum = {.name = "sum eligibility",
                              .calls = 1.0,
                              .bytes = 2.0 * (replicas - 1.0) / replicas * 4.0 * a->eligibility_columns * a->n};
  add_message(hardware, through_mpi, sum, replicas, fmin(replicas, all_nodes), 0.0, cost);
}

static void add_up(psac_cost *cost) {
  for (int k = 0; k < cost->n_items; k++) {
    psac_cost_item *item = &cost->item[k];
    for (int p = 0; p < PSAC_N_COST_PARTS; p++) {
      item->seconds += item->part[p];
      cost->part[p] += item->part[p];
    }
    cost->stage[item->stage] += item->seconds;
    cost->seconds += item->seconds;
    cost->floor += item->floor;
  }
}

void psac_cost_estimate(const psac_config *config, int64_t n_ranks, int64_t n_replicas, const psac_hardware *hardware,
                        const psac_conditions *conditions, psac_cost *cost) {
  const psac_conditions usual = psac_conditions_default();
  if (!conditions) conditions = &usual;
  *cost = (psac_cost){.n_ranks = n_ranks, .n_shards = n_ranks / n_replicas, .n_replicas = n_replicas};
  const psac_config share = psac_plan_share(config, n_replicas);
  cost->batch = config->training.batch_size;
  cost->batch_share = share.training.batch_size;
  cost->plan = psac_plan_make(&share, cost->n_shards, hardware->on_device);
  cost->chunks = ceil((double)cost->batch_share / cost->plan.sizes.n_concurrent);
  cost->steps = cost->chunks * (double)psac_config_n_steps(config);
  if (config->network.model != PSAC_MODEL_PSAC) return;
  const psac_amounts amounts = psac_cost_amounts(config, hardware, conditions, cost);
  if (hardware->on_device) psac_cost_count_gpu(&amounts, cost);
  else psac_cost_count_cpu(&amounts, cost);
  const int with_graph = config->simulation.cuda_graph && !conditions->through_mpi;
  for (int k = 0; k < cost->n_items; k++) time_kernel(hardware, with_graph, &cost->item[k]);
  count_messages(&amounts, hardware, conditions->through_mpi, cost);
  add_up(cost);
}

double psac_cost_trial(const psac_cost *cost) { return cost->seconds / (double)cost->batch; }

double psac_cost_memory(const psac_cost *cost, const psac_hardware *hardware) {
  return cost->plan.bytes + (hardware->on_device ? 0.0 : cost->plan.host_bytes);
}

int psac_cost_fits(const psac_cost *cost, const psac_hardware *hardware) {
  return psac_cost_memory(cost, hardware) <= psac_hardware_memory(hardware, cost->n_ranks);
}

int64_t psac_cost_best_replicas(const psac_config *config, int64_t n_ranks, const psac_hardware *hardware,
                                const psac_conditions *conditions) {
  int64_t best = 1;
  psac_cost least, tried;
  psac_cost_estimate(config, n_ranks, 1, hardware, conditions, &least);
  for (int64_t r = 2; r <= n_ranks && r <= config->training.batch_size; r++) {
    if (n_ranks % r != 0) continue;
    psac_cost_estimate(config, n_ranks, r, hardware, conditions, &tried);
    const int fits = psac_cost_fits(&tried, hardware), fitted = psac_cost_fits(&least, hardware);
    const int better = fits && fitted   ? tried.seconds < least.seconds
                       : fits || fitted ? fits
                                        : psac_cost_memory(&tried, hardware) < psac_cost_memory(&least, hardware);
    if (!better) continue;
    least = tried;
    best = r;
  }
  return best;
}

static int fits_on(const psac_config *config, int64_t n_ranks, const psac_hardware *hardware) {
  const psac_plan plan = psac_plan_make(config, n_ranks, hardware->on_device);
  const double needed = plan.bytes + (hardware->on_device ? 0.0 : plan.host_bytes);
  return needed <= psac_hardware_memory(hardware, n_ranks) && psac_sizes_check(config, &plan.sizes) == PSAC_OK;
}

int64_t psac_cost_ranks_to_fit(const psac_config *config, int64_t n_ranks, int64_t most,
                               const psac_hardware *hardware) {
  int64_t too_few = n_ranks - 1, enough = n_ranks;
  while (enough < most && !fits_on(config, enough, hardware)) {
    too_few = enough;
    enough = enough <= most / 2 ? 2 * enough : most;
  }
  if (!fits_on(config, enough, hardware)) return 0;
  while (enough - too_few > 1) {
    const int64_t middle = too_few + (enough - too_few) / 2;
    if (fits_on(config, middle, hardware)) enough = middle;
    else too_few = middle;
  }
  return enough;
}

psac_cost_part psac_cost_dominant(const double part[PSAC_N_COST_PARTS]) {
  int largest = 0;
  for (int p = 1; p < PSAC_N_COST_PARTS; p++) {
    if (part[p] > part[largest]) largest = p;
  }
  return (psac_cost_part)largest;
}

const char *psac_cost_part_name(psac_cost_part part) {
  static const char *const name[PSAC_N_COST_PARTS] = {
#define X(member, text) text,
      PSAC_COST_PART_LIST(X)
#undef X
  };
  return name[part];
}
