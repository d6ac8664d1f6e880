#include "src/model/weights.h"

#include <stdlib.h>

#include "kernels/weight_core.h"
#include "src/model/bounds.h"

// Copies n readout rows to the host, calls `use` for each, and copies them back if `write_back`.
static psac_status with_rows(const psac_network *network, int64_t first, int64_t n, int write_back,
                             void (*use)(int32_t *row, int64_t i, void *context), void *context) {
  const size_t width = (size_t)network->shard.columns.n, n_bytes = sizeof(int32_t) * (size_t)n * width;
  int32_t *own = network->shard.rows + (size_t)first * width, *rows = malloc(n_bytes + 1);
  if (!rows) return psac_fail(PSAC_ERR_MEMORY, "out of memory: %zu bytes for a copy of the weights", n_bytes);
  psac_status status = psac_network_fetch(network, rows, own, n_bytes);
  for (int64_t i = 0; status == PSAC_OK && i < n; i++) use(rows + (size_t)i * width, i, context);
  if (status == PSAC_OK && write_back) status = network->backend->device->upload(network->stream, own, rows, n_bytes);
  if (status == PSAC_OK) status = psac_network_settle(network);
  free(rows);
  return status;
}

typedef struct weight_copy {
  float *to_output, *to_critic;
  int n_output, n_critic, n_plastic_critic;
  psac_rule rule;
  int set;
} weight_copy;

static void copy_row(int32_t *row, int64_t i, void *context) {
  const weight_copy *copy = context;
  float *output = copy->to_output + i * copy->n_output;
  float *critic = copy->to_critic ? copy->to_critic + i * copy->n_critic : NULL;
  for (int o = 0; o < copy->n_output; o++) {
    if (copy->set) row[o] = psac_weight_store(copy->rule, output[o]);
    else output[o] = psac_weight_value(copy->rule, row[o]);
  }
  for (int c = 0; critic && c < copy->n_critic; c++) {
    if (!copy->set) {
      critic[c] = c < copy->n_plastic_critic ? psac_weight_value(copy->rule, row[copy->n_output + c]) : 0.0f;
    } else if (c < copy->n_plastic_critic) row[copy->n_output + c] = psac_weight_store(copy->rule, critic[c]);
  }
}

static weight_copy make_copy(const psac_network *network, const float *to_output, const float *to_critic, int set) {
  return (weight_copy){(float *)to_output,
                       (float *)to_critic,
                       network->shard.columns.n_output,
                       (int)network->config.actor_critic.num_critic_neurons,
                       network->shard.columns.n_critic,
                       network->shard.rule,
                       set};
}

psac_status psac_network_get_weights(const psac_network *network, int64_t first, int64_t n, float *to_output,
                                     float *to_critic) {
  weight_copy copy = make_copy(network, to_output, to_critic, 0);
  return with_rows(network, first, n, 0, copy_row, &copy);
}

psac_status psac_network_set_weights(psac_network *network, int64_t first, int64_t n, const float *to_output,
                                     const float *to_critic) {
  weight_copy copy = make_copy(network, to_output, to_critic, 1);
  const float *const array[2] = {to_output, to_critic};
  const int width[2] = {copy.n_output, copy.n_critic};
  const double limit = psac_bounds_weight(&network->config);
  for (int a = 0; a < 2; a++) {
    for (int64_t k = 0; array[a] && k < n * width[a]; k++) {
      if (!((double)array[a][k] >= -limit && (double)array[a][k] < limit)) {
        return psac_fail(PSAC_ERR_INPUT, "weight [%lld][%lld] = %g is not in [-%g, %g)",
                         (long long)(network->shard.first_gid + first + k / width[a]), (long long)(k % width[a]),
                         (double)array[a][k], limit, limit);
      }
    }
  }
  network->weights_in_range = 0;
  return with_rows(network, first, n, 1, copy_row, &copy);
}
