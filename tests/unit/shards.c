#include "shards.h"

psac_config shards_config(int64_t n_neurons, int n_steps, int n_trials) {
  psac_config config;
  assert_ok(psac_config_defaults(&config));
  config.middle_layer.num_neurons = n_neurons;
  config.simulation.t_total = n_steps;
  config.simulation.t_skip = n_steps / 4;
  config.simulation.trials_together = n_trials;
  config.training.batch_size = n_trials;
  if (n_neurons == 1) config.recurrence.in_degree = 0;
  return config;
}

void shards_create(shards *cut, const psac_backend *backend, const psac_config *config, int n_ranks) {
  *cut = (shards){.backend = backend, .config = *config, .n_ranks = n_ranks};
  assert_in_range(n_ranks, 1, SHARDS_MAX);
  assert_ok(psac_config_check(config, n_ranks));
  for (int rank = 0; rank < n_ranks; rank++) {
    psac_transport transport = psac_transport_self;  // nothing is sent in these tests
    transport.rank = rank;
    transport.n_ranks = n_ranks;
    assert_ok(psac_network_create(config, backend, &transport, &cut->network[rank]));
  }
  cut->n_trials = cut->network[0]->n_concurrent;
}

void shards_destroy(shards *cut) {
  for (int rank = 0; rank < cut->n_ranks; rank++) psac_network_destroy(&cut->network[rank]);
}

void *shards_download(const shards *cut, const void *device, size_t n_bytes) {
  psac_stream *stream = cut->network[0]->stream;
  for (int rank = 0; rank < cut->n_ranks; rank++)
    assert_ok(cut->backend->device->synchronize(cut->network[rank]->stream));
  void *host = malloc(n_bytes + 1);
  assert_non_null(host);
  assert_ok(cut->backend->device->download(stream, host, device, n_bytes));
  assert_ok(cut->backend->device->synchronize(stream));
  return host;
}

void shards_upload(const shards *cut, void *device, const void *host, size_t n_bytes) {
  psac_stream *stream = cut->network[0]->stream;
  assert_ok(cut->backend->device->upload(stream, device, host, n_bytes));
  assert_ok(cut->backend->device->synchronize(stream));
}

void *shards_alloc(const shards *cut, const void *host, size_t n_bytes) {
  void *device;
  assert_ok(cut->backend->device->alloc(&device, n_bytes, "a test"));
  if (host) shards_upload(cut, device, host, n_bytes);
  return device;
}

psac_shard *shards_at(const shards *cut, int rank) { return &cut->network[rank]->shard; }

int shards_owner(const shards *cut, int64_t gid) { return (int)psac_block_map_rank(shards_at(cut, 0)->map, gid); }

size_t shards_local(const shards *cut, int64_t gid) {
  return (size_t)(gid - shards_at(cut, shards_owner(cut, gid))->first_gid);
}

void shards_set_retina(const shards *cut, const char *spike) {
  for (int rank = 0; rank < cut->n_ranks; rank++) {
    const psac_shard *shard = shards_at(cut, rank);
    const size_t n_vectors = (size_t)shard->n_steps * (size_t)cut->n_trials, words = (size_t)shard->n_retina_words;
    const size_t n_units = (size_t)shard->n_units;
    uint64_t *bits = calloc(n_vectors * words, sizeof *bits);
    assert_non_null(bits);
    for (size_t k = 0; k < n_vectors; k++) {
      for (size_t u = 0; u < n_units; u++)
        bits[k * words + u / 64] |= (uint64_t)(spike[k * n_units + u] != 0) << (u % 64);
    }
    shards_upload(cut, shard->retina_spikes, bits, sizeof *bits * n_vectors * words);
    free(bits);
  }
}

char *shards_get_spikes(const shards *cut) {
  const size_t n = (size_t)cut->config.middle_layer.num_neurons;
  const size_t n_vectors = (size_t)shards_at(cut, 0)->n_steps * (size_t)cut->n_trials;
  char *spike = calloc(n_vectors, n);
  assert_non_null(spike);
  for (int rank = 0; rank < cut->n_ranks; rank++) {
    const psac_shard *shard = shards_at(cut, rank);
    const size_t words = (size_t)shard->n_words;
    uint64_t *bits = shards_download(cut, shard->spikes, sizeof *bits * n_vectors * words);
    for (size_t k = 0; k < n_vectors; k++) {
      for (size_t i = 0; i < words * 64; i++) {
        const int bit = (int)(bits[k * words + i / 64] >> (i % 64) & 1);
        if (i < (size_t)shard->n_local) spike[k * n + (size_t)shard->first_gid + i] = (char)bit;
        else assert_int_equal(bit, 0);
      }
    }
    free(bits);
  }
  return spike;
}

void shards_set_spikes(const shards *cut, const char *spike) {
  const size_t n = (size_t)cut->config.middle_layer.num_neurons;
  for (int rank = 0; rank < cut->n_ranks; rank++) {
    const psac_shard *shard = shards_at(cut, rank);
    const size_t n_vectors = (size_t)shard->n_steps * (size_t)cut->n_trials, words = (size_t)shard->n_words;
    uint64_t *bits = calloc(n_vectors * words + 1, sizeof *bits);
    assert_non_null(bits);
    for (size_t k = 0; k < n_vectors; k++) {
      for (size_t i = 0; i < (size_t)shard->n_local; i++) {
        bits[k * words + i / 64] |= (uint64_t)(spike[k * n + (size_t)shard->first_gid + i] != 0) << (i % 64);
      }
    }
    shards_upload(cut, shard->spikes, bits, sizeof *bits * n_vectors * words);
    free(bits);
  }
}

void shards_step(const shards *cut, int t, int delay) {
  const psac_backend *backend = cut->backend;
  const psac_shard *first = shards_at(cut, 0);
  const size_t words = (size_t)cut->n_trials * (size_t)first->n_words, part_bytes = sizeof(uint64_t) * words;
  uint64_t *gathered = malloc(part_bytes * (size_t)cut->n_ranks);
  assert_non_null(gathered);
  const int arrives = first->in_degree > 0 && t >= delay;
  for (int rank = 0; arrives && rank < cut->n_ranks; rank++) {
    uint64_t *part = shards_download(cut, shards_at(cut, rank)->spikes + (size_t)(t - delay) * words, part_bytes);
    memcpy(gathered + (size_t)rank * words, part, part_bytes);
    free(part);
  }
  uint64_t *arriving = shards_alloc(cut, arrives ? gathered : NULL, part_bytes * (size_t)cut->n_ranks);
  for (int rank = 0; rank < cut->n_ranks; rank++) {
    psac_stream *stream = cut->network[rank]->stream;
    assert_ok(backend->stage->prepare_middle(stream, shards_at(cut, rank), cut->n_trials, t));
    assert_ok(
        backend->stage->step_middle(stream, shards_at(cut, rank), cut->n_trials, t, arrives ? arriving : NULL, words));
    assert_ok(backend->device->synchronize(stream));
  }
  backend->device->release(arriving);
  free(gathered);
}

float *shards_get_potentials(const shards *cut) {
  const size_t n = (size_t)cut->config.middle_layer.num_neurons;
  float *potential = malloc(sizeof *potential * n * (size_t)cut->n_trials);
  assert_non_null(potential);
  for (int rank = 0; rank < cut->n_ranks; rank++) {
    const psac_shard *shard = shards_at(cut, rank);
    const size_t padded = (size_t)shard->n_padded;
    float *v = shards_download(cut, shard->v, sizeof *v * padded * (size_t)cut->n_trials);
    for (size_t b = 0; b < (size_t)cut->n_trials; b++) {
      memcpy(potential + b * n + shard->first_gid, v + b * padded, sizeof *v * (size_t)shard->n_local);
    }
    free(v);
  }
  return potential;
}

int32_t *shards_get_rows(const shards *cut) {
  const size_t width = (size_t)shards_at(cut, 0)->columns.n;
  int32_t *row = malloc(sizeof *row * width * (size_t)cut->config.middle_layer.num_neurons);
  assert_non_null(row);
  for (int rank = 0; rank < cut->n_ranks; rank++) {
    const psac_shard *shard = shards_at(cut, rank);
    int32_t *part = shards_download(cut, shard->rows, sizeof *part * width * (size_t)shard->n_local);
    memcpy(row + (size_t)shard->first_gid * width, part, sizeof *part * width * (size_t)shard->n_local);
    free(part);
  }
  return row;
}

void shards_set_rows(const shards *cut, const int32_t *row) {
  const size_t width = (size_t)shards_at(cut, 0)->columns.n;
  for (int rank = 0; rank < cut->n_ranks; rank++) {
    const psac_shard *shard = shards_at(cut, rank);
    shards_upload(cut, shard->rows, row + (size_t)shard->first_gid * width,
                  sizeof *row * width * (size_t)shard->n_local);
    assert_ok(cut->backend->notebook->sum_words(cut->network[rank]->stream, shard));
  }
}

int32_t shards_store(const shards *cut, double weight) {
  if (cut->config.network.model != PSAC_MODEL_NOTEBOOK) return (int32_t)lrint(weight * 0x1p30);
  const float value = (float)weight;
  int32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

int64_t shards_adds(const shards *cut, int column, int32_t stored) {
  if (cut->config.network.model != PSAC_MODEL_NOTEBOOK || column >= shards_at(cut, 0)->columns.n_output) return stored;
  float value;
  memcpy(&value, &stored, sizeof value);
  return llrint((double)value * 0x1p36);
}

void with_backend(void (*test)(const psac_backend *backend)) { test(backend_under_test()); }
