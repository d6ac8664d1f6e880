// Prints the result of job `plan`, as text and as CSV.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "jobs/plan/plan.h"
#include "jobs/wrapped.h"

enum { MNIST_IMAGES = 60000, RANKS_MAX = 10000000 };

// 1234567.8 -> "1,234,568"
static const char *grouped(double value, char text[32]) {
  char digits[32];
  snprintf(digits, sizeof digits, "%.0f", value);
  size_t n = strlen(digits), k = 0;
  for (size_t i = 0; i < n && k + 2 < 32; i++) {
    text[k++] = digits[i];
    if (i + 1 < n && (n - i - 1) % 3 == 0 && digits[i] != '-') text[k++] = ',';
  }
  text[k] = '\0';
  return text;
}

static const char *plural(int64_t n) { return n == 1 ? "" : "s"; }

static double epoch_images(const psac_config *config) {
  return config->training.max_images > 0 ? (double)config->training.max_images : (double)MNIST_IMAGES;
}

// Three significant digits; from 1000 on, an integer with thousands separators.
static const char *three_digits(double value, char text[32]) {
  if (value >= 1000.0) return grouped(value, text);
  snprintf(text, 32, "%.3g", value);
  return text;
}

static psac_config share_of(const psac_plan_request *request, const psac_cost *cost) {
  return psac_plan_share(&request->config, cost->n_replicas);
}

static void print_fit(const psac_plan_request *request, const psac_cost *cost) {
  const psac_hardware *hardware = &request->hardware;
  const psac_config share = share_of(request, cost);
  const double available = psac_hardware_memory(hardware, cost->n_ranks);
  const int64_t largest = psac_plan_largest(&share, cost->n_shards, hardware->on_device, available);
  char text[3][32];
  const char *verdict = psac_sizes_check(&share, &cost->plan.sizes) != PSAC_OK ? "CANNOT BE BUILT"
                        : psac_cost_fits(cost, hardware)                       ? "fits"
                                                                               : "DOES NOT FIT";
  psac_print_wrapped(2, "%s: %s of %s GB on each rank; up to %s neurons would fit", verdict,
                     three_digits(1e-9 * psac_cost_memory(cost, hardware), text[0]),
                     three_digits(1e-9 * available, text[1]), grouped((double)largest, text[2]));
}

static void print_speed(const psac_plan_request *request, const psac_cost *cost) {
  const double images = epoch_images(&request->config);
  char text[3][32];
  if (cost->n_items == 0) {
    printf("the speed of model notebook is not modelled\n");
    return;
  }
  psac_print_wrapped(2, "%s trials/s; an epoch of %s images in %s minutes",
                     three_digits(1.0 / psac_cost_trial(cost), text[0]), grouped(images, text[1]),
                     three_digits(images * psac_cost_trial(cost) / 60.0, text[2]));
}

// Prints what to change if the job does not fit.
static void print_remedy(const psac_plan_request *request, const psac_cost *cost) {
  const psac_config share = share_of(request, cost);
  if (psac_sizes_check(&share, &cost->plan.sizes) != PSAC_OK) psac_print_wrapped(2, "%s", psac_fail_message());
  if (psac_cost_fits(cost, &request->hardware)) return;
  psac_hardware full = request->hardware;
  full.memory = psac_hardware_memory(&full, RANKS_MAX);  // fully occupied nodes
  full.node_memory = 0.0;
  const int64_t enough = psac_cost_ranks_to_fit(&share, cost->n_shards, RANKS_MAX, &full);
  char text[32];
  if (enough > 0) {
    printf("%s shards would hold it\n", grouped((double)enough, text));
  } else {
    psac_print_wrapped(2,
                       "no number of ranks holds it: gathered spikes and the index of synapses grow with the whole "
                       "network");
  }
}

static void print_job(const psac_plan_request *request, const psac_cost *cost) {
  char text[2][32], replicas[64] = "";
  if (cost->n_replicas > 1) {
    snprintf(replicas, sizeof replicas, ": %lld shards x %lld replicas", (long long)cost->n_shards,
             (long long)cost->n_replicas);
  }
  psac_print_wrapped(2, "%s neurons on %s rank%s of %s%s", grouped((double)cost->plan.sizes.n_neurons, text[0]),
                     grouped((double)cost->n_ranks, text[1]), plural(cost->n_ranks), request->hardware.name, replicas);
}

static void print_layout(const psac_cost *cost) {
  char text[2][32];
  const psac_layout layout = psac_layout_make(cost->plan.sizes.n_neurons, cost->n_shards, 0);
  const int64_t n_large = layout.map.n_large, small = layout.map.large - PSAC_MINICOLUMN;
  printf("\nLayout\n  neurons of a rank  %s", grouped((double)cost->plan.sizes.n_local, text[0]));
  if (n_large > 0 && n_large < cost->n_shards) {
    printf(" on %s, %s on the others", grouped((double)n_large, text[0]), grouped((double)small, text[1]));
  }
  printf("\n  spikes of a step   %s words of 64 neurons on each rank\n",
         grouped((double)cost->plan.sizes.n_words, text[0]));
  printf("  a batch            %lld trial%s; %lld on a rank, %d concurrent\n", (long long)cost->batch,
         plural(cost->batch), (long long)cost->batch_share, cost->plan.sizes.n_concurrent);
}

static void print_memory(const psac_plan_request *request, const psac_cost *cost) {
  char text[32];
  printf("\nMemory of a rank                         bytes\n");
  for (int k = 0; k < cost->plan.n_items; k++) {
    printf("  %-28s %17s\n", cost->plan.item[k].name, grouped(cost->plan.item[k].bytes, text));
  }
  printf("  %-28s %17s\n", request->hardware.on_device ? "all of the device" : "all", grouped(cost->plan.bytes, text));
  for (int k = 0; k < cost->plan.n_host_items; k++) {
    printf("  %-28s %17s\n", cost->plan.host_item[k].name, grouped(cost->plan.host_item[k].bytes, text));
  }
  printf("  %-28s %17s\n", "beside it, on the host", grouped(cost->plan.host_bytes, text));
}

static const char *mostly(const double part[PSAC_N_COST_PARTS]) {
  return psac_cost_part_name(psac_cost_dominant(part));
}

static void print_stages(const psac_cost *cost) {
  const double batch = (double)cost->batch;
  printf("\nTime, predicted           us per step   ms per trial   fraction\n");
  for (int s = 0; s < PSAC_N_STAGES; s++) {
    if (s == PSAC_STAGE_STATISTICS) continue;  // not in training
    printf("  %-22s %12.4g   %12.4g   %6.0f %%\n", psac_stage_name((psac_stage)s), 1e6 * cost->stage[s] / cost->steps,
           1e3 * cost->stage[s] / batch, 100.0 * cost->stage[s] / cost->seconds);
  }
  printf("  %-22s %12.4g   %12.4g\n", "all", 1e6 * cost->seconds / cost->steps, 1e3 * psac_cost_trial(cost));
  printf("  %-22s %12.4g   %12.4g\n", "floor", 1e6 * cost->floor / cost->steps, 1e3 * cost->floor / batch);
  const double most = 100.0 * cost->part[psac_cost_dominant(cost->part)] / cost->seconds;
  psac_print_wrapped(0, "A step is of all concurrent trials. Most of the time, %.0f %%, is %s.", most,
                     mostly(cost->part));
}

static void print_items(const psac_cost *cost) {
  printf("\nIn a step                   calls    bytes floor us      us mostly\n");
  for (int k = 0; k < cost->n_items; k++) {
    const psac_cost_item *item = &cost->item[k];
    printf(" %-24s %7.2g %8.3g %8.3g %7.3g %s\n", item->name, item->calls / cost->steps, item->bytes / cost->steps,
           1e6 * item->floor / cost->steps, 1e6 * item->seconds / cost->steps, mostly(item->part));
  }
}

static void print_advice(const psac_plan_request *request, const psac_cost *cost) {
  psac_advice advice[PSAC_ADVICE_MAX];
  const int n = psac_plan_advise(request, cost, advice);
  printf("\nWhat would help\n");
  for (int k = 0; k < n; k++) {
    const char *note = advice[k].note;
    printf("  %5.2f x  ", advice[k].gain);
    psac_print_wrapped(11, "%s%s%s%s", advice[k].change, note[0] ? " (" : "", note, note[0] ? ")" : "");
  }
  if (n == 0) printf("  nothing that was tried makes a difference and fits\n");
}

void psac_plan_print_text(const psac_plan_request *request, const psac_cost *cost, int verbose) {
  print_fit(request, cost);
  print_speed(request, cost);
  print_remedy(request, cost);
  print_job(request, cost);
  print_layout(cost);
  print_memory(request, cost);
  if (cost->n_items == 0) return;
  print_stages(cost);
  if (verbose) print_items(cost);
  print_advice(request, cost);
}

static void row(const char *section, const char *name, const char *quantity, double value) {
  printf("%s,\"%s\",%s,%.9g\n", section, name, quantity, value);
}

static void print_csv_memory(const psac_plan_request *request, const psac_cost *cost) {
  row("layout", "", "neurons", (double)cost->plan.sizes.n_neurons);
  row("layout", "", "ranks", (double)cost->n_ranks);
  row("layout", "", "replicas", (double)cost->n_replicas);
  row("layout", "", "neurons_per_rank", (double)cost->plan.sizes.n_local);
  row("layout", "", "words_per_rank", (double)cost->plan.sizes.n_words);
  row("layout", "", "concurrent_trials", cost->plan.sizes.n_concurrent);
  row("layout", "", "trials_per_step", (double)cost->batch_share / cost->chunks);
  for (int k = 0; k < cost->plan.n_items; k++)
    row("memory", cost->plan.item[k].name, "bytes", cost->plan.item[k].bytes);
  row("memory", "all", "bytes", cost->plan.bytes);
  row("memory", "host", "bytes", cost->plan.host_bytes);
  row("memory", "available", "bytes", psac_hardware_memory(&request->hardware, cost->n_ranks));
  row("memory", "all", "fits", psac_cost_fits(cost, &request->hardware));
}

void psac_plan_print_csv(const psac_plan_request *request, const psac_cost *cost) {
  const double batch = (double)cost->batch;
  printf("section,name,quantity,value\n");
  print_csv_memory(request, cost);
  if (cost->n_items == 0) return;
  for (int s = 0; s < PSAC_N_STAGES; s++)
    row("stage", psac_stage_name((psac_stage)s), "seconds_per_trial", cost->stage[s] / batch);
  for (int p = 0; p < PSAC_N_COST_PARTS; p++) {
    row("part", psac_cost_part_name((psac_cost_part)p), "seconds_per_trial", cost->part[p] / batch);
  }
  for (int k = 0; k < cost->n_items; k++) {
    const psac_cost_item *item = &cost->item[k];
    const char *section = item->is_message ? "message" : "kernel";
    row(section, item->name, "calls_per_step", item->calls / cost->steps);
    row(section, item->name, "bytes_per_step", item->bytes / cost->steps);
    row(section, item->name, "additions_per_step", item->additions / cost->steps);
    row(section, item->name, "lookups_per_step", item->lookups / cost->steps);
    row(section, item->name, "floor_seconds_per_step", item->floor / cost->steps);
    row(section, item->name, "seconds_per_step", item->seconds / cost->steps);
    printf("%s,\"%s\",mostly,%s\n", section, item->name, mostly(item->part));
  }
  printf("total,\"\",mostly,%s\n", mostly(cost->part));
  row("total", "", "floor_seconds_per_trial", cost->floor / batch);
  row("total", "", "seconds_per_trial", psac_cost_trial(cost));
  row("total", "", "seconds_per_epoch", epoch_images(&request->config) * psac_cost_trial(cost));
}
