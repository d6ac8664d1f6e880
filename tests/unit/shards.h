// A network cut into shards inside one process, so that kernels can be tested on any number of ranks without a message.
//
// The helpers copy between the backend's memory and the host; a test therefore runs unchanged against every backend.
#ifndef PSAC_TESTS_SHARDS_H
#define PSAC_TESTS_SHARDS_H

#include "check.h"
#include "src/model/network.h"
#include "under_test.h"

enum { SHARDS_MAX = 8 };

typedef struct shards {
  const psac_backend *backend;
  psac_config config;
  int n_ranks, n_trials;
  psac_network *network[SHARDS_MAX];
} shards;

// The default configuration with these sizes, trials_together = n_trials, a short presentation.
psac_config shards_config(int64_t n_neurons, int n_steps, int n_trials);

void shards_create(shards *cut, const psac_backend *backend, const psac_config *config, int n_ranks);
void shards_destroy(shards *cut);

// A host copy of `n_bytes` of the backend's memory, made after all work of all ranks; the caller frees it.
void *shards_download(const shards *cut, const void *device, size_t n_bytes);
void shards_upload(const shards *cut, void *device, const void *host, size_t n_bytes);

// Backend memory with a copy of `host`, or zeroes for NULL; to be given to cut->backend->device->release.
void *shards_alloc(const shards *cut, const void *host, size_t n_bytes);

psac_shard *shards_at(const shards *cut, int rank);
int shards_owner(const shards *cut, int64_t gid);
// Index of a neuron in its owner's arrays.
size_t shards_local(const shards *cut, int64_t gid);

// Retina spikes of every rank: `spike` [n_trials][n_steps][n_units].
void shards_set_retina(const shards *cut, const char *spike);

// Spikes of all neurons as bytes [n_steps][n_trials][n_neurons]. get checks that the padding is silent; the caller
// frees.
char *shards_get_spikes(const shards *cut);
void shards_set_spikes(const shards *cut, const char *spike);

// Gathers step t - delay of all ranks, if there is such a step, and makes step t on each.
void shards_step(const shards *cut, int t, int delay);

// Membrane potentials [n_trials][n_neurons]; the caller frees.
float *shards_get_potentials(const shards *cut);

// Rows of all neurons [n_neurons][columns.n]; the caller frees what get returns.
int32_t *shards_get_rows(const shards *cut);
void shards_set_rows(const shards *cut, const int32_t *row);

// A weight as rows hold it, and what an element of column `column` adds to a drive.
int32_t shards_store(const shards *cut, double weight);
int64_t shards_adds(const shards *cut, int column, int32_t stored);

// `test` with the backend under test (backend.h).
void with_backend(void (*test)(const psac_backend *backend));

#endif
