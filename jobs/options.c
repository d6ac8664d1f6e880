#include "options.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "config/config_value.h"
#include "jobs.h"

typedef struct option {
  char letter;            // in psac_job.options
  const char *name;       // without the dashes
  const char *argument;   // NULL = takes none
  size_t offset;          // of a const char * in psac_options; unused for --set
  const char *help;
} option;

#define PLACE(member) offsetof(psac_options, member)

static const option options_table[] = {
    {'c', "config", "FILE", PLACE(config), "YAML file laid over the defaults; psac, seed, quick name the built-in ones"},
    {'s', "set", "KEY=VALUE", 0, "change one key, for example middle_layer.num_neurons=100000 (repeatable)"},
    {'S', "seed", "S", PLACE(seed), "short for --set simulation.seed=S"},
    {'n', "neurons", "N", PLACE(neurons), "short for --set middle_layer.num_neurons=N; 1e8 is fine"},
    {'K', "ranks", "R", PLACE(n_ranks), "ranks of the job to plan [those of this run]; with --list as 1,2,8, in place of the study's"},
    {'g', "gpu", "NAME", PLACE(gpu), "a GPU of configs/hardware.yaml, one per rank [h100]"},
    {'H', "hardware", "NAME", PLACE(hardware), "a machine of configs/hardware.yaml, or of your own FILE or FILE:NAME"},
    {'x', "rates", "E,I,O", PLACE(rates), "spike rates in Hz: excitatory, inhibitory, output [12.7,31.6,74]"},
    {'f', "format", "KIND", PLACE(format), "text, or csv for programs [text]"},
    {'C', "calibrate", "FILE", PLACE(calibrate), "measure this machine on the ranks of this run and write its figures to FILE"},
    {'d', "data", "DIR", PLACE(data), "folder of the MNIST files, plain or .gz [data/mnist]"},
    {'o', "out", "FILE", PLACE(out), "file to write [runs/<model>-<time>.h5; replay: must be given]"},
    {'W', "overwrite", NULL, PLACE(overwrite), "replace the file of an earlier run; without, it is refused"},
    {'r', "resume", "FILE", PLACE(resume), "go on from this checkpoint; auto = the newest intact one beside --out, if there is one"},
    {'w', "weights", "RUN.h5", PLACE(weights), "run file whose weights and configuration are used"},
    {'y', "study", "FILE", PLACE(study), "what to measure; scaling names the built-in one [scaling]"},
    {'O', "only", "WHAT", PLACE(only), "a section of the study (weak, strong, size, accuracy), a case (its number in --list), or a repeat, as 3:1"},
    {'N', "repeats", "N", PLACE(repeats), "measurements of each network, in place of the study's"},
    {'P', "pretend-ranks", "P", PLACE(pretend_ranks), "measure one rank's share of P on this machine; the others are made up"},
    {'A', "as-rank", "R", PLACE(as_rank), "which of them [0]"},
    {'l', "list", NULL, PLACE(list), "print the cases, measure nothing"},
    {'k', "case", "CASE.h5", PLACE(replay_case), "recorded retina spikes and initial weights"},
    {'b', "backend", "NAME", PLACE(backend), "auto, cpu, or cuda where this build has it [auto: a GPU if there is one]"},
    {'t', "transport", "NAME", PLACE(transport), "auto, self (one rank), mpi, or nccl where this build has it [auto]"},
    {'R', "replicas", "R", PLACE(replicas), "auto, or copies of the network that share each batch; divides the ranks [1; the study's]"},
    {'p', "progress", "KIND", PLACE(progress), "auto, bar, lines or none [auto: a bar on a terminal, lines in a log]"},
};
enum { N_OPTIONS = sizeof options_table / sizeof *options_table };

static void keep_command_line(int argc, char **argv, psac_options *options) {
  size_t n = 0;
  for (int i = 0; i < argc && n < sizeof options->command_line; i++) {
    n += (size_t)snprintf(options->command_line + n, sizeof options->command_line - n, "%s%s", i ? " " : "", argv[i]);
  }
}

static const option *find_option(const char *name, size_t n) {
  for (int k = 0; k < N_OPTIONS; k++) {
    if (strlen(options_table[k].name) == n && strncmp(options_table[k].name, name, n) == 0) return &options_table[k];
  }
  return NULL;
}

static psac_status unknown_option(const psac_job *job, const char *argument) {
  char allowed[512] = "--help";
  size_t n = strlen(allowed);
  for (int k = 0; k < N_OPTIONS; k++) {
    if (!strchr(job->options, options_table[k].letter)) continue;
    n += (size_t)snprintf(allowed + n, sizeof allowed - n, ", --%s", options_table[k].name);
  }
  return psac_fail(PSAC_ERR_INPUT, "%.80s is not an option of psac_dist %s; allowed: %s", argument, job->name, allowed);
}

// One "--name value" or "--name=value"; *next moves behind it.
static psac_status read_option(int argc, char **argv, int *next, psac_options *options) {
  const char *argument = argv[(*next)++], *name = argument + 2;
  const size_t n = strcspn(name, "=");
  const option *found = find_option(name, n);
  if (!found || !strchr(options->job->options, found->letter)) return unknown_option(options->job, argument);
  if (!found->argument) {
    if (name[n] == '=') return psac_fail(PSAC_ERR_INPUT, "--%s takes no value", found->name);
    memcpy((char *)options + found->offset, &found->name, sizeof found->name);
    return PSAC_OK;
  }
  const char *value = name[n] == '=' ? name + n + 1 : *next < argc ? argv[(*next)++] : NULL;
  if (!value || !*value) return psac_fail(PSAC_ERR_INPUT, "--%s needs a value: --%s %s", found->name, found->name, found->argument);
  if (found->letter != 's') {
    memcpy((char *)options + found->offset, &value, sizeof value);
    return PSAC_OK;
  }
  if (options->n_sets == PSAC_MAX_SETS) return psac_fail(PSAC_ERR_INPUT, "more than %d --set options", PSAC_MAX_SETS);
  options->set[options->n_sets++] = value;
  return PSAC_OK;
}

psac_status psac_options_read(int argc, char **argv, psac_options *options) {
  *options = (psac_options){.data = "data/mnist", .backend = "auto", .transport = "auto", .progress = "auto"};
  keep_command_line(argc, argv, options);
  int next = 1;
  if (next < argc && argv[next][0] != '-') {
    options->job = psac_job_find(argv[next]);
    if (!options->job && strcmp(argv[next], "help") == 0) return options->help = 1, PSAC_OK;
    if (!options->job) {
      char allowed[256];
      size_t n = 0;
      for (const psac_job *each = psac_jobs; each->name; each++) {
        n += (size_t)snprintf(allowed + n, sizeof allowed - n, "%s%s", n > 0 ? ", " : "", each->name);
      }
      return psac_fail(PSAC_ERR_INPUT, "%.80s is not a command; allowed: %s", argv[next], allowed);
    }
    next++;
  }
  const psac_job *named = options->job;
  if (!named) options->job = &psac_jobs[0];
  while (next < argc) {
    const char *argument = argv[next];
    if (strcmp(argument, "--help") == 0 || strcmp(argument, "-h") == 0) {
      options->help = 1;
      options->job = named;
      return PSAC_OK;
    }
    if (strcmp(argument, "--version") == 0) return options->version = 1, PSAC_OK;
    if (strncmp(argument, "--", 2) != 0) {
      return psac_fail(PSAC_ERR_INPUT, "%.80s is not understood; options begin with --, and the command comes first", argument);
    }
    PSAC_TRY(read_option(argc, argv, &next, options));
  }
  return PSAC_OK;
}

psac_status psac_option_whole(const char *name, const char *text, int64_t lowest, int64_t highest, int64_t *value) {
  const psac_key key = {.lowest = (double)lowest, .highest = (double)highest};
  if (psac_value_read_integer(&key, text, value) == PSAC_VALUE_FINE) return PSAC_OK;
  return psac_fail(PSAC_ERR_INPUT, "--%s %.40s is not a whole number from %lld to %lld", name, text, (long long)lowest,
                   (long long)highest);
}

psac_status psac_option_replicas(const char *text, int64_t *n_replicas) {
  *n_replicas = 0;
  if (strcmp(text, "auto") == 0 || psac_option_whole("replicas", text, 1, PSAC_MOST_REPLICAS, n_replicas) == PSAC_OK) return PSAC_OK;
  return psac_fail(PSAC_ERR_INPUT, "--replicas %.40s is neither auto nor a whole number from 1 to %d", text, PSAC_MOST_REPLICAS);
}

static void print_options(const char *letters) {
  printf("\nOptions:\n");
  for (int k = 0; k < N_OPTIONS; k++) {
    const option *o = &options_table[k];
    char left[40];
    if (!strchr(letters, o->letter)) continue;
    snprintf(left, sizeof left, "--%s %s", o->name, o->argument ? o->argument : "");
    printf("  %-20s  %s\n", left, o->help);
  }
  printf("  %-20s  %s\n  %-20s  %s\n", "--help", "this text", "--version", "the version");
}

void psac_options_help(const psac_job *job) {
  if (job) {
    printf("Usage: psac_dist %s [OPTION]...\n\n%s\n", job->name, job->description);
    print_options(job->options);
    return;
  }
  printf("Usage: psac_dist [COMMAND] [OPTION]...        on several ranks: mpirun -np 8 psac_dist ...\n\n"
         "A spiking neural network, split over MPI ranks, that learns handwritten digits from reward alone.\n\nCommands:\n");
  for (const psac_job *each = psac_jobs; each->name; each++) printf("  %-9s  %s\n", each->name, each->summary);
  print_options(psac_jobs[0].options);
  printf("\nExamples:\n"
         "  psac_dist --data data/mnist                                  train and evaluate with the defaults\n"
         "  mpirun -np 2 psac_dist --config quick                        a short run on two ranks\n"
         "  psac_dist --set middle_layer.num_neurons=20000 --seed 7      another size, another seed\n"
         "  psac_dist evaluate --weights runs/full.h5                    test what a run has learned\n"
         "  psac_dist config --config seed                               every key with unit and range\n"
         "\nMore: psac_dist COMMAND --help. Exit codes: 0 done, 1 the run failed, 2 bad input,\n"
         "75 stopped by a signal with a checkpoint to go on from.\n");
}
