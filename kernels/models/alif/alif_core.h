// The leaky integrate-and-fire neuron with an adaptive threshold (docs/model.md, "Neurons"; Bellec et al. 2018, "Long
// short-term memory and learning-to-learn in networks of spiking neurons"). Common subset of C and C++.
#ifndef PSAC_KERNELS_MODELS_ALIF_ALIF_CORE_H
#define PSAC_KERNELS_MODELS_ALIF_ALIF_CORE_H

#include "base/device.h"
#include "kernels/models/lif/lif_core.h"
#include "kernels/models/neuron.h"

enum { PSAC_ALIF_STATES = 1 };  // a, the adaptive part of the threshold

// psac_neuron.parameter
enum {
  PSAC_ALIF_DECAY,      // exp(-dt / tau_adapt)
  PSAC_ALIF_INCREMENT,  // added to a per spike, >= 0; a stays below increment / (1 - decay)
};

// One step; returns 1 on a spike. The threshold is v_thresh + a. After the threshold test a decays, also in refractory
// neurons, and a spike adds the increment. A refractory neuron keeps its potential.
PSAC_HD static inline int psac_alif_step(const psac_neuron *neuron, float leak, float current, int refractory, float *v,
                                         float *a) {
  const float integrated = psac_lif_integrate(*v, current, leak);
  const float next = refractory ? *v : integrated;
  const int spikes = next >= neuron->v_thresh + *a;
  *v = spikes ? neuron->v_reset : next;
  *a = *a * neuron->parameter[PSAC_ALIF_DECAY] + (spikes ? neuron->parameter[PSAC_ALIF_INCREMENT] : 0.0f);
  return spikes;
}

#endif
