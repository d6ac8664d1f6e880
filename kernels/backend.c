#include "kernels/backend.h"

psac_lanes psac_lanes_make(int n_output, int n_critic) {
  psac_lanes lanes;
  lanes.n_output = n_output;
  lanes.n_critic = n_critic;
  lanes.mean_count = n_output + n_critic;
  lanes.one = lanes.mean_count + 1;
  lanes.n = (lanes.one + 4) / 4 * 4;
  lanes.n_eligibility = (n_output + 2 + 3) / 4 * 4;
  return lanes;
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
