// The notebook's leaky integrate-and-fire neuron: the model of models/lif with the notebook's order of operations, so
// that its spikes are reproduced exactly. Common subset of C and C++.
#ifndef PSAC_KERNELS_MODELS_NOTEBOOK_NOTEBOOK_LIF_CORE_H
#define PSAC_KERNELS_MODELS_NOTEBOOK_NOTEBOOK_LIF_CORE_H

#include "base/device.h"
#include "kernels/models/lif/lif_core.h"
#include "kernels/models/neuron.h"

enum { PSAC_NOTEBOOK_STATES = 0 };

// PyTorch's  v += (-v + i) * dt / tau_m.  dt, tau_m: ms.
PSAC_HD static inline float psac_notebook_integrate(float v, float i, float dt, float tau_m) {
  return v + (i - v) * dt / tau_m;
}

// As psac_lif_step, with the time constant, in ms, instead of the leak.
PSAC_HD static inline int psac_notebook_step(const psac_neuron *neuron, float tau_m, float current, int refractory,
                                             float *v, const float *state) {
  (void)state;
  const float integrated = psac_notebook_integrate(*v, current, neuron->dt, tau_m);
  return psac_lif_fire(neuron, refractory ? *v : integrated, v);
}

#endif
