#include "kernels/backend.h"

#include "kernels/rules/power_stdp/power_stdp_core.h"

psac_columns psac_columns_make(int n_output, int n_critic) {
  psac_columns columns;
  columns.n_output = n_output;
  columns.n_critic = n_critic;
  columns.mean_count = n_output + n_critic;
  columns.one = columns.mean_count + 1;
  columns.n = (columns.one + 4) / 4 * 4;
  columns.n_eligibility = psac_power_stdp_columns(n_output);
  return columns;
}

const psac_backend *const *psac_backends(void) {
  static const psac_backend *const all[] = {
      &psac_backend_cpu,
#ifdef PSAC_HAS_CUDA
      &psac_backend_cuda,
#endif
      NULL,
  };
  return all;
}
