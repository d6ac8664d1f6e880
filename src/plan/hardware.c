#include "src/plan/hardware.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "src/config/config_value.h"
#include "src/config/config_yaml.h"

// The numbers of a profile as keys, read and checked like those of a configuration.
static const psac_key keys[] = {
#define X(key, unit_, lowest_, highest_, meaning) \
  {.name = #key,                                  \
   .offset = offsetof(psac_hardware, key),        \
   .unit = unit_,                                 \
   .lowest = lowest_,                             \
   .highest = highest_,                           \
   .description = meaning},
    PSAC_HARDWARE_LIST(X)
#undef X
};
enum { N_KEYS = sizeof keys / sizeof *keys };

double psac_hardware_memory(const psac_hardware *hardware, int64_t n_ranks) {
  if (hardware->node_memory == 0.0) return hardware->memory;
  return hardware->node_memory / fmin((double)n_ranks, hardware->ranks_per_node);
}

static int find_key(const char *name) {
  int k = 0;
  while (k < N_KEYS && strcmp(keys[k].name, name) != 0) k++;
  return k;
}

static psac_status read_value(psac_yaml *yaml, const psac_key *key, psac_hardware *hardware) {
  psac_yaml_item item;
  PSAC_TRY(psac_yaml_next(yaml, &item));
  double *value = (double *)((char *)hardware + key->offset);
  if (item.kind == PSAC_YAML_VALUE && psac_value_read_real(key, item.text, value) == PSAC_VALUE_FINE) return PSAC_OK;
  return psac_yaml_fail(yaml, "%s.%s = \"%s\" is not a number from %g to %g", hardware->name, key->name, item.text,
                        key->lowest, key->highest);
}

static psac_status read_backend(psac_yaml *yaml, psac_hardware *hardware) {
  psac_yaml_item item;
  PSAC_TRY(psac_yaml_next(yaml, &item));
  hardware->on_device = item.kind == PSAC_YAML_VALUE && strcmp(item.text, "cuda") == 0;
  if (hardware->on_device || (item.kind == PSAC_YAML_VALUE && strcmp(item.text, "cpu") == 0)) return PSAC_OK;
  return psac_yaml_fail(yaml, "%s.backend = \"%s\" is not known; allowed: cpu, cuda", hardware->name, item.text);
}

// The keys of one profile, whose name has been read.
static psac_status read_profile(psac_yaml *yaml, psac_hardware *hardware) {
  int given[N_KEYS + 1] = {0};  // the last is the backend
  psac_yaml_item item;
  PSAC_TRY(psac_yaml_next(yaml, &item));
  if (item.kind != PSAC_YAML_MAPPING) {
    return psac_yaml_fail(yaml, "%s is a hardware profile; its keys belong below it, indented", hardware->name);
  }
  for (;;) {
    PSAC_TRY(psac_yaml_next(yaml, &item));
    if (item.kind == PSAC_YAML_END) break;
    const int k = item.kind == PSAC_YAML_VALUE ? find_key(item.text) : N_KEYS;
    if (k == N_KEYS && strcmp(item.text, "backend") != 0) {
      return psac_yaml_fail(yaml, "%s.%s is not a key of a hardware profile; configs/hardware.yaml shows them all",
                            hardware->name, item.text);
    }
    if (given[k]++) return psac_yaml_fail(yaml, "%s.%s is named a second time", hardware->name, item.text);
    PSAC_TRY(k == N_KEYS ? read_backend(yaml, hardware) : read_value(yaml, &keys[k], hardware));
  }
  for (int k = 0; k <= N_KEYS; k++) {
    if (!given[k])
      return psac_yaml_fail(yaml, "%s has no key %s", hardware->name, k < N_KEYS ? keys[k].name : "backend");
  }
  return PSAC_OK;
}

// Reads all profiles, so that an error in any is reported; `names` [n_names bytes] lists them.
static psac_status read_profiles(psac_yaml *yaml, const char *wanted, psac_hardware *hardware, char *names,
                                 size_t n_names) {
  psac_yaml_item item;
  PSAC_TRY(psac_yaml_next(yaml, &item));
  if (item.kind != PSAC_YAML_MAPPING)
    return psac_yaml_fail(yaml, "a hardware profile begins with its name, as in \"h100:\"");
  for (;;) {
    PSAC_TRY(psac_yaml_next(yaml, &item));
    if (item.kind == PSAC_YAML_END) return psac_yaml_next(yaml, &item);
    psac_hardware profile = {0};
    if (item.kind != PSAC_YAML_VALUE || strlen(item.text) >= sizeof profile.name) {
      return psac_yaml_fail(yaml, "the name of a hardware profile is one word of at most %d characters",
                            PSAC_HARDWARE_NAME_BYTES - 1);
    }
    snprintf(profile.name, sizeof profile.name, "%.*s", PSAC_HARDWARE_NAME_BYTES - 1, item.text);
    PSAC_TRY(read_profile(yaml, &profile));
    const int is_it = wanted ? strcmp(profile.name, wanted) == 0 : names[0] == '\0';
    if (is_it) *hardware = profile;
    const size_t n = strlen(names);
    snprintf(names + n, n_names - n, "%s%s", n ? ", " : "", profile.name);
  }
}

psac_status psac_hardware_read(const char *text, size_t n_bytes, const char *origin, const char *wanted,
                               psac_hardware *hardware) {
  char names[512] = "";
  psac_yaml *yaml;
  *hardware = (psac_hardware){0};
  PSAC_TRY(psac_yaml_open(text, n_bytes, origin, true, &yaml));
  const psac_status status = read_profiles(yaml, wanted, hardware, names, sizeof names);
  psac_yaml_close(&yaml);
  PSAC_TRY(status);
  if (hardware->name[0]) return PSAC_OK;
  return psac_fail(PSAC_ERR_INPUT, "%.60s is not a hardware profile of %s; it has: %s", wanted ? wanted : "", origin,
                   names);
}

static int is_file(const char *path) {
  struct stat info;
  return stat(path, &info) == 0 && !S_ISDIR(info.st_mode);
}

psac_status psac_hardware_find(const char *name, psac_hardware *hardware) {
  char path[4096];
  const char *colon = strrchr(name, ':'), *wanted = NULL;
  snprintf(path, sizeof path, "%s", name);
  if (!is_file(path) && !strpbrk(name, "./:")) {
    snprintf(path, sizeof path, "hardware");  // the built-in file
    wanted = name;
  } else if (!is_file(path) && colon && (size_t)(colon - name) < sizeof path) {
    path[colon - name] = '\0';
    wanted = colon + 1;
  }
  psac_config_text text;
  psac_status status = psac_config_text_read(path, false, &text);
  if (status == PSAC_OK) status = psac_hardware_read(text.bytes, text.n_bytes, text.origin, wanted, hardware);
  psac_config_text_free(&text);
  return status;
}

char *psac_hardware_print(const psac_hardware *hardware, const char *comment) {
  enum { LINE_BYTES = 256 };
  const size_t n_bytes = (size_t)LINE_BYTES * (N_KEYS + 2) + strlen(comment);
  char *text = malloc(n_bytes);
  if (!text) return NULL;
  size_t n = (size_t)snprintf(text, n_bytes, "# %s\n%s:\n  backend: %s\n", comment, hardware->name,
                              hardware->on_device ? "cuda" : "cpu");
  for (int k = 0; k < N_KEYS; k++) {
    const double value = *(const double *)((const char *)hardware + keys[k].offset);
    const char *const unit = keys[k].unit, *const meaning = keys[k].description;
    char line[LINE_BYTES];
    snprintf(line, sizeof line, "  %s: %s", keys[k].name, psac_value_real_text(value).text);
    n += (size_t)snprintf(text + n, n_bytes - n, meaning[0] || unit[0] ? "%-36s # " : "%s", line);
    if (unit[0]) n += (size_t)snprintf(text + n, n_bytes - n, "[%s]%s", unit, meaning[0] ? " " : "");
    n += (size_t)snprintf(text + n, n_bytes - n, "%s\n", meaning);
  }
  return text;
}
