// The leaky integrate-and-fire neuron, for all layers (docs/model.md, "Neurons"). Common subset of C and C++.
#ifndef PSAC_KERNELS_LIF_CORE_H
#define PSAC_KERNELS_LIF_CORE_H

#include "base/device.h"

// One Euler step of  tau_m dv/dt = I - v  in the notebook's own order of operations, so that its spikes are reproduced exactly.
// v, i: membrane potential and current in the same unit; dt, tau_m: ms.
PSAC_HD static inline float psac_lif_integrate(float v, float i, float dt, float tau_m) { return v + (i - v) * dt / tau_m; }

#endif
