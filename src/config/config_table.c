#include "src/config/config_table.h"

#include <limits.h>
#include <string.h>

const psac_section psac_sections[PSAC_N_SECTIONS] = {
#define SECTION(section, description) {#section, description},
#include "src/config/config_keys.def"
};

#define KEY(section, name, kind, unit, lowest, highest, allowed, description) \
  {#section "." #name,                                                        \
   PSAC_SECTION_##section,                                                    \
   kind,                                                                      \
   offsetof(psac_config, section.name),                                       \
   unit,                                                                      \
   (double)(lowest),                                                          \
   (double)(highest),                                                         \
   allowed,                                                                   \
   description},

const psac_key psac_keys[PSAC_N_KEYS] = {
#define INTEGER(section, name, unit, lowest, highest, description) \
  KEY(section, name, PSAC_KIND_INTEGER, unit, lowest, highest, #lowest " to " #highest, description)
#define REAL(section, name, unit, lowest, highest, description) \
  KEY(section, name, PSAC_KIND_REAL, unit, lowest, highest, #lowest " to " #highest, description)
#define CHOICE(section, name, options, description) KEY(section, name, PSAC_KIND_CHOICE, "", 0, 0, options, description)
#define PAIR(section, name, unit, lowest, highest, description) \
  KEY(section, name, PSAC_KIND_PAIR, unit, lowest, highest, "each " #lowest " to " #highest, description)
#define LIST(section, name, unit, lowest, highest, description) \
  KEY(section, name, PSAC_KIND_LIST, unit, lowest, highest, "each " #lowest " to " #highest, description)
#include "src/config/config_keys.def"
};

int psac_section_find(const char *name) {
  for (int i = 0; i < PSAC_N_SECTIONS; i++)
    if (strcmp(name, psac_sections[i].name) == 0) return i;
  return -1;
}

int psac_key_find(const char *name) {
  for (int i = 0; i < PSAC_N_KEYS; i++)
    if (strcmp(name, psac_keys[i].name) == 0) return i;
  return -1;
}

const char *psac_key_short_name(const psac_key *key) { return strchr(key->name, '.') + 1; }

enum {
  NAME_MAX_LENGTH = 63,  // of a section or key in config_keys.def
  COST_MISSING = 1,      // a missing letter: abbreviations are more frequent than other mistakes
  COST_WRONG = 2,        // an added or wrong letter
  COST_SECTION_MAX = 8   // a key in the wrong section, however different the section's name
};

static int smaller(int a, int b) { return a < b ? a : b; }

int psac_name_distance(const char *written, size_t n_written, const char *name) {
  const size_t n_name = strlen(name);
  int cost[NAME_MAX_LENGTH + 1];  // cost[j]: from the letters of `written` read to the first j letters of `name`
  for (size_t j = 0; j <= n_name; j++) cost[j] = (int)j * COST_MISSING;
  for (size_t i = 0; i < n_written; i++) {
    int diagonal = cost[0];
    cost[0] += COST_WRONG;
    for (size_t j = 0; j < n_name; j++) {
      const int replaced = diagonal + (written[i] == name[j] ? 0 : COST_WRONG);
      diagonal = cost[j + 1];
      cost[j + 1] = smaller(replaced, smaller(diagonal + COST_WRONG, cost[j] + COST_MISSING));
    }
  }
  return cost[n_name];
}

const char *psac_nearest_of(const char *written, size_t n_written, const char *const *names) {
  const char *nearest = NULL;
  int least = INT_MAX;
  for (; *names != NULL; names++) {
    const int cost = psac_name_distance(written, n_written, *names);
    if (cost < least) {
      least = cost;
      nearest = *names;
    }
  }
  return least <= (int)n_written ? nearest : NULL;  // at most half of the letters are wrong
}

static const char *nearest_key(const char *name, const char *dot) {
  const char *nearest = NULL;
  int least = INT_MAX;
  for (int i = 0; i < PSAC_N_KEYS; i++) {
    const int section = psac_name_distance(name, (size_t)(dot - name), psac_sections[psac_keys[i].section].name);
    const int key = psac_name_distance(dot + 1, strlen(dot + 1), psac_key_short_name(&psac_keys[i]));
    const int cost = smaller(section, COST_SECTION_MAX) + key;
    if (cost < least) {
      least = cost;
      nearest = psac_keys[i].name;
    }
  }
  return nearest;
}

const char *psac_nearest_name(const char *name) {
  const char *dot = strchr(name, '.');
  if (dot != NULL) return nearest_key(name, dot);

  for (int i = 0; i < PSAC_N_KEYS; i++)  // a key without its section
    if (strcmp(name, psac_key_short_name(&psac_keys[i])) == 0) return psac_keys[i].name;

  const char *nearest = NULL;
  int least = INT_MAX;
  for (int i = 0; i < PSAC_N_SECTIONS; i++) {
    const int cost = psac_name_distance(name, strlen(name), psac_sections[i].name);
    if (cost < least) {
      least = cost;
      nearest = psac_sections[i].name;
    }
  }
  return nearest;
}
