// Options of a run, from a command line (jobs/options.h) or a program.
#ifndef PSAC_RUN_RUN_OPTIONS_H
#define PSAC_RUN_RUN_OPTIONS_H

#include <stdint.h>

#include "base/status.h"

enum { PSAC_MAX_SETS = 256, PSAC_MOST_REPLICAS = 1000000 };

// How --replicas applies to a run.
typedef enum psac_replicas_use {
  PSAC_REPLICAS_NONE,   // not applicable: there is one network, or none
  PSAC_REPLICAS_LEARN,  // splits the ranks of this run into replicas, which learn; not for model notebook
  PSAC_REPLICAS_TEST,   // likewise, without learning; any model
  PSAC_REPLICAS_OWN     // the command interprets it, for ranks other than those of this run
} psac_replicas_use;

// Strings are owned by the caller and outlive the session. NULL = not given.
typedef struct psac_run_options {
  const char *config;              // YAML file or the name of a built-in configuration; NULL = default_config
  const char *default_config;      // NULL = the defaults of all keys
  const char *set[PSAC_MAX_SETS];  // [n_sets] KEY=VALUE, applied after the configuration
  int n_sets;
  const char *seed;       // short for simulation.seed
  const char *neurons;    // short for middle_layer.num_neurons
  const char *data;       // folder of the IDX files
  const char *resume;     // auto or a checkpoint; NULL = start from scratch
  int can_resume;         // the command accepts `resume`
  const char *overwrite;  // not NULL = an existing output file is replaced
  const char *backend, *transport;
  const char *replicas;  // auto or a number; NULL = 1
  psac_replicas_use replicas_use;
  char command_line[4096];  // as typed, for the run file
} psac_run_options;

// Reads the whole number `text` of the option --name, in the notation of a configuration: "64", "1e3". PSAC_ERR_INPUT
// names the option, the value and the bounds.
psac_status psac_option_whole(const char *name, const char *text, int64_t lowest, int64_t highest, int64_t *value);

// Reads --replicas; 0 = auto. The caller checks that it divides the number of ranks. PSAC_ERR_INPUT as above.
psac_status psac_option_replicas(const char *text, int64_t *n_replicas);

#endif
