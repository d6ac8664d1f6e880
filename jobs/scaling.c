// Measures speed, memory and accuracy against network size and ranks.
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "jobs.h"
#include "scaling_measure.h"
#include "scaling_study.h"
#include "scaling_table.h"
#include "transport_counted.h"

enum { SYNTHETIC_IMAGES = 64, MOST_RANKS = 1000000 };

typedef struct selection {
  int kind;         // psac_study_kind; -1 = all
  int number;       // of a case; -1 = all
  int64_t repeats;  // 0 = the study's
} selection;

typedef struct scaling {
  psac_session session;
  psac_study study;
  psac_table table;
  selection only;
  psac_pretending pretending;
  int is_pretended;
  int64_t n_ranks;   // pretended or real
  int n_cases;       // of the study; those that are measured follow from `only`
  psac_hardware hardware;
  int synthetic;
} scaling;

// ---- what is asked for

static psac_status read_whole(const char *option, const char *text, int64_t lowest, int64_t highest, int64_t *value) {
  char *end;
  errno = 0;
  *value = strtoll(text, &end, 10);
  if (errno == 0 && *end == '\0' && end != text && *value >= lowest && *value <= highest) return PSAC_OK;
  return psac_fail(PSAC_ERR_INPUT, "--%s %.40s is not a whole number from %lld to %lld", option, text, (long long)lowest,
                   (long long)highest);
}

static psac_status read_only(const char *text, int n_cases, selection *only) {
  for (int kind = 0; kind < PSAC_N_STUDY_KINDS; kind++) {
    if (strcmp(text, psac_study_kind_name((psac_study_kind)kind)) == 0) return only->kind = kind, PSAC_OK;
  }
  int64_t number;
  if (read_whole("only", text, 0, n_cases - 1, &number) == PSAC_OK) return only->number = (int)number, PSAC_OK;
  return psac_fail(PSAC_ERR_INPUT, "--only %.40s is neither a section (weak, strong, size, accuracy) nor a case of the study (0 to %d)",
                   text, n_cases - 1);
}

static psac_status read_pretence(const psac_options *options, scaling *job) {
  const int n_real = job->session.ranks->n_ranks;
  int64_t rank = 0;
  job->n_ranks = n_real;
  if (!options->pretend_ranks) {
    return options->as_rank ? psac_fail(PSAC_ERR_INPUT, "--as-rank goes with --pretend-ranks P") : PSAC_OK;
  }
  PSAC_TRY(read_whole("pretend-ranks", options->pretend_ranks, 2, MOST_RANKS, &job->n_ranks));
  if (options->as_rank) PSAC_TRY(read_whole("as-rank", options->as_rank, 0, job->n_ranks - 1, &rank));
  if (n_real > 1) return psac_fail(PSAC_ERR_INPUT, "--pretend-ranks runs on one rank, but this run has %d", n_real);
  if (job->session.config.network.model == PSAC_MODEL_SEED) {
    return psac_fail(PSAC_ERR_INPUT, "--pretend-ranks needs network.model = psac: what other ranks send is not modelled for seed");
  }
  job->is_pretended = 1;
  job->pretending = (psac_pretending){.rank = (int)rank, .n_ranks = (int)job->n_ranks};
  return PSAC_OK;
}

static int is_selected(const scaling *job, int k, const psac_case *what) {
  if (job->only.number >= 0 && k != job->only.number) return 0;
  if (job->only.kind >= 0 && (int)what->kind != job->only.kind) return 0;
  return !(job->is_pretended && what->kind == PSAC_STUDY_ACCURACY);  // a pretended rank learns nothing true
}

// The k-th case of the study on this job's ranks, as --repeats changes it; 0 if it is not to be measured.
static int next_case(const scaling *job, int k, psac_case *what) {
  *what = psac_study_case(&job->study, k, job->n_ranks);
  if (job->only.repeats > 0) what->repeats = job->only.repeats;
  return is_selected(job, k, what);
}

// Every case is looked at before the first is measured.
static psac_status check_cases(const scaling *job) {
  int n = 0;
  psac_config config;
  for (int k = 0; k < job->n_cases; k++) {
    psac_case what;
    if (!next_case(job, k, &what)) continue;
    PSAC_TRY(psac_case_configure(&job->session.config, &what, 0, 0, job->n_ranks, &config));
    n++;
  }
  if (n > 0) return PSAC_OK;
  if (job->only.kind >= 0 && !job->study.section[job->only.kind].is_there) {
    return psac_fail(PSAC_ERR_INPUT, "the study has no section %s", psac_study_kind_name((psac_study_kind)job->only.kind));
  }
  return psac_fail(PSAC_ERR_INPUT, "nothing is left to measure: pretended ranks have no accuracy");
}

static psac_status prepare_study(const psac_options *options, scaling *job) {
  job->only = (selection){.kind = -1, .number = -1};
  PSAC_TRY(psac_study_read(options->study ? options->study : "scaling", &job->study));
  if (options->only) PSAC_TRY(read_only(options->only, psac_study_n_cases(&job->study), &job->only));
  if (options->repeats) PSAC_TRY(read_whole("repeats", options->repeats, 1, 1000, &job->only.repeats));
  return PSAC_OK;
}

// The machine that predictions and pretended networks are made for: by default the kind that this one is.
static psac_status choose_hardware(scaling *job) {
  const psac_session *session = &job->session;
  const char *kind = session->kernels->staging() ? "h100" : "cpu", *asked = session->options->hardware;
  psac_status status = PSAC_OK;
  if (session->ranks->rank == 0) status = psac_hardware_find(asked ? asked : kind, &job->hardware);
  PSAC_TRY(psac_ranks_agree(session->ranks, status));
  PSAC_TRY(psac_ranks_broadcast(session->ranks, &job->hardware, sizeof job->hardware));
  job->pretending.hardware = job->hardware;
  return PSAC_OK;
}

static psac_status configure(const psac_options *options, psac_ranks *ranks, scaling *job) {
  PSAC_TRY(psac_session_configure(&job->session, options, ranks, NULL));
  PSAC_TRY(psac_ranks_agree(ranks, read_pretence(options, job)));
  PSAC_TRY(psac_ranks_agree(ranks, ranks->rank == 0 ? prepare_study(options, job) : PSAC_OK));
  PSAC_TRY(psac_ranks_broadcast(ranks, &job->study, sizeof job->study));
  PSAC_TRY(psac_ranks_broadcast(ranks, &job->only, sizeof job->only));
  job->n_cases = psac_study_n_cases(&job->study);
  return psac_ranks_agree(ranks, check_cases(job));
}

// ---- --list

// One line for every case and every number of ranks that its section names; for slurm/scaling_study.sh.
static void list_cases(const scaling *job) {
  printf("case kind ranks neurons batch trials warm_up repeats\n");
  for (int k = 0; k < job->n_cases; k++) {
    psac_case what;
    if (!next_case(job, k, &what)) continue;
    const psac_numbers *ranks = &job->study.section[what.kind].ranks;
    for (int64_t r = 0; r < ranks->n; r++) {
      const psac_case there = psac_study_case(&job->study, k, ranks->value[r]);
      printf("%d %s %lld %lld %lld %lld %lld %lld\n", k, psac_study_kind_name(there.kind), (long long)ranks->value[r],
             (long long)there.neurons, (long long)there.batch, (long long)there.trials, (long long)there.warm_up,
             (long long)what.repeats);
    }
  }
}

// ---- images

// A few strokes each, so that speed can be measured where no digits are.
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
      if (y + p / 2 < height && x + p % 2 < width && y + p / 2 >= 0 && x + p % 2 >= 0) image[(y + p / 2) * width + x + p % 2] = 255;
    }
  }
}

static psac_status make_images(const psac_config *config, psac_digits *digits) {
  const int height = (int)config->retina.input_size[0], width = (int)config->retina.input_size[1];
  const size_t image_bytes = (size_t)height * (size_t)width;
  *digits = (psac_digits){SYNTHETIC_IMAGES, height, width, malloc(SYNTHETIC_IMAGES * image_bytes), calloc(SYNTHETIC_IMAGES, 1)};
  if (!digits->pixels || !digits->labels) return psac_fail(PSAC_ERR_MEMORY, "out of memory for %d images", SYNTHETIC_IMAGES);
  for (uint32_t k = 0; k < SYNTHETIC_IMAGES; k++) {
    draw_image(digits->pixels + k * image_bytes, height, width, k, (uint64_t)config->simulation.seed);
    digits->labels[k] = (uint8_t)(k % PSAC_DIGIT_CLASSES);
  }
  return PSAC_OK;
}

// As many as the largest case needs, which a laptop's memory knows to value.
static psac_status get_images(scaling *job) {
  psac_session *session = &job->session;
  int64_t most_trials = 1, most_tests = 1;
  int with_accuracy = 0;
  for (int k = 0; k < job->n_cases; k++) {
    psac_case what;
    if (!next_case(job, k, &what)) continue;
    if (what.trials > most_trials) most_trials = what.trials;
    if (what.kind != PSAC_STUDY_ACCURACY) continue;
    if (!with_accuracy || (most_tests > 0 && what.test_images > most_tests) || what.test_images == 0) most_tests = what.test_images;
    with_accuracy = 1;
  }
  int missing = 0;
  struct stat info;
  if (session->ranks->rank == 0) missing = strcmp(session->options->data, "data/mnist") == 0 && stat("data/mnist", &info) != 0;
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
  printf("%-9s %12s %7s %6s %8s  %10s %10s %9s %9s  %s\n", "kind", "neurons", "ranks", "batch", "trials", "trials/s", "ms/step",
         "exchange", "MB/rank", "accuracy");
}

static psac_status keep_row(void *self, const psac_row *row) {
  scaling *job = self;
  if (job->session.ranks->rank == 0) {
    char accuracy[16] = "";
    if (!isnan(row->accuracy)) snprintf(accuracy, sizeof accuracy, "%.2f %%", 100.0 * row->accuracy);
    printf("%-9s %12lld %7lld %6lld %8lld  %10.2f %10.4f %7.1f %% %9.1f  %s%s\n", row->kind, (long long)row->neurons,
           (long long)row->ranks, (long long)row->batch, (long long)row->trials, row->trials_per_s, row->ms_per_step,
           100.0 * row->stage_mean_s[PSAC_STAGE_EXCHANGE] / row->seconds,
           1e-6 * (row->device_bytes > 0.0 ? row->device_bytes : row->host_bytes), accuracy, row->as_rank >= 0 ? "pretended" : "");
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
      .pretending = job->is_pretended ? &job->pretending : NULL,
      .progress = kind,
  };
  for (int k = 0; k < job->n_cases; k++) {
    if (!next_case(job, k, &measurement.what)) continue;
    PSAC_TRY(psac_measure(&measurement, keep_row, job));
  }
  return PSAC_OK;
}

static psac_status run(scaling *job, psac_progress_kind kind) {
  psac_session *session = &job->session;
  if (session->options->list) {
    if (session->ranks->rank == 0) list_cases(job);
    return PSAC_OK;
  }
  PSAC_TRY(get_images(job));
  PSAC_TRY(psac_session_choose(session));
  PSAC_TRY(choose_hardware(job));
  if (!job->is_pretended) PSAC_TRY(psac_ranks_agree(session->ranks, psac_transport_count(&session->transport)));
  PSAC_TRY(psac_table_prepare(&job->table, session));
  if (kind != PSAC_PROGRESS_NONE) psac_session_announce(session);
  if (session->ranks->rank == 0) print_head();
  PSAC_TRY(measure_all(job, kind));
  if (session->ranks->rank == 0) printf("rows: %s\n", job->table.path);
  return PSAC_OK;
}

psac_status psac_job_scaling(const psac_options *options, psac_ranks *ranks) {
  scaling *job = calloc(1, sizeof *job);
  if (!job) return psac_fail(PSAC_ERR_MEMORY, "out of memory");
  job->session.options = options;
  job->session.ranks = ranks;
  psac_progress_kind kind = PSAC_PROGRESS_NONE;
  psac_status status = psac_ranks_agree(ranks, psac_progress_choose(options->progress, ranks->rank, &kind));
  if (status == PSAC_OK) status = configure(options, ranks, job);
  if (status == PSAC_OK) status = run(job, kind);
  if (job->is_pretended) psac_pretend_end(&job->pretending, &job->session);
  psac_table_free(&job->table);
  psac_session_end(&job->session, status);
  free(job);
  return status;
}
