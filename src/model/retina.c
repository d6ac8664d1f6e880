#include "src/model/retina.h"

#include "kernels/retina_core.h"

enum { MAX_UNITS = 64 * 64 };

void psac_retina_size(const psac_config *config, int *height, int *width) {
  *height = (int)(config->retina.input_size[0] / config->retina.stride);
  *width = (int)(config->retina.input_size[1] / config->retina.stride);
}

void psac_retina_pool(const psac_config *config, const uint8_t *image, float *pooled) {
  const int rows = (int)config->retina.input_size[0], columns = (int)config->retina.input_size[1];
  const int pool = (int)config->retina.pool_size, stride = (int)config->retina.stride;
  int height, width;
  psac_retina_size(config, &height, &width);
  for (int y = 0; y < height; y++) {
    for (int x = 0; x < width; x++) {
      int sum = 0, n = 0;  // windows are clipped at the edge
      for (int i = y * stride; i < y * stride + pool && i < rows; i++) {
        for (int j = x * stride; j < x * stride + pool && j < columns; j++) {
          sum += image[i * columns + j];
          n++;
        }
      }
      pooled[y * width + x] = (float)((double)sum / n) / 255.0f;
    }
  }
}

void psac_retina_thresholds(const psac_config *config, const uint8_t *image, uint64_t *threshold) {
  float pooled[MAX_UNITS];
  int height, width;
  psac_retina_size(config, &height, &width);
  psac_retina_pool(config, image, pooled);
  double sum = 0.0;
  // psac_retina_pool has filled these: NOLINTNEXTLINE(clang-analyzer-core.uninitialized.Assign)
  for (int u = 0; u < height * width; u++) sum += (double)pooled[u];
  double scale = config->retina.spike_rate_scaling;
  if (config->retina.gain_control > 0.0 && sum > 0.0) scale *= config->retina.gain_control / sum;
  for (int u = 0; u < height * width; u++) {
    threshold[u] = psac_retina_threshold((double)pooled[u] * scale, config->simulation.dt);
  }
}
