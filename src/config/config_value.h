// Converts one value from text and to text: the grammar of numbers and options.
#ifndef PSAC_CONFIG_CONFIG_VALUE_H
#define PSAC_CONFIG_CONFIG_VALUE_H

#include <stdint.h>

#include "src/config/config_table.h"

typedef struct psac_real_text {
  char text[32];  // at most 24 characters, and the terminating NUL
} psac_real_text;

typedef enum psac_value_problem {
  PSAC_VALUE_FINE,
  PSAC_VALUE_NOT_A_NUMBER,
  PSAC_VALUE_NOT_AN_INTEGER,
  PSAC_VALUE_NOT_AN_OPTION,
  PSAC_VALUE_OUT_OF_RANGE
} psac_value_problem;

// Decimal only: "20", "-1.5", "2e-3"; no hexadecimal, nan, inf, blanks or underscores. `key` has the bounds.
psac_value_problem psac_value_read_real(const psac_key *key, const char *text, double *value);

// The same notations for integers: "5000", "5e3", "5000.0".
psac_value_problem psac_value_read_integer(const psac_key *key, const char *text, int64_t *value);

// The current name of an option or built-in configuration, given its current name or that of an earlier version.
const char *psac_present_name(const char *text);

// The index of the option that `text` names.
psac_value_problem psac_value_read_choice(const psac_key *key, const char *text, int *value);

// The shortest decimal text that reads back as `value`, always with a point or an exponent: "1.0", "0.002", "1e-06".
psac_real_text psac_value_real_text(double value);

// Option number `value` of a choice: a pointer into key->allowed, not NUL-terminated, and its length in *n_bytes.
const char *psac_value_option(const psac_key *key, int value, int *n_bytes);

#endif
