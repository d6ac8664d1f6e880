// Measures speed, memory and accuracy against network size and ranks.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "jobs/jobs.h"
#include "jobs/options.h"
#include "jobs/scaling/scaling_cases.h"
#include "jobs/scaling/scaling_measure.h"
#include "jobs/scaling/scaling_table.h"

enum { SYNTHETIC_IMAGES = 64 };

typedef struct scaling {
  const psac_options *options;
  psac_session session;
  psac_scaling_cases cases;
  psac_table table;
  psac_dry_run dry_run;
  psac_hardware hardware;
  int synthetic;
} scaling;

// Chooses the hardware profile for predictions and for the network of a dry run: by default that of this kind of
// machine.
static psac_status choose_hardware(scaling *job) {
  const psac_session *session = &job->session;
  const char *kind = psac_backend_can(session->backend, PSAC_CAP_DEVICE) ? "h100" : "cpu",
             *asked = job->options->hardware;
  psac_status status = PSAC_OK;
  if (session->ranks->rank == 0) status = psac_hardware_find(asked ? asked : kind, &job->hardware);
  PSAC_TRY(psac_ranks_agree(session->ranks, status));
  PSAC_TRY(psac_ranks_broadcast(session->ranks, &job->hardware, sizeof job->hardware));
  job->dry_run =
      (psac_dry_run){.rank = (int)job->cases.as_rank, .n_ranks = (int)job->cases.n_ranks, .hardware = job->hardware};
  return PSAC_OK;
}

// ---- images

// Draws random strokes, so that speed can be measured without digits.
static void draw_image(uint8_t *image, int height, int width, uint32_t number, uint64_t seed) {
  const psac_rng_key key = psac_rng_stream_key(seed, PSAC_STREAM_SYNTHETIC);
  int y = height / 2, x = width / 2;
  memset(image, 0, (size_t)height * (size_t)width);
  for (uint32_t k = 0; k < (uint32_t)(height + width); k++) {
    const psac_rng_block r = psac_rng_draw(key, k, number, 0, 0);
    y += (int)(r.word[0] % 5) - 2;
    x += (int)(r.word[1] % 5) - 2;
    y = y < 0 ? 0 : y > height - 2 ? height - 2 : y;
    x = x < 0 ? 0 : x > width - 2 ? width - 2 : x;
    for (int p = 0; p < 4; p++) {
      if (y + p / 2 < height && x + p % 2 < width && y + p / 2 >= 0 && x + p % 2 >= 0)
        image[(y + p / 2) * width + x + p % 2] = 255;
    }
  }
}

static psac_status make_images(const psac_config *config, psac_digits *digits) {
  const int height = (int)config->retina.input_size[0], width = (int)config->retina.input_size[1];
  const size_t image_bytes = (size_t)height * (size_t)width;
  *digits = (psac_digits){SYNTHETIC_IMAGES, height, width, malloc(SYNTHETIC_IMAGES * image_bytes),
                          calloc(SYNTHETIC_IMAGES, 1)};
  if (!digits->pixels || !digits->labels)
    return psac_fail(PSAC_ERR_MEMORY, "out of memory for %d images", SYNTHETIC_IMAGES);
  for (uint32_t k = 0; k < SYNTHETIC_IMAGES; k++) {
    draw_image(digits->pixels + k * image_bytes, height, width, k, (uint64_t)config->simulation.seed);
    digits->labels[k] = (uint8_t)(k % PSAC_DIGIT_CLASSES);
  }
  return PSAC_OK;
}

// Reads only the number of images that the largest case needs, to save memory. If the default folder of digits is
// missing, makes synthetic images, unless a case measures accuracy. Collective.
static psac_status get_images(scaling *job) {
  psac_session *session = &job->session;
  int64_t most_trials = 1, most_tests = 1;
  int with_accuracy = 0;
  for (int k = 0; k < job->cases.n; k++) {
    psac_scaling_case what;
    if (!psac_scaling_cases_take(&job->cases, k, &what)) continue;
    if (what.trials > most_trials) most_trials = what.trials;
    if (what.kind != PSAC_STUDY_ACCURACY) continue;
    if (!with_accuracy || (most_tests > 0 && what.test_images > most_tests) || what.test_images == 0)
      most_tests = what.test_images;
    with_accuracy = 1;
  }
  int missing = 0;
  struct stat info;
  if (session->ranks->rank == 0)
    missing = strcmp(session->options->data, "data/mnist") == 0 && stat("data/mnist", &info) != 0;
  PSAC_TRY(psac_ranks_broadcast(session->ranks, &missing, sizeof missing));
  job->synthetic = missing && !with_accuracy;
  if (job->synthetic) return psac_ranks_agree(session->ranks, make_images(&session->config, &session->train));
  const psac_config kept = session->config;
  session->config.training.max_images = most_trials;
  session->config.evaluation.max_images = most_tests;
  const psac_status status = psac_session_read_digits(session, 1);
  session->config = kept;
  return status;
}

// ---- measuring

static void print_head(void) {
  printf("%-9s %12s %7s %8s %6s %8s  %10s %10s %9s %9s  %s\n", "kind", "neurons", "ranks", "replicas", "batch",
         "trials", "trials/s", "ms/step", "exchange", "MB/rank", "test accuracy");
}

static psac_status keep_row(void *self, const psac_row *row) {
  scaling *job = self;
  if (job->session.ranks->rank == 0) {
    char accuracy[16] = "";
    if (!isnan(row->accuracy)) snprintf(accuracy, sizeof accuracy, "%.2f %%", 100.0 * row->accuracy);
    printf("%-9s %12lld %7lld %8lld %6lld %8lld  %10.2f %10.4f %7.1f %% %9.1f  %s%s\n", row->kind,
           (long long)row->neurons, (long long)row->ranks, (long long)row->replicas, (long long)row->batch,
           (long long)row->trials, row->trials_per_s, row->ms_per_step,
           100.0 * row->stage_mean_s[PSAC_STAGE_EXCHANGE] / row->seconds,
           1e-6 * (row->device_bytes > 0.0 ? row->device_bytes : row->host_bytes), accuracy,
           row->as_rank >= 0 ? "dry run" : "");
    fflush(stdout);
  }
  return psac_table_add(&job->table, &job->session, row);
}

static psac_status measure_all(scaling *job, psac_progress_kind kind) {
  psac_session *session = &job->session;
  const psac_config base = session->config;
  psac_measurement measurement = {
      .session = session,
      .base = &base,
      .n_train = session->train.n,
      .n_test = session->test.n,
      .synthetic = job->synthetic,
      .hardware = &job->hardware,
      .dry_run = job->cases.is_dry_run ? &job->dry_run : NULL,
      .progress = kind,
  };
  for (int k = 0; k < job->cases.n; k++) {
    if (!psac_scaling_cases_take(&job->cases, k, &measurement.what)) continue;
    PSAC_TRY(psac_measure(&measurement, keep_row, job));
  }
  return PSAC_OK;
}

static psac_status run(scaling *job, psac_progress_kind kind) {
  psac_session *session = &job->session;
  if (job->options->list) {
    if (session->ranks->rank == 0) psac_scaling_cases_list(&job->cases);
    return PSAC_OK;
  }
  PSAC_TRY(get_images(job));
  session->counts_traffic = 1;
  PSAC_TRY(psac_session_choose(session));
  PSAC_TRY(choose_hardware(job));
  PSAC_TRY(psac_table_prepare(&job->table, session, job->options->out));
  if (kind != PSAC_PROGRESS_NONE) psac_session_announce(session);
  if (session->ranks->rank == 0) print_head();
  PSAC_TRY(measure_all(job, kind));
  if (session->ranks->rank == 0) printf("rows: %s\n", job->table.path);
  return PSAC_OK;
}

psac_status psac_job_scaling(const psac_options *options, psac_ranks *ranks) {
  scaling *job = calloc(1, sizeof *job);
  if (!job) return psac_fail(PSAC_ERR_MEMORY, "out of memory");
  job->options = options;
  job->session.options = &options->run;
  job->session.ranks = ranks;
  psac_progress_kind kind = PSAC_PROGRESS_NONE;
  psac_status status = psac_ranks_agree(ranks, psac_progress_choose(options->progress, ranks->rank, &kind));
  if (status == PSAC_OK) status = psac_session_configure(&job->session, &options->run, ranks, NULL);
  if (status == PSAC_OK) status = psac_scaling_cases_read(&job->session, options, &job->cases);
  if (status == PSAC_OK) status = run(job, kind);
  if (job->cases.is_dry_run) psac_dry_run_end(&job->dry_run, &job->session);
  psac_table_free(&job->table);
  psac_session_end(&job->session, status);
  free(job);
  return status;
}
