#include "src/model/fan_out.h"

#include <math.h>

#include "kernels/source_core.h"

double psac_fan_out_entries(double mean, double group) {
  const int last = (int)(mean + 12.0 * sqrt(mean) + 30.0);
  double probability = exp(-mean), entries = 0.0;
  if (probability < 1e-300) return mean + (group - 1.0) / 2.0;
  for (int k = 1; k <= last; k++) {
    probability *= mean / k;
    entries += probability * ceil(k / group) * group;
  }
  return entries;
}

double psac_fan_out_bytes(double mean, double index_bytes) {
  return psac_fan_out_entries(mean, psac_target_group(mean, (int)index_bytes)) * index_bytes;
}

double psac_fan_out_sources(double mean) { return -expm1(-mean); }

double psac_fan_out_index_bytes(int64_t n_words) { return psac_target_bytes(64 * n_words); }
