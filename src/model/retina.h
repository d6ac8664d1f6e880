// From an image to spike rates (docs/model.md, "Retina"). The spikes themselves are drawn by the kernels.
#ifndef PSAC_MODEL_RETINA_H
#define PSAC_MODEL_RETINA_H

#include <stdint.h>

#include "src/config/config.h"

// Height and width of the pooled image.
void psac_retina_size(const psac_config *config, int *height, int *width);

// pooled [height][width] = mean over each pooling window / 255, in [0, 1]; image [input height][input width] bytes.
void psac_retina_pool(const psac_config *config, const uint8_t *image, float *pooled);

// threshold [height][width] = spike probability per step x 2^32: pooled x spike_rate_scaling, scaled to the sum of
// `gain_control` fully lit pixels if that is above 0.
void psac_retina_thresholds(const psac_config *config, const uint8_t *image, uint64_t *threshold);

#endif
