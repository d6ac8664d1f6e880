#include "jobs/scaling/scaling_study.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/config/config_table.h"
#include "src/config/config_value.h"
#include "src/config/config_yaml.h"

static const char *const kind_name[PSAC_N_STUDY_KINDS] = {"weak", "strong", "size", "accuracy"};

// The keys of a section, all numbers; those that take a list also take one value.
static const struct study_key {
  psac_key key;  // name, place in psac_study_section, bounds
  int is_list;
  int kinds;          // bits of the sections that have it
  int64_t otherwise;  // default value; -1 = required
  const char *zero;   // a word for 0, or NULL
} study_keys[] = {
#define ANY ((1 << PSAC_N_STUDY_KINDS) - 1)
#define NUMBER(name, lowest, highest, allowed) \
  { #name, 0, PSAC_KIND_INTEGER, offsetof(psac_study_section, name), "", lowest, highest, allowed, "" }
#define KEY(name, is_list, otherwise, kinds, lowest, highest) \
  {NUMBER(name, lowest, highest, #lowest " to " #highest), is_list, kinds, otherwise, NULL},
    KEY(neurons, 1, -1, ANY, 1, 8000000000)
        KEY(ranks, 1, 1, ANY, 1, 1000000){NUMBER(replicas, 1, 1000000, "auto, or 1 to 1000000"), 1, ANY, 1, "auto"},
    KEY(batch, 1, 64, ANY, 1, 65536) KEY(trials, 1, -1, ANY, 1, 1000000000) KEY(warm_up, 0, 0, ANY, 0, 1000000000)
        KEY(repeats, 0, 1, ANY, 1, 1000) KEY(test_images, 0, 0, 1 << PSAC_STUDY_ACCURACY, 0, 1000000000)
#undef KEY
#undef NUMBER
#undef ANY
};
enum { N_KEYS = sizeof study_keys / sizeof *study_keys };

typedef struct reader {
  psac_yaml *yaml;
  psac_study *study;
} reader;

const char *psac_study_kind_name(psac_study_kind kind) { return kind_name[kind]; }

static const char *nearest_key(const char *name) {
  int nearest = 0;
  for (int k = 1; k < N_KEYS; k++) {
    if (psac_name_distance(name, strlen(name), study_keys[k].key.name) <
        psac_name_distance(name, strlen(name), study_keys[nearest].key.name))
      nearest = k;
  }
  return study_keys[nearest].key.name;
}

static const char *nearest_kind(const char *name) {
  int nearest = 0;
  for (int k = 1; k < PSAC_N_STUDY_KINDS; k++) {
    if (psac_name_distance(name, strlen(name), kind_name[k]) <
        psac_name_distance(name, strlen(name), kind_name[nearest]))
      nearest = k;
  }
  return kind_name[nearest];
}

static psac_status add_number(const reader *r, const char *kind, const struct study_key *key, const char *text,
                              psac_numbers *numbers) {
  const int is_zero = key->zero && strcmp(text, key->zero) == 0;
  if (is_zero) numbers->value[numbers->n] = 0;
  const psac_value_problem problem =
      is_zero ? PSAC_VALUE_FINE : psac_value_read_integer(&key->key, text, &numbers->value[numbers->n]);
  if (problem != PSAC_VALUE_FINE) {
    return psac_yaml_fail(r->yaml, "%s.%s = \"%s\" %s; allowed: %s", kind, key->key.name, text,
                          problem == PSAC_VALUE_OUT_OF_RANGE ? "is out of range" : "is not an integer",
                          key->key.allowed);
  }
  numbers->n++;
  return PSAC_OK;
}

static psac_status read_numbers(reader *r, const char *kind, const struct study_key *key, psac_numbers *numbers) {
  psac_yaml_item item;
  PSAC_TRY(psac_yaml_next(r->yaml, &item));
  if (item.kind == PSAC_YAML_VALUE) return add_number(r, kind, key, item.text, numbers);
  if (item.kind != PSAC_YAML_LIST || !key->is_list) {
    return psac_yaml_fail(r->yaml, "%s.%s has to be one number%s", kind, key->key.name,
                          key->is_list ? " or a list of numbers" : "");
  }
  for (;;) {
    PSAC_TRY(psac_yaml_next(r->yaml, &item));
    if (item.kind == PSAC_YAML_END) break;
    if (item.kind != PSAC_YAML_VALUE)
      return psac_yaml_fail(r->yaml, "%s.%s holds something else than numbers", kind, key->key.name);
    if (numbers->n == PSAC_INT_LIST_MAX) {
      return psac_yaml_fail(r->yaml, "%s.%s has more than %d values", kind, key->key.name, PSAC_INT_LIST_MAX);
    }
    PSAC_TRY(add_number(r, kind, key, item.text, numbers));
  }
  return numbers->n > 0 ? PSAC_OK : psac_yaml_fail(r->yaml, "%s.%s is an empty list", kind, key->key.name);
}

// Fills in the defaults of a section and checks that its keys are consistent.
static psac_status complete(const reader *r, psac_study_kind kind) {
  psac_study_section *section = &r->study->section[kind];
  for (int k = 0; k < N_KEYS; k++) {
    const struct study_key *key = &study_keys[k];
    psac_numbers *numbers = (psac_numbers *)((char *)section + key->key.offset);
    if (numbers->n > 0) continue;
    if (key->otherwise < 0) return psac_yaml_fail(r->yaml, "section %s lacks %s", kind_name[kind], key->key.name);
    *numbers = (psac_numbers){1, {key->otherwise}};
  }
  if (section->trials.n == 1 || section->trials.n == section->neurons.n) return PSAC_OK;
  return psac_yaml_fail(r->yaml, "%s.trials has %d values for the %d of neurons; allowed: one for all, or one for each",
                        kind_name[kind], (int)section->trials.n, (int)section->neurons.n);
}

static psac_status read_section(reader *r, psac_study_kind kind) {
  const char *name = kind_name[kind];
  psac_study_section *section = &r->study->section[kind];
  if (section->is_there) return psac_yaml_fail(r->yaml, "section %s is named a second time", name);
  section->is_there = 1;
  psac_yaml_item item;
  PSAC_TRY(psac_yaml_next(r->yaml, &item));
  if (item.kind != PSAC_YAML_MAPPING) {
    return psac_yaml_fail(r->yaml, "%s is a section; its keys belong below it, indented, as in \"  neurons: [1000]\"",
                          name);
  }
  for (;;) {
    PSAC_TRY(psac_yaml_next(r->yaml, &item));
    if (item.kind == PSAC_YAML_END) return complete(r, kind);
    int k = 0;
    while (k < N_KEYS && (item.kind != PSAC_YAML_VALUE || strcmp(item.text, study_keys[k].key.name) != 0)) k++;
    if (k == N_KEYS) {
      return psac_yaml_fail(r->yaml, "%s.%s is not a key of a study; the nearest is %s", name, item.text,
                            nearest_key(item.text));
    }
    if (!(study_keys[k].kinds & 1 << kind)) return psac_yaml_fail(r->yaml, "section %s has no key %s", name, item.text);
    psac_numbers *numbers = (psac_numbers *)((char *)section + study_keys[k].key.offset);
    if (numbers->n > 0) return psac_yaml_fail(r->yaml, "%s.%s is named a second time", name, item.text);
    PSAC_TRY(read_numbers(r, name, &study_keys[k], numbers));
  }
}

static psac_status read_sections(reader *r) {
  psac_yaml_item item;
  PSAC_TRY(psac_yaml_next(r->yaml, &item));
  int n_sections = 0;
  for (int is_mapping = item.kind == PSAC_YAML_MAPPING;; n_sections++) {
    if (is_mapping) PSAC_TRY(psac_yaml_next(r->yaml, &item));
    if (!is_mapping || (item.kind == PSAC_YAML_END && n_sections == 0)) {
      return psac_yaml_fail(r->yaml, "a study consists of sections: weak, strong, size, accuracy");
    }
    if (item.kind == PSAC_YAML_END) return psac_yaml_next(r->yaml, &item);
    int kind = 0;
    while (kind < PSAC_N_STUDY_KINDS && (item.kind != PSAC_YAML_VALUE || strcmp(item.text, kind_name[kind]) != 0))
      kind++;
    if (kind == PSAC_N_STUDY_KINDS) {
      return psac_yaml_fail(r->yaml, "%s is not a section of a study; the nearest is %s", item.text,
                            nearest_kind(item.text));
    }
    PSAC_TRY(read_section(r, (psac_study_kind)kind));
  }
}

psac_status psac_study_parse(const char *text, size_t n_bytes, const char *origin, psac_study *study) {
  memset(study, 0, sizeof *study);
  reader r = {.study = study};
  PSAC_TRY(psac_yaml_open(text, n_bytes, origin, true, &r.yaml));
  const psac_status status = read_sections(&r);
  psac_yaml_close(&r.yaml);
  return status;
}

psac_status psac_study_read(const char *path, psac_study *study) {
  psac_config_text text;
  psac_status status = psac_config_text_read(path, false, &text);
  if (status == PSAC_OK) status = psac_study_parse(text.bytes, text.n_bytes, text.origin, study);
  psac_config_text_free(&text);
  return status;
}

static int n_section_cases(const psac_study_section *section) {
  return section->is_there ? (int)(section->neurons.n * section->batch.n * section->replicas.n) : 0;
}

int psac_study_n_cases(const psac_study *study) {
  int n = 0;
  for (int kind = 0; kind < PSAC_N_STUDY_KINDS; kind++) n += n_section_cases(&study->section[kind]);
  return n;
}

psac_scaling_case psac_study_case(const psac_study *study, int k, int64_t n_ranks) {
  int kind = 0;
  for (; k >= n_section_cases(&study->section[kind]); kind++) k -= n_section_cases(&study->section[kind]);
  const psac_study_section *section = &study->section[kind];
  const int64_t replicas = k % section->replicas.n, batch = k / section->replicas.n % section->batch.n;
  const int64_t size = k / section->replicas.n / section->batch.n;
  return (psac_scaling_case){
      .kind = (psac_study_kind)kind,
      .neurons = section->neurons.value[size] * (kind == PSAC_STUDY_WEAK ? n_ranks : 1),
      .ranks = n_ranks,
      .replicas = section->replicas.value[replicas],
      .batch = section->batch.value[batch],
      .trials = section->trials.value[section->trials.n > 1 ? size : 0],
      .warm_up = section->warm_up.value[0],
      .repeats = section->repeats.value[0],
      .test_images = section->test_images.value[0],
  };
}
