#include "src/run/run_options.h"

#include <string.h>

#include "src/config/config_value.h"

psac_status psac_option_whole(const char *name, const char *text, int64_t lowest, int64_t highest, int64_t *value) {
  const psac_key key = {.lowest = (double)lowest, .highest = (double)highest};
  if (psac_value_read_integer(&key, text, value) == PSAC_VALUE_FINE) return PSAC_OK;
  return psac_fail(PSAC_ERR_INPUT, "--%s %.40s is not a whole number from %lld to %lld", name, text, (long long)lowest,
                   (long long)highest);
}

psac_status psac_option_replicas(const char *text, int64_t *n_replicas) {
  *n_replicas = 0;
  if (strcmp(text, "auto") == 0) return PSAC_OK;
  if (psac_option_whole("replicas", text, 1, PSAC_MOST_REPLICAS, n_replicas) == PSAC_OK) return PSAC_OK;
  return psac_fail(PSAC_ERR_INPUT, "--replicas %.40s is neither auto nor a whole number from 1 to %d", text,
                   PSAC_MOST_REPLICAS);
}
