#include "jobs/scaling/scaling_measure.h"

#include <malloc.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "partition/transport/transport_counted.h"
#include "src/plan/cost.h"
#include "src/plan/memory_plan.h"
#include "src/run/course.h"
#include "src/run/evaluation.h"

typedef struct measuring {
  const psac_measurement *measurement;
  psac_course course;
  psac_traffic told;  // outcomes that replicas exchange outside the transports
  psac_progress bar;
} measuring;

typedef struct memory {
  double host, device;  // bytes in use by this rank
} memory;

static int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }
static int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

psac_status psac_scaling_case_configure(const psac_config *base, const psac_scaling_case *what, int64_t repeat,
                                        int64_t n_train, psac_config *config) {
  char assignment[64];
  *config = *base;
  snprintf(assignment, sizeof assignment, "middle_layer.num_neurons=%lld", (long long)what->neurons);
  PSAC_TRY(psac_config_set(config, assignment));
  config->training.batch_size = what->batch;
  const int64_t n_images = n_train > 0 ? smaller(n_train, what->trials) : what->trials;
  config->training.num_epochs = (what->trials + n_images - 1) / n_images;
  if (what->kind == PSAC_STUDY_ACCURACY) config->simulation.seed += repeat;
  if (what->replicas > 1 && config->network.model == PSAC_MODEL_NOTEBOOK) {
    return psac_fail(PSAC_ERR_INPUT,
                     "%lld replicas cannot train network.model = notebook, whose weights change within a trial; use 1",
                     (long long)what->replicas);
  }
  return psac_config_check(config, (int)(what->ranks / larger(what->replicas, 1)));
}

static psac_status measure_memory(const psac_session *session, memory *used) {
  long pages = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  if (file && fscanf(file, "%*s %ld", &pages) != 1) pages = 0;
  if (file) fclose(file);
  *used = (memory){.host = (double)pages * (double)sysconf(_SC_PAGESIZE)};
  if (!psac_backend_can(session->backend, PSAC_CAP_DEVICE)) return PSAC_OK;
  psac_device device;
  PSAC_TRY(session->backend->device->device_open(session->device_index, &device));
  used->device = (double)(device.memory_total - device.memory_free);
  return PSAC_OK;
}

// Counts the outcomes that rank 0 of every replica receives from the other replicas.
static void count_told(measuring *on, int n) {
  const psac_session *session = on->measurement->session;
  if (session->replicas.n_ranks == 1 || session->transport.rank != 0) return;
  on->told.messages++;
  on->told.bytes_received +=
      (int64_t)(session->n_replicas - 1) * psac_network_share(session->network, n) * (int64_t)sizeof(psac_outcome);
}

// Presents n trials and learns from them; the progress bar has counted `shown` trials before. Collective.
static psac_status present(measuring *on, int64_t n, int64_t shown) {
  psac_session *session = on->measurement->session;
  psac_course *course = &on->course;
  int64_t correct = 0;
  for (int64_t done = 0; done < n; done += course->n) {
    PSAC_TRY(psac_course_present(course, n - done, NULL));
    psac_course_advance(course);
    count_told(on, course->n);
    for (int b = 0; session->transport.rank == 0 && b < course->n; b++) {
      correct += course->outcomes[b].judgement.reward > 0.0;
    }
    psac_progress_update(&on->bar, psac_study_kind_name(on->measurement->what.kind), shown + done + course->n,
                         "training", (double)correct / (double)(done + course->n));
  }
  return psac_network_settle(session->network);
}

// Fills the row with sums, means and maxima over ranks. Collective.
static psac_status collect(const psac_session *session, const memory *before, const psac_traffic *traffic,
                           psac_row *row) {
  const psac_ranks *ranks = session->ranks;
  memory now;
  PSAC_TRY(psac_ranks_agree(session->ranks, measure_memory(session, &now)));
  double largest[] = {row->seconds, row->build_s, now.host, now.host - before->host, now.device - before->device};
  PSAC_TRY(psac_ranks_max_f64(ranks, largest, 5));
  row->seconds = largest[0];
  row->build_s = largest[1];
  row->host_bytes = largest[2];
  row->network_bytes = largest[3];
  row->device_bytes = fmax(largest[4], 0.0);
  memcpy(row->stage_max_s, row->stage_mean_s, sizeof row->stage_max_s);
  PSAC_TRY(psac_ranks_max_f64(ranks, row->stage_max_s, PSAC_N_STAGES));
  PSAC_TRY(psac_ranks_sum_f64(ranks, row->stage_mean_s, PSAC_N_STAGES));
  for (int s = 0; s < PSAC_N_STAGES; s++) row->stage_mean_s[s] /= ranks->n_ranks;
  row->messages = traffic->messages;
  row->bytes_exchanged = (double)traffic->bytes_received;
  PSAC_TRY(psac_ranks_sum_f64(ranks, &row->bytes_exchanged, 1));
  row->nodes = ranks->node_rank == 0;
  return psac_ranks_sum_i64(ranks, &row->nodes, 1);
}

// Replaces the time that the dry run spent on simulating the exchange by its time on the modeled network. Scales the
// spikes of this rank and its trials to all ranks and the whole batch.
static void correct_dry_run(const psac_dry_run *dry_run, const psac_network *network, psac_row *row,
                            int64_t spikes[2]) {
  const psac_dry_run_time time = psac_dry_run_read(dry_run);
  const double exchange = fmax(row->stage_mean_s[PSAC_STAGE_EXCHANGE] - time.spent, 0.0) + time.modelled;
  row->seconds += exchange - row->stage_mean_s[PSAC_STAGE_EXCHANGE];
  row->stage_mean_s[PSAC_STAGE_EXCHANGE] = exchange;
  row->as_rank = dry_run->rank;
  int first, n_own;
  psac_network_own_trials(network, (int)row->batch, &first, &n_own);
  const double neurons = (double)network->layout.n_neurons / fmax((double)network->layout.n_local, 1.0);
  const double trials = (double)row->batch / fmax((double)n_own, 1.0);
  spikes[0] = (int64_t)((double)(spikes[0] + spikes[1]) * neurons * trials);
  spikes[1] = 0;
}

// Number of successive groups of concurrent trials in a replica's share of n trials.
static int64_t n_groups(const psac_row *row, int64_t n) {
  const int64_t share = (n + row->replicas - 1) / row->replicas;
  return (share + row->together - 1) / row->together;
}

static void derive(const psac_session *session, const int64_t spikes[2], psac_row *row) {
  const psac_config *config = &session->config;
  const double all = (double)spikes[0] + (double)spikes[1], trials = (double)row->trials;
  const int64_t groups = row->trials / row->batch * n_groups(row, row->batch) + n_groups(row, row->trials % row->batch);
  row->trials_per_s = trials / row->seconds;
  row->ms_per_step = 1e3 * row->seconds / ((double)groups * (double)row->steps);
  row->spikes_per_s = all / row->seconds;
  row->synaptic_events_per_s =
      config->network.model == PSAC_MODEL_PSAC ? row->spikes_per_s * (double)config->recurrence.in_degree : 0.0;
  row->rate_hz = all / (trials * (double)row->neurons * config->simulation.t_total * 1e-3);
}

// 0 for model notebook, which is planned for memory only.
static double predict_trials_per_s(const psac_measurement *measurement) {
  const psac_session *session = measurement->session;
  if (session->config.network.model == PSAC_MODEL_NOTEBOOK) return 0.0;
  const psac_conditions conditions = psac_conditions_default();
  psac_cost cost;
  psac_cost_estimate(&session->config, measurement->what.ranks, session->n_replicas, measurement->hardware, &conditions,
                     &cost);
  return cost.seconds > 0.0 ? (double)cost.batch / cost.seconds : 0.0;
}

static psac_row begin_row(const psac_measurement *measurement, int64_t repeat, double build_s) {
  const psac_session *session = measurement->session;
  const psac_network *network = session->network;
  psac_row row = {
      .neurons = measurement->what.neurons,
      .ranks = measurement->what.ranks,
      .as_rank = -1,
      .batch = measurement->what.batch,
      .replicas = session->n_replicas,
      .shards = session->transport.n_ranks,
      .together = network->n_concurrent,
      .trials = measurement->what.trials,
      .steps = network->shard.n_steps,
      .repeat = repeat,
      .seed = session->config.simulation.seed,
      .build_s = build_s,
      .accuracy = NAN,
      .planned_bytes = psac_session_plan(session).bytes,
      .planned_trials_per_s = predict_trials_per_s(measurement),
  };
  snprintf(row.kind, sizeof row.kind, "%s", psac_study_kind_name(measurement->what.kind));
  snprintf(row.backend, sizeof row.backend, "%s", session->backend->name);
  snprintf(row.transport, sizeof row.transport, "%s", session->transport.name);
  snprintf(row.images, sizeof row.images, "%s", measurement->synthetic ? "synthetic" : "read");
  snprintf(row.host, sizeof row.host, "%.31s", session->ranks->host);
  return row;
}

static void reset_counters(measuring *on) {
  const psac_measurement *measurement = on->measurement;
  const psac_session *session = measurement->session;
  on->told = (psac_traffic){0};
  psac_traffic_reset(&session->transport);
  if (session->n_replicas > 1) psac_traffic_reset(&session->replica_transport);
  if (measurement->dry_run) psac_dry_run_reset(measurement->dry_run);
}

// Traffic among shards and among replicas.
static psac_traffic read_traffic(const measuring *on) {
  const psac_session *session = on->measurement->session;
  psac_traffic all = psac_traffic_read(&session->transport);
  if (session->n_replicas == 1) return all;
  const psac_traffic replicas = psac_traffic_read(&session->replica_transport);
  all.messages += replicas.messages + on->told.messages;
  all.bytes_received += replicas.bytes_received + on->told.bytes_received;
  return all;
}

// Times row->trials trials and fills the row. Collective.
static psac_status measure_row(measuring *on, const memory *before, int64_t shown, psac_row *row) {
  const psac_measurement *measurement = on->measurement;
  psac_session *session = measurement->session;
  psac_network *network = session->network;
  int64_t spikes[2];
  // discards the spikes of the warm-up and synchronizes the ranks
  PSAC_TRY(psac_network_take_spikes(network, session->ranks, spikes));
  memset(network->stages.seconds, 0, sizeof network->stages.seconds);
  reset_counters(on);
  const double started = psac_clock_seconds();
  PSAC_TRY(present(on, row->trials, shown));
  row->seconds = psac_clock_seconds() - started;
  memcpy(row->stage_mean_s, network->stages.seconds, sizeof row->stage_mean_s);
  const psac_traffic traffic = read_traffic(on);
  PSAC_TRY(psac_network_take_spikes(network, session->ranks, spikes));
  if (measurement->dry_run) correct_dry_run(measurement->dry_run, network, row, spikes);
  PSAC_TRY(collect(session, before, &traffic, row));
  if (measurement->dry_run) row->nodes = (int64_t)ceil((double)row->ranks / measurement->hardware->ranks_per_node);
  derive(session, spikes, row);
  return PSAC_OK;
}

static psac_status test_accuracy(const psac_measurement *measurement, psac_row *row) {
  psac_session *session = measurement->session;
  const int64_t wanted = measurement->what.test_images;
  session->test.n = wanted > 0 ? smaller(wanted, measurement->n_test) : measurement->n_test;
  psac_evaluation evaluation;
  psac_recorder none = {0};
  const psac_status status = psac_evaluation_run(session, PSAC_PROGRESS_NONE, &none, &evaluation);
  row->accuracy = evaluation.accuracy;
  row->test_images = session->test.n;
  psac_evaluation_free(&evaluation);
  session->test.n = measurement->n_test;
  return status;
}

// Builds a network and measures the rows of repeats [first, end) on it. Collective.
static psac_status measure_network(measuring *on, int64_t first, int64_t end,
                                   psac_status (*keep)(void *self, const psac_row *row), void *self) {
  const psac_measurement *measurement = on->measurement;
  psac_session *session = measurement->session;
  const psac_scaling_case *what = &measurement->what;
  memory before;
  malloc_trim(0);  // else the network reuses freed memory of the last one, and its growth is underestimated
  PSAC_TRY(psac_ranks_agree(session->ranks, measure_memory(session, &before)));
  const double started = psac_clock_seconds();
  PSAC_TRY(psac_session_build_network(session));
  const double build_s = psac_clock_seconds() - started;
  if (measurement->dry_run) PSAC_TRY(psac_dry_run_attach(measurement->dry_run, session));
  psac_course_restart(&on->course);
  PSAC_TRY(present(on, what->warm_up, 0));
  for (int64_t repeat = first; repeat < end; repeat++) {
    psac_row row = begin_row(measurement, repeat, build_s);
    PSAC_TRY(measure_row(on, &before, what->warm_up + (repeat - first) * what->trials, &row));
    if (what->kind == PSAC_STUDY_ACCURACY) PSAC_TRY(test_accuracy(measurement, &row));
    psac_clock_utc(row.end_time);
    psac_progress_end(&on->bar);
    PSAC_TRY(keep(self, &row));
  }
  psac_network_destroy(&session->network);
  return PSAC_OK;
}

static psac_status measure_networks(measuring *on, psac_status (*keep)(void *self, const psac_row *row), void *self) {
  const psac_measurement *measurement = on->measurement;
  psac_session *session = measurement->session;
  const psac_scaling_case *what = &measurement->what;
  // All repeats of a speed measurement use one network; each repeat of an accuracy measurement builds a new one.
  const int64_t each = what->kind == PSAC_STUDY_ACCURACY ? 1 : what->repeats;
  for (int64_t first = what->first; first < what->first + what->repeats; first += each) {
    PSAC_TRY(psac_scaling_case_configure(measurement->base, what, first, measurement->n_train, &session->config));
    session->n_replicas = (int)what->replicas;
    if (!measurement->dry_run) {
      PSAC_TRY(psac_session_cut(session));
    } else {
      psac_course_restart(&on->course);
      psac_course_fill(&on->course, what->batch);
      PSAC_TRY(psac_dry_run_begin(measurement->dry_run, session, on->course.trials, on->course.n));
    }
    psac_progress_start(&on->bar, measurement->progress, what->warm_up + each * what->trials);
    const psac_status status = measure_network(on, first, first + each, keep, self);
    psac_progress_end(&on->bar);
    PSAC_TRY(status);
    if (measurement->dry_run) psac_dry_run_end(measurement->dry_run, session);
  }
  return PSAC_OK;
}

psac_status psac_measure(const psac_measurement *measurement, psac_status (*keep)(void *self, const psac_row *row),
                         void *self) {
  psac_session *session = measurement->session;
  const psac_scaling_case *what = &measurement->what;
  session->train.n = smaller(measurement->n_train, larger(what->trials, 1));
  const size_t batch = (size_t)larger(what->batch, 4096);  // model notebook presents n_concurrent trials
  measuring on = {.measurement = measurement};
  psac_status status = psac_course_start(&on.course, session, batch);
  status = psac_ranks_agree(session->ranks, status);
  if (status == PSAC_OK) status = measure_networks(&on, keep, self);
  session->train.n = measurement->n_train;
  psac_course_free(&on.course);
  return status;
}
