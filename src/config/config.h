// The configuration: a plain struct with one member per key of config_keys.def, `config.section.key`.
//
// It holds no pointers, so that one rank can resolve it and send it to the others as bytes.
#ifndef PSAC_CONFIG_CONFIG_H
#define PSAC_CONFIG_CONFIG_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

enum { PSAC_INT_LIST_MAX = 64 };

typedef struct psac_int_list {
  int64_t n;                         // elements in use
  int64_t value[PSAC_INT_LIST_MAX];  // ascending, without duplicates
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

// Fills `config` with the defaults, the built-in copy of configs/psac.yaml. Fails only if that file is invalid.
psac_status psac_config_defaults(psac_config *config);

// Overlays a YAML text on `config`: replaces the keys that the text names and keeps all others. `origin` names the text
// in messages (a file name). PSAC_ERR_INPUT names origin:line, key, value, the allowed range and, for an unknown key,
// the nearest known one. On failure `config` is unchanged. The text is a mapping of sections, each a mapping of keys;
// it may be empty.
psac_status psac_config_overlay(psac_config *config, const char *text, size_t n_bytes, const char *origin);

// The same from a file. "psac", "classic", "notebook" and "quick" name built-in copies of configs/*.yaml if no such
// file exists.
psac_status psac_config_overlay_file(psac_config *config, const char *path);

// The text of a file or of a built-in copy, for readers of other structures.
typedef struct psac_config_text {
  char *bytes;        // [n_bytes], not NUL-terminated
  size_t n_bytes;     // of a file: at most one more than psac_yaml_open accepts
  char origin[4096];  // name of the text in messages
} psac_config_text;

// Reads a file, or the built-in copy of that name if there is no such file. Without may_be_pipe, PSAC_ERR_INPUT for
// anything but a regular file. The caller calls psac_config_text_free, also after a failure.
psac_status psac_config_text_read(const char *path, int may_be_pipe, psac_config_text *text);
void psac_config_text_free(psac_config_text *text);

// Applies one "section.key=value", as on the command line; the value is YAML, as in "record.trials=[0, 1]". On failure
// `config` is unchanged.
psac_status psac_config_set(psac_config *config, const char *assignment);

// PSAC_ERR_INPUT for contradictions between keys: t_skip >= t_total, fewer neurons than ranks, a patch larger than the
// retina, ... Call once after the last overlay, with the number of ranks of this run. Not collective.
psac_status psac_config_check(const psac_config *config, int n_ranks);

// Prints the whole configuration as commented YAML. The caller frees *text. Reading the text back gives the same struct
// bit for bit: reals have enough digits to round-trip. Printing the defaults gives configs/psac.yaml.
psac_status psac_config_print(const psac_config *config, char **text);

// Lists the keys in which two configurations differ, "section.key = 3 (was 2), ...", except those in `ignored`, a
// NULL-terminated list of keys and sections ("section."). The caller frees *text; "" = no difference.
psac_status psac_config_differences(const psac_config *now, const psac_config *before, const char *const *ignored,
                                    char **text);

// Derived integers that several modules need, each defined only here.
int64_t psac_config_n_steps(const psac_config *config);             // int(t_total / dt)
int64_t psac_config_first_counted_step(const psac_config *config);  // first step whose time is >= t_skip
int64_t psac_config_n_exc(const psac_config *config);               // int(num_neurons * ratio_exc)

// The smallest n with n * dt >= duration. A quotient that misses an integer only by rounding counts as that integer.
int64_t psac_config_steps(double duration_ms, double dt_ms);

#endif
