// The output and critic neurons on rank 0 (docs/model.md, "Readout"). Common subset of C and C++.
#ifndef PSAC_KERNELS_READOUT_CORE_H
#define PSAC_KERNELS_READOUT_CORE_H

#include <math.h>
#include <stdint.h>

#include "base/device.h"
#include "kernels/models/lif/lif_core.h"
#include "kernels/models/notebook/notebook_lif_core.h"
#include "kernels/shard.h"

// Input of a neuron, I = bias + gain * sum (w - reference) s, from its drive and the number of middle spikes.
PSAC_HD static inline float psac_readout_current(const psac_readout_layer *layer, int64_t drive, int64_t n_spikes) {
  const double reference = (double)layer->weight_reference * (double)n_spikes;
  const double weighted = layer->first_column >= 0 ? (double)drive * layer->drive_step - reference : 0.0;
  return fmaf(layer->gain, (float)weighted, layer->bias_current);
}

// Step t of one neuron: integration with a floor, unless it is refractory until *free_at; returns 1 on a spike.
PSAC_HD static inline int psac_readout_step(const psac_readout_layer *layer, float current, int t, float *v,
                                            int32_t *free_at) {
  if (t < *free_at) return 0;
  const float integrated = layer->is_notebook ? psac_notebook_integrate(*v, current, layer->neuron.dt, layer->tau_m)
                                              : psac_lif_integrate(*v, current, layer->leak);
  if (!psac_lif_fire(&layer->neuron, fmaxf(integrated, layer->v_floor), v)) return 0;
  *free_at = t + layer->refractory_steps;
  return 1;
}

#endif
