// Parameters of a neuron population, for all models. Common subset of C and C++.
#ifndef PSAC_KERNELS_MODELS_NEURON_H
#define PSAC_KERNELS_MODELS_NEURON_H

enum { PSAC_NEURON_STATES_MAX = 1, PSAC_NEURON_PARAMETERS = 2 };

// Potentials are in the unit of the currents: mV on rank 0, 1 / current_scale in the middle layer.
typedef struct psac_neuron {
  float dt;  // ms
  float v_rest, v_thresh, v_reset;
  float parameter[PSAC_NEURON_PARAMETERS];  // model-specific
} psac_neuron;

#endif
