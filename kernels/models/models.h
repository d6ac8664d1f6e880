// The neuron models of the middle layer. A model is a folder with its parameters, its state and its step function. Both
// backends instantiate their loops for each model of this list, with the model known at compile time. Common subset of
// C and C++.
#ifndef PSAC_KERNELS_MODELS_MODELS_H
#define PSAC_KERNELS_MODELS_MODELS_H

#include "base/device.h"
#include "kernels/models/alif/alif_core.h"
#include "kernels/models/lif/lif_core.h"
#include "kernels/models/neuron.h"
#include "kernels/models/notebook/notebook_lif_core.h"

// X(NAME, name): psac_<name>_step, PSAC_<NAME>_STATES
#define PSAC_NEURON_MODELS(X) X(LIF, lif) X(ALIF, alif) X(NOTEBOOK, notebook)

typedef enum psac_neuron_model {
#define X(NAME, name) PSAC_NEURON_##NAME,
  PSAC_NEURON_MODELS(X)
#undef X
} psac_neuron_model;

// Number of state variables of a neuron besides its potential; they start at 0 in every presentation.
PSAC_HD static inline int psac_neuron_states(psac_neuron_model model) {
  switch (model) {
#define X(NAME, name) \
  case PSAC_NEURON_##NAME: return PSAC_##NAME##_STATES;
    PSAC_NEURON_MODELS(X)
#undef X
  }
  return 0;
}

// One step of a neuron; returns 1 on a spike. leak: dt / tau_m, or the model's equivalent (arrays.def); state
// [psac_neuron_states(model)].
PSAC_HD static inline int psac_neuron_step(psac_neuron_model model, const psac_neuron *neuron, float leak,
                                           float current, int refractory, float *v, float *state) {
  switch (model) {
#define X(NAME, name) \
  case PSAC_NEURON_##NAME: return psac_##name##_step(neuron, leak, current, refractory, v, state);
    PSAC_NEURON_MODELS(X)
#undef X
  }
  return 0;
}

#endif
