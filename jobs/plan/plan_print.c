// The answer of job `plan`, for people and for programs.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "plan/plan.h"

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

static void print_layout(const psac_plan_request *request, const psac_cost *cost) {
  char text[2][32];
  const psac_layout layout = psac_layout_make(cost->plan.n_neurons, cost->n_shards, 0);
  const int64_t n_large = layout.map.n_large, small = layout.map.large - PSAC_COLUMN;
  printf("%s neurons on %s rank%s of %s", grouped((double)cost->plan.n_neurons, text[0]), grouped((double)cost->n_ranks, text[1]),
         plural(cost->n_ranks), request->hardware.name);
  if (cost->n_replicas > 1) printf(": %lld shards x %lld replicas", (long long)cost->n_shards, (long long)cost->n_replicas);
  printf("\n\nLayout\n  neurons of a rank  %s", grouped((double)cost->plan.n_local, text[0]));
  if (n_large > 0 && n_large < cost->n_shards) {
    printf(" on %s, %s on the others", grouped((double)n_large, text[0]), grouped((double)small, text[1]));
  }
  printf("\n  spikes of a step   %s words of 64 neurons on each rank\n", grouped((double)cost->plan.n_words, text[0]));
  printf("  a batch            %lld trials; %lld on a rank, %d side by side\n", (long long)cost->batch,
         (long long)cost->batch_share, cost->plan.n_together);
}

static void print_fit(const psac_plan_request *request, const psac_cost *cost) {
  const psac_hardware *hardware = &request->hardware;
  const double needed = psac_cost_memory(cost, hardware);
  char text[32];
  const psac_config share = psac_plan_share(&request->config, cost->n_replicas);
  const int64_t largest = psac_plan_largest(&share, cost->n_shards, hardware->on_device, hardware->memory);
  const int fits = psac_cost_fits(cost, hardware);
  printf("  %s: %.3g of %.3g GB; ", fits ? "fits" : "DOES NOT FIT", 1e-9 * needed, 1e-9 * hardware->memory);
  printf("%s neurons would be the largest network here\n", grouped((double)largest, text));
  if (psac_plan_check(&share, &cost->plan) != PSAC_OK) printf("  CANNOT BE BUILT: %s\n", psac_fail_message());
  if (fits) return;
  const int64_t enough = psac_cost_ranks_to_fit(&share, cost->n_shards, RANKS_MAX, hardware);
  if (enough > 0) printf("  %s shards would hold it\n", grouped((double)enough, text));
  else printf("  no number of ranks holds it: gathered spikes and the index of synapses grow with the whole network\n");
}

static void print_memory(const psac_plan_request *request, const psac_cost *cost) {
  char text[32];
  printf("\nMemory of a rank                         bytes\n");
  for (int k = 0; k < cost->plan.n_items; k++) {
    printf("  %-28s %17s\n", cost->plan.item[k].name, grouped(cost->plan.item[k].bytes, text));
  }
  printf("  %-28s %17s\n", request->hardware.on_device ? "all of the device" : "all", grouped(cost->plan.bytes, text));
  printf("  %-28s %17s\n", "beside it, on the host", grouped(cost->plan.host_bytes, text));
  print_fit(request, cost);
}

static void print_stages(const psac_plan_request *request, const psac_cost *cost) {
  const double batch = (double)cost->batch;
  printf("\nTime, predicted           us per step   ms per trial   share\n");
  for (int s = 0; s < PSAC_N_STAGES; s++) {
    if (s == PSAC_STAGE_STATISTICS) continue;  // not in training
    printf("  %-22s %12.4g   %12.4g   %4.0f %%\n", psac_stage_name((psac_stage)s), 1e6 * cost->stage[s] / cost->steps,
           1e3 * cost->stage[s] / batch, 100.0 * cost->stage[s] / cost->seconds);
  }
  printf("  %-22s %12.4g   %12.4g\n", "all", 1e6 * cost->seconds / cost->steps, 1e3 * psac_cost_trial(cost));
  printf("  %-22s %12.4g   %12.4g\n", "floor", 1e6 * cost->floor / cost->steps, 1e3 * cost->floor / batch);
  const psac_cost_part dominant = psac_cost_dominant(cost->part);
  printf("  a step is of all trials side by side; most of the time, %.0f %%, is %s\n",
         100.0 * cost->part[dominant] / cost->seconds, psac_cost_part_name(dominant));
  const double images = epoch_images(&request->config), epoch = images * psac_cost_trial(cost);
  const char *unit = epoch < 120.0 ? "s" : epoch < 7200.0 ? "min" : "h";
  char text[32];
  printf("  %.4g trials/s; an epoch of %s images in %.4g %s\n", batch / cost->seconds, grouped(images, text),
         epoch / (epoch < 120.0 ? 1.0 : epoch < 7200.0 ? 60.0 : 3600.0), unit);
}

static const char *mostly(const double part[PSAC_N_COST_PARTS]) {
  return psac_cost_part_name(psac_cost_dominant(part));
}

static void print_items(const psac_cost *cost) {
  printf("\nIn a step                  calls    bytes moved  / least   instructions   floor us   expected us  mostly\n");
  for (int k = 0; k < cost->n_items; k++) {
    const psac_cost_item *item = &cost->item[k];
    printf("  %-22s %8.3g   %12.4g   %6.3g   %12.4g   %8.3g   %11.4g  %s\n", item->name, item->calls / cost->steps,
           item->bytes / cost->steps, item->least > 0.0 ? item->bytes / item->least : 1.0, item->operations / cost->steps,
           1e6 * item->floor / cost->steps, 1e6 * item->seconds / cost->steps, mostly(item->part));
  }
}

static void print_advice(const psac_plan_request *request, const psac_cost *cost) {
  psac_advice advice[PSAC_ADVICE_MAX];
  const int n = psac_plan_advise(request, cost, advice);
  printf("\nWhat would help\n");
  for (int k = 0; k < n; k++) {
    printf("  %5.2f x  %s%s%s%s\n", advice[k].gain, advice[k].change, advice[k].note[0] ? " (" : "", advice[k].note,
           advice[k].note[0] ? ")" : "");
  }
  if (n == 0) printf("  nothing that was tried makes a difference and fits\n");
}

void psac_plan_print_text(const psac_plan_request *request, const psac_cost *cost) {
  print_layout(request, cost);
  print_memory(request, cost);
  if (cost->n_items == 0) {
    printf("\nThe time of model seed is not modelled.\n");
    return;
  }
  print_stages(request, cost);
  print_items(cost);
  print_advice(request, cost);
}

static void row(const char *section, const char *name, const char *quantity, double value) {
  printf("%s,\"%s\",%s,%.9g\n", section, name, quantity, value);
}

static void print_csv_memory(const psac_plan_request *request, const psac_cost *cost) {
  row("layout", "", "neurons", (double)cost->plan.n_neurons);
  row("layout", "", "ranks", (double)cost->n_ranks);
  row("layout", "", "replicas", (double)cost->n_replicas);
  row("layout", "", "neurons_per_rank", (double)cost->plan.n_local);
  row("layout", "", "words_per_rank", (double)cost->plan.n_words);
  row("layout", "", "trials_side_by_side", cost->plan.n_together);
  row("layout", "", "trials_per_step", (double)cost->batch_share / cost->chunks);
  for (int k = 0; k < cost->plan.n_items; k++) row("memory", cost->plan.item[k].name, "bytes", cost->plan.item[k].bytes);
  row("memory", "all", "bytes", cost->plan.bytes);
  row("memory", "host", "bytes", cost->plan.host_bytes);
  row("memory", "all", "fits", psac_cost_fits(cost, &request->hardware));
}

void psac_plan_print_csv(const psac_plan_request *request, const psac_cost *cost) {
  const double batch = (double)cost->batch;
  printf("section,name,quantity,value\n");
  print_csv_memory(request, cost);
  if (cost->n_items == 0) return;
  for (int s = 0; s < PSAC_N_STAGES; s++) row("stage", psac_stage_name((psac_stage)s), "seconds_per_trial", cost->stage[s] / batch);
  for (int p = 0; p < PSAC_N_COST_PARTS; p++) {
    row("part", psac_cost_part_name((psac_cost_part)p), "seconds_per_trial", cost->part[p] / batch);
  }
  for (int k = 0; k < cost->n_items; k++) {
    const psac_cost_item *item = &cost->item[k];
    const char *section = item->is_message ? "message" : "kernel";
    row(section, item->name, "calls_per_step", item->calls / cost->steps);
    row(section, item->name, "bytes_per_step", item->bytes / cost->steps);
    row(section, item->name, "least_bytes_per_step", item->least / cost->steps);
    row(section, item->name, "operations_per_step", item->operations / cost->steps);
    row(section, item->name, "floor_seconds_per_step", item->floor / cost->steps);
    row(section, item->name, "seconds_per_step", item->seconds / cost->steps);
    printf("%s,\"%s\",mostly,%s\n", section, item->name, mostly(item->part));
  }
  printf("total,\"\",mostly,%s\n", mostly(cost->part));
  row("total", "", "floor_seconds_per_trial", cost->floor / batch);
  row("total", "", "seconds_per_trial", psac_cost_trial(cost));
  row("total", "", "seconds_per_epoch", epoch_images(&request->config) * psac_cost_trial(cost));
}
