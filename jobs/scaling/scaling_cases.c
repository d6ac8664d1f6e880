#include "jobs/scaling/scaling_cases.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jobs/scaling/scaling_measure.h"

enum { MOST_RANKS = 1000000 };

static psac_status read_only(const char *text, psac_scaling_cases *cases) {
  for (int kind = 0; kind < PSAC_N_STUDY_KINDS; kind++) {
    if (strcmp(text, psac_study_kind_name((psac_study_kind)kind)) != 0) continue;
    cases->kind = kind;
    if (cases->study.section[kind].is_there) return PSAC_OK;
    return psac_fail(PSAC_ERR_INPUT, "the study has no section %s", text);
  }
  char number[24];
  const size_t n_bytes = strcspn(text, ":");
  int64_t k = -1, repeat = 0;
  snprintf(number, sizeof number, "%.*s", (int)(n_bytes < sizeof number ? n_bytes : sizeof number), text);
  if (psac_option_whole("only", number, 0, cases->n - 1, &k) != PSAC_OK) {
    return psac_fail(
        PSAC_ERR_INPUT,
        "--only %.40s is neither a section (weak, strong, size, accuracy) nor a case of the study (0 to %d)", text,
        cases->n - 1);
  }
  const int64_t n_repeats = psac_study_case(&cases->study, (int)k, 1).repeats;
  if (text[n_bytes] && psac_option_whole("only", text + n_bytes + 1, 1, n_repeats, &repeat) != PSAC_OK) {
    return psac_fail(PSAC_ERR_INPUT, "--only %.40s names no repeat of case %lld, which has 1 to %lld", text,
                     (long long)k, (long long)n_repeats);
  }
  if (repeat > 0 && cases->is_listed)
    return psac_fail(PSAC_ERR_INPUT, "--only %.40s names a repeat, but --list lists cases", text);
  cases->number = (int)k;
  cases->repeat = repeat - 1;
  return PSAC_OK;
}

static psac_status read_dry_run(const psac_session *session, const psac_options *options, psac_scaling_cases *cases) {
  const int n_real = session->ranks->n_ranks;
  cases->n_ranks = n_real;
  if (!options->dry_run_ranks) {
    return options->as_rank ? psac_fail(PSAC_ERR_INPUT, "--as-rank goes with --dry-run-ranks P") : PSAC_OK;
  }
  PSAC_TRY(psac_option_whole("dry-run-ranks", options->dry_run_ranks, 2, MOST_RANKS, &cases->n_ranks));
  if (options->as_rank)
    PSAC_TRY(psac_option_whole("as-rank", options->as_rank, 0, cases->n_ranks - 1, &cases->as_rank));
  if (n_real > 1) return psac_fail(PSAC_ERR_INPUT, "--dry-run-ranks runs on one rank, but this run has %d", n_real);
  if (session->config.network.model == PSAC_MODEL_NOTEBOOK) {
    return psac_fail(PSAC_ERR_INPUT,
                     "--dry-run-ranks needs network.model = psac: what other ranks send is not modelled for notebook");
  }
  cases->is_dry_run = 1;
  return PSAC_OK;
}

// ---- options that override the study

static psac_status read_ranks(const char *text, psac_numbers *ranks) {
  *ranks = (psac_numbers){0};
  for (const char *next = text; ranks->n < PSAC_INT_LIST_MAX; next++) {
    char *end = NULL;
    const int64_t n = *next >= '0' && *next <= '9' ? strtoll(next, &end, 10) : 0;
    if (n < 1 || n > MOST_RANKS) break;
    ranks->value[ranks->n++] = n;
    if (!*end) return PSAC_OK;
    if (*end != ',') break;
    next = end;
  }
  return psac_fail(PSAC_ERR_INPUT, "--ranks %.40s is not a list of at most %d numbers from 1 to %d, as 1,2,8 is", text,
                   PSAC_INT_LIST_MAX, MOST_RANKS);
}

static psac_status change_study(const psac_options *options, psac_scaling_cases *cases) {
  psac_study_section own = {.replicas = {.n = 1}};
  if (options->repeats) PSAC_TRY(psac_option_whole("repeats", options->repeats, 1, 1000, own.repeats.value));
  if (options->run.replicas) PSAC_TRY(psac_option_replicas(options->run.replicas, own.replicas.value));
  if (options->n_ranks && !cases->is_listed) {
    return psac_fail(PSAC_ERR_INPUT,
                     "--ranks goes with --list; what is measured runs on the ranks of mpirun, or of --dry-run-ranks");
  }
  if (options->n_ranks) PSAC_TRY(read_ranks(options->n_ranks, &own.ranks));
  for (int kind = 0; kind < PSAC_N_STUDY_KINDS; kind++) {
    psac_study_section *section = &cases->study.section[kind];
    if (options->repeats) section->repeats.value[0] = own.repeats.value[0];
    if (options->run.replicas) section->replicas = own.replicas;
    if (options->n_ranks) section->ranks = own.ranks;
    if (!cases->is_listed || cases->is_dry_run) section->ranks = (psac_numbers){1, {cases->n_ranks}};
  }
  return PSAC_OK;
}

// ---- selection of cases

static int is_meant(const psac_scaling_cases *cases, int k, psac_study_kind kind) {
  if (cases->number >= 0 && k != cases->number) return 0;
  if (cases->kind >= 0 && (int)kind != cases->kind) return 0;
  return !(cases->is_dry_run && kind == PSAC_STUDY_ACCURACY);  // a dry run has no true accuracy
}

// Replicas must divide the ranks.
static int is_possible(const psac_scaling_case *what) {
  return what->replicas == 0 || what->ranks % what->replicas == 0;
}

static const psac_numbers *ranks_of(const psac_scaling_cases *cases, int k) {
  return &cases->study.section[psac_study_case(&cases->study, k, 1).kind].ranks;
}

int psac_scaling_cases_take(const psac_scaling_cases *cases, int k, psac_scaling_case *what) {
  *what = psac_study_case(&cases->study, k, cases->n_ranks);
  if (cases->repeat >= 0) what->first = cases->repeat, what->repeats = 1;
  return is_meant(cases, k, what->kind) && is_possible(what);
}

static psac_status refuse_replicas(const psac_scaling_cases *cases, const psac_scaling_case *what,
                                   const psac_options *options) {
  const long long n = cases->n_ranks;
  char name[32] = "--replicas", ranks[64];
  snprintf(ranks, sizeof ranks, "any of the numbers of ranks of section %s", psac_study_kind_name(what->kind));
  if (!options->run.replicas) snprintf(name, sizeof name, "%s.replicas =", psac_study_kind_name(what->kind));
  if (cases->is_dry_run) snprintf(ranks, sizeof ranks, "the %lld simulated ranks", n);
  else if (!cases->is_listed) snprintf(ranks, sizeof ranks, "the %lld rank%s of this run", n, n > 1 ? "s" : "");
  return psac_fail(PSAC_ERR_INPUT, "%s %lld does not divide %s; allowed: auto, or a divisor", name,
                   (long long)what->replicas, ranks);
}

static psac_status check_case(const psac_config *base, int k, const psac_scaling_case *what) {
  psac_config config;
  const psac_status status = psac_scaling_case_configure(base, what, 0, 0, &config);
  if (status == PSAC_OK) return PSAC_OK;
  return psac_fail(status, "case %d of the study (%s, %lld neurons, batch %lld): %s", k,
                   psac_study_kind_name(what->kind), (long long)what->neurons, (long long)what->batch,
                   psac_fail_message());
}

// Checks every case before the first is measured. Of a list of replicas, only those that divide the ranks of this run
// are measured; at least one must.
static psac_status check(const psac_scaling_cases *cases, const psac_session *session, const psac_options *options) {
  int n_meant = 0, n_possible[PSAC_N_STUDY_KINDS] = {0};
  psac_scaling_case impossible[PSAC_N_STUDY_KINDS] = {{0}};
  for (int k = 0; k < cases->n; k++) {
    const psac_numbers *ranks = ranks_of(cases, k);
    psac_scaling_case what = psac_study_case(&cases->study, k, ranks->value[0]);
    if (!is_meant(cases, k, what.kind)) continue;
    n_meant++;
    int n = 0;
    for (int64_t r = 0; r < ranks->n; r++) {
      what = psac_study_case(&cases->study, k, ranks->value[r]);
      if (!is_possible(&what)) continue;
      PSAC_TRY(check_case(&session->config, k, &what));
      n++;
    }
    if (n == 0 && cases->is_listed) return refuse_replicas(cases, &what, options);
    if (n == 0) impossible[what.kind] = what;
    n_possible[what.kind] += n;
  }
  for (int kind = 0; kind < PSAC_N_STUDY_KINDS; kind++) {
    if (n_possible[kind] == 0 && impossible[kind].ranks > 0) return refuse_replicas(cases, &impossible[kind], options);
  }
  return n_meant > 0 ? PSAC_OK
                     : psac_fail(PSAC_ERR_INPUT, "nothing is left to measure: simulated ranks have no accuracy");
}

static psac_status read(const psac_session *session, const psac_options *options, psac_scaling_cases *cases) {
  *cases = (psac_scaling_cases){.kind = -1, .number = -1, .repeat = -1, .is_listed = options->list != NULL};
  PSAC_TRY(read_dry_run(session, options, cases));
  PSAC_TRY(psac_study_read(options->study ? options->study : "scaling", &cases->study));
  PSAC_TRY(change_study(options, cases));
  cases->n = psac_study_n_cases(&cases->study);
  if (options->only) PSAC_TRY(read_only(options->only, cases));
  return check(cases, session, options);
}

psac_status psac_scaling_cases_read(const psac_session *session, const psac_options *options,
                                    psac_scaling_cases *cases) {
  psac_ranks *ranks = session->ranks;
  PSAC_TRY(psac_ranks_agree(ranks, ranks->rank == 0 ? read(session, options, cases) : PSAC_OK));
  return psac_ranks_broadcast(ranks, cases, sizeof *cases);
}

void psac_scaling_cases_list(const psac_scaling_cases *cases) {
  printf("case kind ranks replicas neurons batch trials warm_up repeats\n");
  for (int k = 0; k < cases->n; k++) {
    const psac_numbers *ranks = ranks_of(cases, k);
    for (int64_t r = 0; r < ranks->n; r++) {
      const psac_scaling_case what = psac_study_case(&cases->study, k, ranks->value[r]);
      char replicas[24] = "auto";
      if (!is_meant(cases, k, what.kind) || !is_possible(&what)) continue;
      if (what.replicas > 0) snprintf(replicas, sizeof replicas, "%lld", (long long)what.replicas);
      printf("%d %s %lld %s %lld %lld %lld %lld %lld\n", k, psac_study_kind_name(what.kind), (long long)what.ranks,
             replicas, (long long)what.neurons, (long long)what.batch, (long long)what.trials, (long long)what.warm_up,
             (long long)what.repeats);
    }
  }
}
