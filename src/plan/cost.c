#include "src/plan/cost.h"

#include <math.h>

#include "src/plan/cost_stages.h"

psac_conditions psac_conditions_default(void) {
  return (psac_conditions){.rate_exc = 12.7, .rate_inh = 31.6, .rate_output = 74.0};
}

// Launches overlap the device's work, so that only the time by which they exceed it counts. Only the middle layer's are
// recorded in a CUDA graph.
static void time_kernel(const psac_hardware *hardware, int with_graph, psac_cost_item *item) {
  const double factors[] = {[PSAC_STAGE_RETINA] = hardware->retina_factor,
                            [PSAC_STAGE_MIDDLE] = hardware->middle_factor,
                            [PSAC_STAGE_READOUT] = hardware->readout_factor,
                            [PSAC_STAGE_LEARNING] = hardware->learning_factor};
  const double factor = factors[item->stage];
  double *part = item->part;
  part[PSAC_PART_MEMORY] = factor * item->bytes / hardware->bandwidth;
  part[PSAC_PART_SPIKES] = factor * (item->additions / hardware->additions + item->lookups / hardware->lookups);
  part[PSAC_PART_STEPS] = item->sequential;
  part[PSAC_PART_HOST] = item->waits * hardware->host_wait + item->host_trials * hardware->host_trial;
  const double busy = part[PSAC_PART_MEMORY] + part[PSAC_PART_SPIKES] + part[PSAC_PART_STEPS];
  const int recorded = with_graph && item->stage == PSAC_STAGE_MIDDLE;
  const double launch = item->calls * hardware->launch, between = item->calls * hardware->launch_in_graph;
  part[PSAC_PART_LAUNCH] = recorded ? between : fmax(between, launch - busy);
  const double moved = fmin(1.0, factor) * item->bytes / hardware->bandwidth;
  item->floor = moved + (recorded ? between : fmax(between, launch - moved));
}

// `hidden` seconds of each call overlap other work; none with MPI, which blocks the host.
static void time_message(const psac_hardware *hardware, int through_mpi, double hidden, psac_cost_item *item) {
  const int nccl = hardware->on_device && !through_mpi;
  const double n_bytes = item->bytes / item->calls, ranks = item->ranks, nodes = item->nodes;
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
  item->floor = item->calls * (latency + links) * exposed;
  item->part[PSAC_PART_LATENCY] = item->calls * latency * exposed;
  item->part[PSAC_PART_LINKS] = item->calls * links * exposed;
}

static void time_items(const psac_hardware *hardware, int with_graph, int through_mpi, psac_cost *cost) {
  double hidden = 0.0;  // s per call
  for (int k = 0; k < cost->n_items; k++) {
    psac_cost_item *item = &cost->item[k];
    if (item->is_message) time_message(hardware, through_mpi, item->hidden ? hidden : 0.0, item);
    else time_kernel(hardware, with_graph, item);
    if (item->hides) hidden = (item->part[PSAC_PART_LAUNCH] + item->part[PSAC_PART_MEMORY]) / item->calls;
  }
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
  cost->can_be_built = psac_sizes_check(&share, &cost->plan.sizes) == PSAC_OK;
  cost->chunks = ceil((double)cost->batch_share / cost->plan.sizes.n_concurrent);
  cost->steps = cost->chunks * (double)psac_config_n_steps(config);
  if (config->network.model != PSAC_MODEL_PSAC) return;
  psac_cost_count(config, hardware, conditions, cost);
  const int with_graph = config->simulation.cuda_graph && !conditions->through_mpi;
  time_items(hardware, with_graph, conditions->through_mpi, cost);
  add_up(cost);
}

double psac_cost_trial(const psac_cost *cost) { return cost->seconds / (double)cost->batch; }

double psac_cost_memory(const psac_cost *cost, const psac_hardware *hardware) {
  return psac_plan_needed(&cost->plan, hardware->on_device);
}

int psac_cost_fits(const psac_cost *cost, const psac_hardware *hardware) {
  return cost->can_be_built && psac_cost_memory(cost, hardware) <= psac_hardware_memory(hardware, cost->n_ranks);
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
  return psac_plan_needed(&plan, hardware->on_device) <= psac_hardware_memory(hardware, n_ranks) &&
         psac_sizes_check(config, &plan.sizes) == PSAC_OK;
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
