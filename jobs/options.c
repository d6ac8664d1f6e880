#include "jobs/options.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "jobs/jobs.h"
#include "jobs/wrapped.h"
#include "src/config/config_table.h"

// A name may have several entries, for commands in which its meaning differs.
typedef struct option {
  unsigned jobs;         // that take it, as bits
  const char *name;      // without the dashes
  const char *argument;  // NULL = takes none
  size_t offset;         // of a const char * in psac_options; unused for --set
  const char *help;      // NULL = a name of earlier versions, still accepted
} option;

enum {
  TRAIN = PSAC_JOB_TRAIN,
  EVALUATE = PSAC_JOB_EVALUATE,
  REPLAY = PSAC_JOB_REPLAY,
  SCALING = PSAC_JOB_SCALING,
  INFO = PSAC_JOB_INFO,
  CONFIG = PSAC_JOB_CONFIG,
  PLAN = PSAC_JOB_PLAN,
};

#define PLACE(member) offsetof(psac_options, member)

static const option options_table[] = {
    {TRAIN | EVALUATE | REPLAY | SCALING | CONFIG | PLAN, "config", "FILE", PLACE(run.config),
     "YAML file laid over the defaults; psac, classic, notebook and quick name the built-in ones"},
    {TRAIN | EVALUATE | REPLAY | SCALING | CONFIG | PLAN, "set", "KEY=VALUE", 0,
     "change one key, for example middle_layer.num_neurons=100000 (repeatable)"},
    {TRAIN | EVALUATE | SCALING | CONFIG | PLAN, "seed", "S", PLACE(run.seed), "short for --set simulation.seed=S"},
    {PLAN, "neurons", "N", PLACE(run.neurons), "short for --set middle_layer.num_neurons=N; 1e8 is fine"},
    {PLAN, "ranks", "R", PLACE(n_ranks), "ranks of the job [those of this run]"},
    {SCALING, "ranks", "LIST", PLACE(n_ranks), "with --list: numbers of ranks in place of the study's, as in 1,2,8"},
    {PLAN, "gpu", "NAME", PLACE(gpu), "a GPU of configs/hardware.yaml, one per rank"},
    {PLAN, "hardware", "NAME", PLACE(hardware),
     "a hardware profile of configs/hardware.yaml, or of your own FILE or FILE:NAME [this machine]"},
    {SCALING, "hardware", "NAME", PLACE(hardware),
     "profile that predictions and simulated ranks are made for: of configs/hardware.yaml, or of your own FILE or "
     "FILE:NAME [h100 for a GPU, else cpu]"},
    {PLAN, "rates", "E,I,O", PLACE(rates), "spike rates in Hz: excitatory, inhibitory, output [12.7,31.6,74]"},
    {PLAN, "format", "KIND", PLACE(format), "text, or csv for programs [text]"},
    {PLAN, "verbose", NULL, PLACE(verbose), "list every kernel and message as well"},
    {PLAN, "calibrate", "FILE", PLACE(calibrate),
     "measure this machine on the ranks of this run and write its profile to FILE"},
    {TRAIN | EVALUATE | SCALING, "data", "DIR", PLACE(run.data),
     "folder of the MNIST files, plain or .gz [data/mnist]"},
    {TRAIN | EVALUATE, "out", "FILE", PLACE(out), "run file to write [runs/<model>-<time>.h5]"},
    {REPLAY, "out", "FILE", PLACE(out), "file to write; must be given"},
    {TRAIN | EVALUATE | REPLAY, "overwrite", NULL, PLACE(run.overwrite),
     "replace the file of an earlier run; without, it is refused"},
    {SCALING, "out", "DIR", PLACE(out), "folder of the study [runs/scaling]"},
    {TRAIN, "resume", "FILE", PLACE(run.resume),
     "go on from this checkpoint; auto = the newest intact one beside --out, if there is one"},
    {EVALUATE, "weights", "RUN.h5", PLACE(weights), "run file whose weights and configuration are used; must be given"},
    {SCALING, "study", "FILE", PLACE(study), "what to measure; scaling names the built-in one [scaling]"},
    {SCALING, "only", "WHAT", PLACE(only),
     "a section of the study (weak, strong, size, accuracy), a case (its number in --list), or a repeat, as 3:1"},
    {SCALING, "repeats", "N", PLACE(repeats), "measurements of each network, in place of the study's"},
    {SCALING, "dry-run-ranks", "P", PLACE(dry_run_ranks),
     "measure one rank's share of P on this machine; the others are simulated"},
    {SCALING, "pretend-ranks", "P", PLACE(dry_run_ranks), NULL},
    {SCALING, "as-rank", "R", PLACE(as_rank), "which of them [0]"},
    {SCALING, "list", NULL, PLACE(list), "print the cases, measure nothing"},
    {REPLAY, "case", "CASE.h5", PLACE(replay_case), "recorded retina spikes and initial weights; must be given"},
    {TRAIN | EVALUATE | REPLAY | SCALING | INFO, "backend", "NAME", PLACE(run.backend),
     "auto, cpu, or cuda where this build has it [auto: a GPU if there is one]"},
    {PLAN, "backend", "NAME", PLACE(run.backend),
     "what --calibrate measures: auto, cpu, or cuda where this build has it [auto]"},
    {TRAIN | EVALUATE | REPLAY | SCALING | INFO, "transport", "NAME", PLACE(run.transport),
     "auto, self (one rank), mpi, or nccl where this build has it [auto]"},
    {PLAN, "transport", "NAME", PLACE(run.transport),
     "how the planned ranks exchange spikes: auto, mpi or nccl [auto]"},
    {TRAIN | EVALUATE | PLAN, "replicas", "R", PLACE(run.replicas),
     "auto, or copies of the network that share each batch; divides the ranks [1]"},
    {SCALING, "replicas", "R", PLACE(run.replicas),
     "auto, or copies of the network that share each batch; divides the ranks [the study's]"},
    {TRAIN | EVALUATE | SCALING, "progress", "KIND", PLACE(progress),
     "auto, bar, lines or none [auto: a bar on a terminal, lines in a log]"},
};
enum { N_OPTIONS = sizeof options_table / sizeof *options_table };

static void keep_command_line(int argc, char **argv, psac_options *options) {
  size_t n = 0;
  for (int i = 0; i < argc && n < sizeof options->run.command_line; i++) {
    n += (size_t)snprintf(options->run.command_line + n, sizeof options->run.command_line - n, "%s%s", i ? " " : "",
                          argv[i]);
  }
}

static int takes(const psac_job *job, const option *o) { return (o->jobs & job->bit) != 0; }

static const option *find_option(const psac_job *job, const char *name, size_t n) {
  for (int k = 0; k < N_OPTIONS; k++) {
    const option *o = &options_table[k];
    if (takes(job, o) && strlen(o->name) == n && strncmp(o->name, name, n) == 0) return o;
  }
  return NULL;
}

static psac_status unknown_option(const psac_job *job, const char *argument) {
  const char *names[N_OPTIONS + 3] = {"help", "version"};
  int n = 2;
  for (int k = 0; k < N_OPTIONS; k++) {
    if (takes(job, &options_table[k]) && options_table[k].help) names[n++] = options_table[k].name;
  }
  const char *nearest = psac_nearest_of(argument + 2, strcspn(argument + 2, "="), names);
  return psac_fail(PSAC_ERR_INPUT, "%.80s is not an option of psac_dist %s%s%s; see psac_dist help %s", argument,
                   job->name, nearest ? "; the nearest is --" : "", nearest ? nearest : "", job->name);
}

static psac_status find_job(const char *name, const psac_job **job) {
  *job = psac_job_find(name);
  if (*job) return PSAC_OK;
  enum { MOST_JOBS = 32 };
  const char *names[MOST_JOBS] = {NULL};
  char allowed[256] = "";
  for (int k = 0; k < MOST_JOBS - 1 && psac_jobs[k].name; k++) {
    names[k] = psac_jobs[k].name;
    const size_t n = strlen(allowed);
    snprintf(allowed + n, sizeof allowed - n, "%s%s", k > 0 ? ", " : "", names[k]);
  }
  const char *nearest = psac_nearest_of(name, strlen(name), names);
  return psac_fail(PSAC_ERR_INPUT, "%.80s is not a command%s%s; allowed: %s", name, nearest ? "; the nearest is " : "",
                   nearest ? nearest : "", allowed);
}

// One "--name value" or "--name=value"; *next moves past it.
static psac_status read_option(int argc, char **argv, int *next, psac_options *options) {
  const char *argument = argv[(*next)++], *name = argument + 2;
  const size_t n = strcspn(name, "=");
  const option *found = find_option(options->job, name, n);
  if (!found) return unknown_option(options->job, argument);
  if (!found->argument) {
    if (name[n] == '=') return psac_fail(PSAC_ERR_INPUT, "--%s takes no value", found->name);
    memcpy((char *)options + found->offset, &found->name, sizeof found->name);
    return PSAC_OK;
  }
  const char *value = name[n] == '=' ? name + n + 1 : *next < argc ? argv[(*next)++] : NULL;
  if (!value || !*value)
    return psac_fail(PSAC_ERR_INPUT, "--%s needs a value: --%s %s", found->name, found->name, found->argument);
  if (strcmp(found->name, "set") != 0) {
    memcpy((char *)options + found->offset, &value, sizeof value);
    return PSAC_OK;
  }
  if (options->run.n_sets == PSAC_MAX_SETS)
    return psac_fail(PSAC_ERR_INPUT, "more than %d --set options", PSAC_MAX_SETS);
  options->run.set[options->run.n_sets++] = value;
  return PSAC_OK;
}

static int is_any(const char *argument, const char *letter, const char *name) {
  return strcmp(argument, letter) == 0 || strcmp(argument, name) == 0;
}

// Sets the options that follow from the command.
static void choose_job(const psac_job *job, psac_options *options) {
  options->job = job;
  options->run.default_config = job->config;
  options->run.replicas_use = job->replicas;
  options->run.can_resume = find_option(job, "resume", strlen("resume")) != NULL;
}

// "help" or "help COMMAND".
static psac_status read_help(int argc, char **argv, psac_options *options) {
  options->help = 1;
  if (argc > 3) return psac_fail(PSAC_ERR_INPUT, "%.80s is not understood; help takes one command", argv[3]);
  return argc > 2 && argv[2][0] != '-' ? find_job(argv[2], &options->job) : PSAC_OK;
}

psac_status psac_options_read(int argc, char **argv, psac_options *options) {
  *options = (psac_options){.run = {.data = "data/mnist", .backend = "auto", .transport = "auto"}, .progress = "auto"};
  keep_command_line(argc, argv, options);
  int next = 1;
  if (next < argc && strcmp(argv[next], "help") == 0) return read_help(argc, argv, options);
  if (next < argc && argv[next][0] != '-') PSAC_TRY(find_job(argv[next++], &options->job));
  const psac_job *named = options->job;
  choose_job(named ? named : &psac_jobs[0], options);
  while (next < argc) {
    const char *argument = argv[next];
    if (is_any(argument, "-h", "--help")) {
      options->help = 1;
      options->job = named;
      return PSAC_OK;
    }
    if (is_any(argument, "-V", "--version")) return options->version = 1, PSAC_OK;
    if (strncmp(argument, "--", 2) != 0) {
      return psac_fail(PSAC_ERR_INPUT, "%.80s is not understood; options begin with --, and the command comes first",
                       argument);
    }
    PSAC_TRY(read_option(argc, argv, &next, options));
  }
  return PSAC_OK;
}

enum { INDENT = 26 };  // columns before the description of an option

static void print_option(const char *name, const char *argument, const char *help) {
  char left[40];
  snprintf(left, sizeof left, "%s %s", name, argument ? argument : "");
  printf("  --%-*s", INDENT - 4, left);
  psac_print_wrapped(INDENT, "%s", help);
}

static void print_options(const psac_job *job) {
  for (int k = 0; k < N_OPTIONS; k++) {
    const option *o = &options_table[k];
    if (takes(job, o) && o->help) print_option(o->name, o->argument, o->help);
  }
  print_option("help, -h", NULL, "this text");
  print_option("version, -V", NULL, "the version");
}

void psac_options_help(const psac_job *job) {
  if (job) {
    printf("Usage: psac_dist %s [OPTION]...\n\n", job->name);
    psac_print_wrapped(0, "%s", job->description);
    printf("\nOptions:\n");
    print_options(job);
    return;
  }
  printf("Usage: psac_dist [COMMAND] [OPTION]...    on several ranks: mpirun -np 8 ...\n\n");
  psac_print_wrapped(0,
                     "A spiking neural network, split over MPI ranks, that learns handwritten digits from reward "
                     "alone.");
  printf("\nCommands:\n");
  for (const psac_job *each = psac_jobs; each->name; each++) printf("  %-9s  %s\n", each->name, each->summary);
  printf("  help       explain a command, as in psac_dist help plan\n\nOptions of train, the default:\n");
  print_options(&psac_jobs[0]);
  printf(
      "\nExamples:\n"
      "  psac_dist --data data/mnist                    train and evaluate\n"
      "  mpirun -np 2 psac_dist --config quick          a short run on two ranks\n"
      "  psac_dist --set middle_layer.num_neurons=20000 --seed 7\n"
      "                                                 another size, another seed\n"
      "  psac_dist evaluate --weights runs/full.h5      test what a run has learned\n"
      "  psac_dist config --config notebook             every key, unit and range\n\n");
  psac_print_wrapped(0,
                     "Exit codes: 0 done, 1 the run failed, 2 bad input, 75 stopped by a signal with a checkpoint to "
                     "go on from.");
}
