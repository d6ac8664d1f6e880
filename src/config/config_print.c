#include "src/config/config.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/config/config_table.h"
#include "src/config/config_value.h"

enum { COMMENT_COLUMN = 29 };  // longer values push their comment to the right

static const char head[] =
    "# Every key of psac_dist: value, [unit], meaning; allowed range.\n"
    "#\n"
    "# A configuration of your own names only the keys that differ, for example\n"
    "#\n"
    "#   middle_layer:\n"
    "#     num_neurons: 100000\n"
    "#\n"
    "# and a single key can also be given on the command line: --set middle_layer.num_neurons=100000\n";

// The print_* functions return the number of characters written, as fprintf does.

static int print_integers(FILE *out, const int64_t *value, int64_t n) {
  int length = fprintf(out, "[");
  for (int64_t i = 0; i < n; i++) length += fprintf(out, "%s%" PRId64, i > 0 ? ", " : "", value[i]);
  return length + fprintf(out, "]");
}

static int print_option(FILE *out, const psac_key *key, int value) {
  int length;
  const char *option = psac_value_option(key, value, &length);
  return fprintf(out, "%.*s", length, option);
}

static int print_value(FILE *out, const psac_key *key, const psac_config *config) {
  const void *value = (const char *)config + key->offset;
  const psac_int_list *list = value;
  switch (key->kind) {
    case PSAC_KIND_INTEGER: return fprintf(out, "%" PRId64, *(const int64_t *)value);
    case PSAC_KIND_REAL: return fprintf(out, "%s", psac_value_real_text(*(const double *)value).text);
    case PSAC_KIND_CHOICE: return print_option(out, key, *(const int *)value);
    case PSAC_KIND_PAIR: return print_integers(out, value, 2);
    case PSAC_KIND_LIST: return print_integers(out, list->value, list->n);
  }
  return 0;
}

static void print_key(FILE *out, const psac_key *key, const psac_config *config) {
  int length = fprintf(out, "  %s: ", psac_key_short_name(key));
  length += print_value(out, key, config);
  fprintf(out, "%*s# ", length + 2 < COMMENT_COLUMN ? COMMENT_COLUMN - length : 2, "");
  if (key->unit[0] != '\0') fprintf(out, "[%s] ", key->unit);
  fprintf(out, "%s; %s\n", key->description, key->allowed);
}

psac_status psac_config_print(const psac_config *config, char **text) {
  size_t n_bytes;
  *text = NULL;
  FILE *out = open_memstream(text, &n_bytes);
  if (out == NULL) return psac_fail(PSAC_ERR_MEMORY, "out of memory for the text of the configuration");
  fprintf(out, "%s", head);
  int section = -1;
  for (const psac_key *key = psac_keys; key < psac_keys + PSAC_N_KEYS; key++) {
    if (key->section != section) {
      section = key->section;
      fprintf(out, "\n# %s\n%s:\n", psac_sections[section].description, psac_sections[section].name);
    }
    print_key(out, key, config);
  }
  const int failed = ferror(out);
  if (fclose(out) == 0 && !failed) return PSAC_OK;
  free(*text);
  *text = NULL;
  return psac_fail(PSAC_ERR_MEMORY, "out of memory for the text of the configuration");
}

static int is_listed(const char *name, const char *const *list) {
  for (; *list; list++) {
    const size_t n = strlen(*list);
    if (strncmp(name, *list, n) == 0 && (name[n] == '\0' || (*list)[n - 1] == '.')) return 1;
  }
  return 0;
}

static int differs(const psac_key *key, const psac_config *a, const psac_config *b) {
  static const size_t n_bytes[] = {[PSAC_KIND_INTEGER] = sizeof(int64_t),
                                   [PSAC_KIND_REAL] = sizeof(double),
                                   [PSAC_KIND_CHOICE] = sizeof(int),
                                   [PSAC_KIND_PAIR] = 2 * sizeof(int64_t),
                                   [PSAC_KIND_LIST] = sizeof(psac_int_list)};
  return memcmp((const char *)a + key->offset, (const char *)b + key->offset, n_bytes[key->kind]) != 0;
}

psac_status psac_config_differences(const psac_config *now, const psac_config *before, const char *const *ignored,
                                    char **text) {
  size_t n_bytes;
  *text = NULL;
  FILE *out = open_memstream(text, &n_bytes);
  if (out == NULL) return psac_fail(PSAC_ERR_MEMORY, "out of memory comparing configurations");
  const char *separator = "";
  for (const psac_key *key = psac_keys; key < psac_keys + PSAC_N_KEYS; key++) {
    if (is_listed(key->name, ignored) || !differs(key, now, before)) continue;
    fprintf(out, "%s%s = ", separator, key->name);
    print_value(out, key, now);
    fprintf(out, " (was ");
    print_value(out, key, before);
    fprintf(out, ")");
    separator = ", ";
  }
  const int failed = ferror(out);
  if (fclose(out) == 0 && !failed) return PSAC_OK;
  free(*text);
  *text = NULL;
  return psac_fail(PSAC_ERR_MEMORY, "out of memory comparing configurations");
}
