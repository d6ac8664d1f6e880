#include "src/config/config.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/config/config_table.h"
#include "src/config/config_value.h"
#include "src/config/config_yaml.h"

enum { NAME_BYTES = 2 * PSAC_YAML_TEXT_BYTES };  // "section.key" as written, with its NUL

typedef struct reader {
  psac_yaml *yaml;
  psac_config *config;                // a copy of the caller's, changed key by key
  int section_line[PSAC_N_SECTIONS];  // line at which the text names the section; 0 = not yet
  int key_line[PSAC_N_KEYS];          // the same for keys
} reader;

// Fails with "section.key COMPLAINT; allowed: ...".
__attribute__((format(printf, 3, 4))) static psac_status refuse(const reader *r, const psac_key *key,
                                                                const char *format, ...) {
  char complaint[2 * PSAC_YAML_TEXT_BYTES];
  va_list args;
  va_start(args, format);
  vsnprintf(complaint, sizeof complaint, format, args);
  va_end(args);
  return psac_yaml_fail(r->yaml, "%s %s; allowed: %s%s%s", key->name, complaint, key->allowed,
                        key->unit[0] != '\0' ? " " : "", key->unit);
}

// Fails with the message for `problem`; PSAC_OK if there is none.
static psac_status judge(const reader *r, const psac_key *key, const char *text, psac_value_problem problem) {
  switch (problem) {
    case PSAC_VALUE_FINE: return PSAC_OK;
    case PSAC_VALUE_NOT_A_NUMBER: return refuse(r, key, "= \"%s\" is not a number", text);
    case PSAC_VALUE_NOT_AN_INTEGER: return refuse(r, key, "= \"%s\" is not an integer", text);
    case PSAC_VALUE_NOT_AN_OPTION: return refuse(r, key, "= \"%s\" is not an option", text);
    case PSAC_VALUE_OUT_OF_RANGE: return refuse(r, key, "= %s is out of range", text);
  }
  return PSAC_ERR_INTERNAL;
}

static psac_status expect(reader *r, const psac_key *key, psac_yaml_kind expected, psac_yaml_item *item) {
  static const char *const noun[] = {"one value", "a mapping", "a list", "nothing"};  // by psac_yaml_kind
  PSAC_TRY(psac_yaml_next(r->yaml, item));
  if (item->kind == expected) return PSAC_OK;
  return refuse(r, key, "has to be %s, but here is %s", noun[expected], noun[item->kind]);
}

// Reads the integers of a PAIR or a LIST.
static psac_status read_integers(reader *r, const psac_key *key, psac_int_list *list) {
  *list = (psac_int_list){0};
  psac_yaml_item item;
  PSAC_TRY(expect(r, key, PSAC_YAML_LIST, &item));
  for (;;) {
    PSAC_TRY(psac_yaml_next(r->yaml, &item));
    if (item.kind == PSAC_YAML_END) return PSAC_OK;
    if (item.kind != PSAC_YAML_VALUE) return refuse(r, key, "holds a list or a mapping");
    if (list->n == PSAC_INT_LIST_MAX) return refuse(r, key, "has more than %d values", PSAC_INT_LIST_MAX);
    PSAC_TRY(judge(r, key, item.text, psac_value_read_integer(key, item.text, &list->value[list->n++])));
  }
}

static psac_status read_pair(reader *r, const psac_key *key, int64_t pair[2]) {
  psac_int_list list;
  PSAC_TRY(read_integers(r, key, &list));
  if (list.n != 2) return refuse(r, key, "takes 2 values, not %d", (int)list.n);
  memcpy(pair, list.value, 2 * sizeof *pair);
  return PSAC_OK;
}

static int compare_integers(const void *a, const void *b) {
  const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return (x > y) - (x < y);
}

static psac_status read_list(reader *r, const psac_key *key, psac_int_list *sorted) {
  psac_int_list list;
  PSAC_TRY(read_integers(r, key, &list));
  qsort(list.value, (size_t)list.n, sizeof *list.value, compare_integers);
  *sorted = (psac_int_list){0};
  for (int64_t i = 0; i < list.n; i++)
    if (i == 0 || list.value[i] != list.value[i - 1]) sorted->value[sorted->n++] = list.value[i];
  return PSAC_OK;
}

static psac_status read_scalar(reader *r, const psac_key *key, void *value) {
  psac_yaml_item item;
  PSAC_TRY(expect(r, key, PSAC_YAML_VALUE, &item));
  const psac_value_problem problem = key->kind == PSAC_KIND_INTEGER ? psac_value_read_integer(key, item.text, value)
                                     : key->kind == PSAC_KIND_REAL  ? psac_value_read_real(key, item.text, value)
                                                                    : psac_value_read_choice(key, item.text, value);
  return judge(r, key, item.text, problem);
}

static psac_status read_value(reader *r, const psac_key *key) {
  void *value = (char *)r->config + key->offset;
  switch (key->kind) {
    case PSAC_KIND_PAIR: return read_pair(r, key, value);
    case PSAC_KIND_LIST: return read_list(r, key, value);
    default: return read_scalar(r, key, value);
  }
}

static psac_status note_line(const reader *r, const char *name, int *line) {
  if (*line != 0) return psac_yaml_fail(r->yaml, "%s is named a second time; the first is in line %d", name, *line);
  *line = psac_yaml_line(r->yaml);
  return PSAC_OK;
}

// Keys of earlier versions that never had an effect are accepted, with any scalar, and ignored.
static bool is_retired(const char *name) { return strcmp(name, "actor_critic.tau_r") == 0; }

static psac_status skip_value(reader *r, const char *name) {
  psac_yaml_item item;
  PSAC_TRY(psac_yaml_next(r->yaml, &item));
  return item.kind == PSAC_YAML_VALUE ? PSAC_OK : psac_yaml_fail(r->yaml, "%s has to be a number", name);
}

static psac_status read_section(reader *r, int section) {
  const char *name = psac_sections[section].name;
  psac_yaml_item item;
  PSAC_TRY(psac_yaml_next(r->yaml, &item));
  if (item.kind == PSAC_YAML_VALUE && item.text[0] == '\0') return PSAC_OK;  // all of its keys are commented out
  if (item.kind != PSAC_YAML_MAPPING)
    return psac_yaml_fail(r->yaml, "%s is a section; its keys belong below it, indented, as in \"  key: value\"", name);
  for (;;) {
    PSAC_TRY(psac_yaml_next(r->yaml, &item));
    if (item.kind == PSAC_YAML_END) return PSAC_OK;
    if (item.kind != PSAC_YAML_VALUE) return psac_yaml_fail(r->yaml, "a key of section %s has to be a name", name);
    char key_name[NAME_BYTES];
    snprintf(key_name, sizeof key_name, "%s.%s", name, item.text);
    if (is_retired(key_name)) {
      PSAC_TRY(skip_value(r, key_name));
      continue;
    }
    const int key = psac_key_find(key_name);
    if (key < 0)
      return psac_yaml_fail(r->yaml, "%s is not a key; the nearest is %s", key_name, psac_nearest_name(key_name));
    PSAC_TRY(note_line(r, key_name, &r->key_line[key]));
    PSAC_TRY(read_value(r, &psac_keys[key]));
  }
}

static psac_status read_sections(reader *r) {
  psac_yaml_item item;
  PSAC_TRY(psac_yaml_next(r->yaml, &item));
  if (item.kind == PSAC_YAML_END) return PSAC_OK;  // empty, or comments only
  if (item.kind == PSAC_YAML_VALUE && item.text[0] == '\0') return psac_yaml_next(r->yaml, &item);
  if (item.kind != PSAC_YAML_MAPPING)
    return psac_yaml_fail(r->yaml, "a configuration consists of sections, as in \"simulation:\"");
  for (;;) {
    PSAC_TRY(psac_yaml_next(r->yaml, &item));
    if (item.kind == PSAC_YAML_END) return psac_yaml_next(r->yaml, &item);
    if (item.kind != PSAC_YAML_VALUE) return psac_yaml_fail(r->yaml, "a section has to be a name");
    const int section = psac_section_find(item.text);
    if (section < 0)
      return psac_yaml_fail(r->yaml, "%s is not a section; the nearest is %s", item.text, psac_nearest_name(item.text));
    PSAC_TRY(note_line(r, item.text, &r->section_line[section]));
    PSAC_TRY(read_section(r, section));
  }
}

psac_status psac_config_overlay(psac_config *config, const char *text, size_t n_bytes, const char *origin) {
  psac_config copy = *config;
  reader r = {.config = &copy};
  PSAC_TRY(psac_yaml_open(text, n_bytes, origin, true, &r.yaml));
  const psac_status status = read_sections(&r);
  psac_yaml_close(&r.yaml);
  if (status == PSAC_OK) *config = copy;
  return status;
}

psac_status psac_config_set(psac_config *config, const char *assignment) {
  char origin[NAME_BYTES];  // both are truncated at a length far beyond any key
  char name[NAME_BYTES];
  const size_t n_name = strcspn(assignment, "=\r\n");
  snprintf(origin, sizeof origin, "--set %.*s", (int)strcspn(assignment, "\r\n"), assignment);
  snprintf(name, sizeof name, "%.*s", (int)n_name, assignment);
  if (assignment[n_name] != '=') return psac_fail(PSAC_ERR_INPUT, "%s: has to be section.key=value", origin);
  if (is_retired(name)) return PSAC_OK;
  const int key = psac_key_find(name);
  if (key < 0)
    return psac_fail(PSAC_ERR_INPUT, "%s: %s is not a key; the nearest is %s", origin, name, psac_nearest_name(name));

  psac_config copy = *config;
  reader r = {.config = &copy};
  const char *value = assignment + n_name + 1;
  PSAC_TRY(psac_yaml_open(value, strlen(value), origin, false, &r.yaml));
  psac_yaml_item end;
  psac_status status = read_value(&r, &psac_keys[key]);
  if (status == PSAC_OK) status = psac_yaml_next(r.yaml, &end);  // fails if anything follows the value
  psac_yaml_close(&r.yaml);
  if (status == PSAC_OK) *config = copy;
  return status;
}
