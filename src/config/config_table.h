// The keys of config_keys.def as a table, for the reader, --set and the printer.
#ifndef PSAC_CONFIG_CONFIG_TABLE_H
#define PSAC_CONFIG_CONFIG_TABLE_H

#include <stddef.h>

#include "src/config/config.h"

enum {  // index into psac_sections
#define SECTION(section, description) PSAC_SECTION_##section,
#include "src/config/config_keys.def"
  PSAC_N_SECTIONS
};

enum {  // index into psac_keys
#define INTEGER(section, name, ...) PSAC_KEY_##section##_##name,
#define REAL INTEGER
#define CHOICE INTEGER
#define PAIR INTEGER
#define LIST INTEGER
#include "src/config/config_keys.def"
  PSAC_N_KEYS
};

typedef enum psac_key_kind {
  PSAC_KIND_INTEGER,  // int64_t
  PSAC_KIND_REAL,     // double
  PSAC_KIND_CHOICE,   // int
  PSAC_KIND_PAIR,     // int64_t[2]
  PSAC_KIND_LIST      // psac_int_list
} psac_key_kind;

typedef struct psac_section {
  const char *name;
  const char *description;
} psac_section;

typedef struct psac_key {
  const char *name;  // "section.key"
  int section;       // index into psac_sections
  psac_key_kind kind;
  size_t offset;           // of the value in psac_config, in bytes
  const char *unit;        // "" if it has none
  double lowest, highest;  // inclusive bounds of a number
  const char *allowed;     // the bounds as text, "0.01 to 10"; of a choice, the '|'-separated options
  const char *description;
} psac_key;

extern const psac_section psac_sections[PSAC_N_SECTIONS];
extern const psac_key psac_keys[PSAC_N_KEYS];  // in the order of config_keys.def, grouped by section

// Index of a section or of a key ("section.key"); -1 if there is none of this name.
int psac_section_find(const char *name);
int psac_key_find(const char *name);

// The part of a key's name after the dot.
const char *psac_key_short_name(const psac_key *key);

// Weighted Levenshtein distance from the first `n_written` bytes of `written` to `name`: a missing letter costs 1, an
// added or wrong one 2.
int psac_name_distance(const char *written, size_t n_written, const char *name);

// The nearest of `names` (NULL-terminated) to the first `n_written` bytes of `written`; NULL if its distance exceeds
// n_written.
const char *psac_nearest_of(const char *written, size_t n_written, const char *const *names);

// The section or "section.key" that `name` most likely misspells. Never NULL.
const char *psac_nearest_name(const char *name);

#endif
