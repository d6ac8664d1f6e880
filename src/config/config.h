// The configuration: a plain struct with one member per key of config_keys.def, `config.section.key`.
//
// It is resolved on one rank and may be sent to the others as bytes: it holds no pointer.
#ifndef PSAC_CONFIG_CONFIG_H
#define PSAC_CONFIG_CONFIG_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

enum { PSAC_INT_LIST_MAX = 64 };

typedef struct psac_int_list {
  int64_t n;                         // elements in use
  int64_t value[PSAC_INT_LIST_MAX];  // ascending, each once
} psac_int_list;

enum { PSAC_MODEL_NOTEBOOK = 0, PSAC_MODEL_PSAC = 1 };                                      // config.network.model
enum { PSAC_LAUNCH_AUTO = 0, PSAC_LAUNCH_PER_STEP = 1, PSAC_LAUNCH_PER_PRESENTATION = 2 };  // simulation.launch_per
enum { PSAC_RATE_AS_IS = 0, PSAC_RATE_PER_NEURON = 1 };     // config.learning.rate_scaling
enum { PSAC_SCHEDULE_STEP = 0, PSAC_SCHEDULE_LINEAR = 1 };  // config.learning.rate_schedule

typedef struct psac_config {
#define SECTION(section, description) struct {
#define INTEGER(section, name, unit, lowest, highest, description) int64_t name;
#define REAL(section, name, unit, lowest, highest, description) double name;
#define CHOICE(section, name, options, description) int name;
#define PAIR(section, name, unit, lowest, highest, description) int64_t name[2];
#define LIST(section, name, unit, lowest, highest, description) psac_int_list name;
#define SECTION_END(section) \
  }                          \
  section;
#include "src/config/config_keys.def"
} psac_config;

// Fills `config` with the defaults: the built-in text of configs/psac.yaml. Fails only if that file itself is wrong.
psac_status psac_config_defaults(psac_config *config);

// Lays a YAML text over `config`: keys that it names are replaced, all others stay. `origin` names the text in
// messages (a file name). PSAC_ERR_INPUT names origin:line, key, value, the allowed range and, for an unknown key, the
// nearest known one; `config` is then as it was. The text is a mapping of sections, each a mapping of keys; an empty
// text is fine.
psac_status psac_config_overlay(psac_config *config, const char *text, size_t n_bytes, const char *origin);

// The same from a file. "psac", "classic", "notebook" and "quick" name built-in copies of configs/*.yaml where no such
// file exists.
psac_status psac_config_overlay_file(psac_config *config, const char *path);

// The text of a file or of a built-in copy, for readers of other structures; to be freed, also after a failure.
typedef struct psac_config_text {
  char *bytes;        // [n_bytes], not ended by a 0
  size_t n_bytes;     // of a file at most one more than psac_yaml_open takes
  char origin[4096];  // names it in messages
} psac_config_text;

// may_be_pipe: it need not be a regular file.
psac_status psac_config_text_read(const char *path, int may_be_pipe, psac_config_text *text);
void psac_config_text_free(psac_config_text *text);

// Applies one "section.key=value", as on the command line; the value is YAML, as in "record.trials=[0, 1]".
psac_status psac_config_set(psac_config *config, const char *assignment);

// Refuses contradictions between keys: t_skip >= t_total, fewer neurons than ranks, a patch larger than the retina, ...
// To be called once after the last overlay, with the number of ranks of this run.
psac_status psac_config_check(const psac_config *config, int n_ranks);

// The whole configuration as commented YAML; the caller frees *text. Reading it back gives the same struct bit for bit
// (reals are printed with as many digits as that takes). Printing the defaults gives configs/psac.yaml.
psac_status psac_config_print(const psac_config *config, char **text);

// The keys in which two configurations differ, "section.key = 3 (was 2), ...", without those in `ignored`, a list of
// keys and of sections ("section.") that ends with NULL. The caller frees *text; "" = no difference.
psac_status psac_config_differences(const psac_config *now, const psac_config *before, const char *const *ignored,
                                    char **text);

// Derived integers that several rooms need, each defined here once.
int64_t psac_config_n_steps(const psac_config *config);             // int(t_total / dt)
int64_t psac_config_first_counted_step(const psac_config *config);  // first step whose time is >= t_skip
int64_t psac_config_n_exc(const psac_config *config);               // int(num_neurons * ratio_exc)

// The smallest n with n * dt >= duration; a quotient that only rounding keeps from being whole counts as whole.
int64_t psac_config_steps(double duration_ms, double dt_ms);

#endif
