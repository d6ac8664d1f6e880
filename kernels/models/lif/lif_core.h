// The leaky integrate-and-fire neuron, for all layers (docs/model.md, "Neurons"). Common subset of C and C++.
#ifndef PSAC_KERNELS_MODELS_LIF_LIF_CORE_H
#define PSAC_KERNELS_MODELS_LIF_LIF_CORE_H

#include "base/device.h"
#include "kernels/models/neuron.h"

enum { PSAC_LIF_STATES = 0 };  // besides the potential

// One Euler step of  tau_m dv/dt = I - v.  v, i: membrane potential and current in the same unit; leak = dt / tau_m.
PSAC_HD static inline float psac_lif_integrate(float v, float i, float leak) { return v + (i - v) * leak; }

// Threshold and reset: sets *v to the potential `next` of this step, or to v_reset if that reaches v_thresh; returns 1
// on a spike.
PSAC_HD static inline int psac_lif_fire(const psac_neuron *neuron, float next, float *v) {
  const int spikes = next >= neuron->v_thresh;
  *v = spikes ? neuron->v_reset : next;
  return spikes;
}

// One step; returns 1 on a spike. A refractory neuron keeps its potential.
PSAC_HD static inline int psac_lif_step(const psac_neuron *neuron, float leak, float current, int refractory, float *v,
                                        const float *state) {
  (void)state;
  const float integrated = psac_lif_integrate(*v, current, leak);
  return psac_lif_fire(neuron, refractory ? *v : integrated, v);
}

#endif
