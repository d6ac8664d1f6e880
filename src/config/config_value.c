#include "src/config/config_value.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// strto* also accept blanks, hexadecimal, nan and inf; this restricts them to the characters of decimal numbers.
static bool is_decimal(const char *text) { return *text != '\0' && text[strspn(text, "0123456789+-.eE")] == '\0'; }

psac_value_problem psac_value_read_real(const psac_key *key, const char *text, double *value) {
  if (!is_decimal(text)) return PSAC_VALUE_NOT_A_NUMBER;
  char *end;
  const double number = strtod(text, &end);  // infinite if too large, and so out of every range
  if (*end != '\0') return PSAC_VALUE_NOT_A_NUMBER;
  if (number < key->lowest || number > key->highest) return PSAC_VALUE_OUT_OF_RANGE;
  *value = number;
  return PSAC_VALUE_FINE;
}

psac_value_problem psac_value_read_integer(const psac_key *key, const char *text, int64_t *value) {
  if (!is_decimal(text)) return PSAC_VALUE_NOT_AN_INTEGER;
  char *end;
  errno = 0;
  int64_t number = strtoll(text, &end, 10);
  const bool fits = errno == 0;
  if (*end != '\0') {                              // a point or an exponent follows
    const long double real = strtold(text, &end);  // its significand of 64 bits or more holds every int64_t exactly
    if (*end != '\0' || real != rintl(real)) return PSAC_VALUE_NOT_AN_INTEGER;
    if (fabsl(real) >= 0x1p63L) return PSAC_VALUE_OUT_OF_RANGE;
    number = (int64_t)real;
  } else if (!fits) {
    return PSAC_VALUE_OUT_OF_RANGE;
  }
  // As a double the highest int64_t rounds up to 2^63, which lets every int64_t pass; all other bounds are exact.
  if ((double)number < key->lowest || (double)number > key->highest) return PSAC_VALUE_OUT_OF_RANGE;
  *value = number;
  return PSAC_VALUE_FINE;
}

const char *psac_value_option(const psac_key *key, int value, int *n_bytes) {
  const char *option = key->allowed;
  while (value-- > 0) option = strchr(option, '|') + 1;
  *n_bytes = (int)strcspn(option, "|");
  return option;
}

const char *psac_present_name(const char *text) { return strcmp(text, "seed") == 0 ? "notebook" : text; }

psac_value_problem psac_value_read_choice(const psac_key *key, const char *text, int *value) {
  const char *option = key->allowed;
  text = psac_present_name(text);
  for (int i = 0;; i++) {
    const size_t n_bytes = strcspn(option, "|");
    if (strlen(text) == n_bytes && memcmp(text, option, n_bytes) == 0) {
      *value = i;
      return PSAC_VALUE_FINE;
    }
    if (option[n_bytes] == '\0') return PSAC_VALUE_NOT_AN_OPTION;
    option += n_bytes + 1;
  }
}

psac_real_text psac_value_real_text(double value) {
  psac_real_text real;
  for (int n_digits = 15; n_digits <= 17; n_digits++) {  // a decimal of up to 15 digits prints as it was written
    snprintf(real.text, sizeof real.text, "%.*g", n_digits, value);
    if (strtod(real.text, NULL) == value) break;
  }
  if (strpbrk(real.text, ".e") == NULL) strcat(real.text, ".0");
  return real;
}
