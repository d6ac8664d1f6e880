// A YAML text as a flat sequence of items, for readers that know which structure they expect.
//
// Accepts a subset of YAML: one document in UTF-8 without tabs, backslashes, directives, anchors, aliases and tags.
// Scalars are of one line and fewer than PSAC_YAML_TEXT_BYTES bytes, so that messages can quote them verbatim.
#ifndef PSAC_CONFIG_CONFIG_YAML_H
#define PSAC_CONFIG_CONFIG_YAML_H

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

enum {
  PSAC_YAML_TEXT_BYTES = 128,
  PSAC_YAML_BYTES_MAX = 1 << 16  // of a text; libfyaml's time is quadratic in the length of a run of blanks
};

typedef enum psac_yaml_kind {
  PSAC_YAML_VALUE,    // a scalar; within a mapping, keys and values alternate
  PSAC_YAML_MAPPING,  // its contents follow, then PSAC_YAML_END
  PSAC_YAML_LIST,     // its elements follow, then PSAC_YAML_END
  PSAC_YAML_END       // of the innermost mapping or list, or of the text
} psac_yaml_kind;

typedef struct psac_yaml_item {
  psac_yaml_kind kind;
  char text[PSAC_YAML_TEXT_BYTES];  // of a value; "" if the value is omitted
} psac_yaml_item;

typedef struct psac_yaml psac_yaml;

// Version of the libfyaml that is loaded at run time.
const char *psac_yaml_version(void);

// Starts to read `text`. Messages begin with "origin:line: ", or with "origin: " if not `has_lines`. `text` and
// `origin` are borrowed until psac_yaml_close, which the caller calls.
psac_status psac_yaml_open(const char *text, size_t n_bytes, const char *origin, bool has_lines, psac_yaml **out);

// NULL-safe.
void psac_yaml_close(psac_yaml **yaml);

// Reads the next item. Must not be called after the PSAC_YAML_END of the text.
psac_status psac_yaml_next(psac_yaml *yaml, psac_yaml_item *item);

// The line of the latest item, from 1.
int psac_yaml_line(const psac_yaml *yaml);

// psac_fail(PSAC_ERR_INPUT, ...) at the latest item.
psac_status psac_yaml_fail(const psac_yaml *yaml, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
