#include "partition/transport/transport_dry_run.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/rng.h"

enum { POOL_WORDS_LEAST = 1 << 16, WORD_BITS = 64 };

typedef struct sample {
  const void *place;
  void *bytes;
  size_t n_bytes;
} sample;

typedef struct dry_run_state {
  psac_dry_run_setup setup;
  size_t rank_words;  // of a rank's spike vector
  size_t n_pool;      // words of each pool
  uint64_t *pool[2];  // spikes drawn once at each rate; a vector is a window at a random offset
  uint32_t n_drawn;   // vectors drawn so far; counter of the next random offset
  sample sample[PSAC_DRY_RUN_SAMPLES];
  int n_samples;
  void *host;  // [n_host] staging buffer for device memory
  size_t n_host;
  psac_dry_run_time time;
} dry_run_state;

static psac_rng_block draw(const dry_run_state *state, uint32_t kind, uint32_t i) {
  const psac_rng_key key = psac_rng_stream_key(state->setup.seed, PSAC_STREAM_DRY_RUN);
  return psac_rng_draw(key, i, kind, (uint32_t)state->setup.rank, 0);
}

static void fill_pool(const dry_run_state *state, int kind) {
  const double rate = state->setup.rate[kind] < 1.0 ? state->setup.rate[kind] : 1.0;
  const uint64_t threshold = (uint64_t)(rate * 0x1p32);
  for (size_t w = 0; w < state->n_pool; w++) {
    uint64_t word = 0;
    for (uint32_t quarter = 0; quarter < WORD_BITS / 4; quarter++) {
      const psac_rng_block block = draw(state, (uint32_t)kind, (uint32_t)w * (WORD_BITS / 4) + quarter);
      for (int k = 0; k < 4; k++) word |= (uint64_t)(block.word[k] < threshold) << (4 * quarter + (uint32_t)k);
    }
    state->pool[kind][w] = word;
  }
}

// Writes n_vectors (steps x trials) spike vectors of one rank.
static void make_spikes(dry_run_state *state, int rank, size_t n_vectors, uint64_t *vectors) {
  const psac_block_map map = state->setup.map;
  const int64_t first = psac_block_map_first(map, rank), n_local = psac_block_map_first(map, rank + 1) - first;
  const int64_t n_first = state->setup.n_first - first;  // of this rank's neurons, those with the first rate
  const size_t whole = (size_t)n_local / WORD_BITS, rest = (size_t)n_local % WORD_BITS, n = state->rank_words;
  const size_t changed = n_first <= 0        ? 0
                         : n_first < n_local ? (size_t)n_first / WORD_BITS
                                             : n;  // words with the first rate
  for (size_t k = 0; k < n_vectors; k++) {
    const psac_rng_block block = draw(state, 2, state->n_drawn++);
    const uint64_t begin = psac_rng_below(block.word[0], block.word[1], (uint64_t)(state->n_pool - n + 1));
    uint64_t *vector = vectors + k * n;
    memcpy(vector, state->pool[0] + begin, changed * sizeof *vector);
    memcpy(vector + changed, state->pool[1] + begin, (n - changed) * sizeof *vector);
    if (whole < n) vector[whole] &= ((uint64_t)1 << rest) - 1;
    for (size_t w = whole + 1; w < n; w++) vector[w] = 0;
  }
}

static const sample *find_sample(const dry_run_state *state, const void *place) {
  for (int k = 0; k < state->n_samples; k++) {
    if (state->sample[k].place == place) return &state->sample[k];
  }
  return NULL;
}

static void repeat(const sample *from, size_t offset, char *bytes, size_t n_bytes) {
  for (size_t done = 0; done < n_bytes;) {
    const size_t at = (offset + done) % from->n_bytes, left = from->n_bytes - at;
    const size_t n = n_bytes - done < left ? n_bytes - done : left;
    memcpy(bytes + done, (const char *)from->bytes + at, n);
    done += n;
  }
}

// *host: buffer for the n_bytes of simulated data of `place`; `place` itself if it is host memory.
static psac_status begin(dry_run_state *state, void *stream, void *place, size_t n_bytes, void **host) {
  const psac_staging *staging = state->setup.staging;
  *host = place;
  if (!staging) return PSAC_OK;
  PSAC_TRY(staging->wait(stream));  // no copy uses the memory any more
  if (n_bytes > state->n_host) {
    staging->release(state->host);
    state->host = NULL;
    state->n_host = 0;
    PSAC_TRY(staging->alloc(&state->host, n_bytes));
    state->n_host = n_bytes;
  }
  *host = state->host;
  return PSAC_OK;
}

static psac_status end(const dry_run_state *state, void *stream, void *place, const void *host, size_t n_bytes) {
  return state->setup.staging && n_bytes > 0 ? state->setup.staging->to_device(stream, place, host, n_bytes) : PSAC_OK;
}

static void book(dry_run_state *state, double started, size_t n_bytes) {
  state->time.spent += psac_clock_seconds() - started;
  state->time.modelled += state->setup.link.latency + (double)n_bytes / state->setup.link.bandwidth;
}

// Copies this rank's own part unchanged. On a device it passes through host memory, because psac_staging has no copy
// within a device.
static psac_status keep_own(const dry_run_state *state, void *stream, const void *send, void *host, void *receive,
                            size_t n_bytes) {
  char *own = (char *)host + n_bytes * (size_t)state->setup.rank;
  if (!state->setup.staging) {
    if (send != (char *)receive + n_bytes * (size_t)state->setup.rank) memcpy(own, send, n_bytes);
    return PSAC_OK;
  }
  PSAC_TRY(state->setup.staging->to_host(stream, own, send, n_bytes));
  return state->setup.staging->wait(stream);
}

static psac_status dry_run_all_gather(const psac_transport *transport, void *stream, const void *send, void *receive,
                                      size_t n_bytes) {
  dry_run_state *state = transport->state;
  const double started = psac_clock_seconds();
  const sample *known = find_sample(state, receive);
  const size_t all_bytes = n_bytes * (size_t)transport->n_ranks, vector_bytes = state->rank_words * sizeof(uint64_t);
  void *host = NULL;
  PSAC_TRY(begin(state, stream, receive, all_bytes, &host));
  PSAC_TRY(keep_own(state, stream, send, host, receive, n_bytes));
  for (int r = 0; r < transport->n_ranks; r++) {
    char *part = (char *)host + n_bytes * (size_t)r;
    if (r == transport->rank) continue;
    if (known) repeat(known, n_bytes * (size_t)r, part, n_bytes);
    else make_spikes(state, r, n_bytes / vector_bytes, (uint64_t *)(void *)part);
  }
  PSAC_TRY(end(state, stream, receive, host, all_bytes));
  book(state, started, all_bytes - n_bytes);
  return PSAC_OK;
}

static psac_status dry_run_all_gather_wait(const psac_transport *transport, void *stream) {
  (void)transport, (void)stream;
  return PSAC_OK;
}

// Rank 0 continues with its own partial sum; the cost of the later computation is the same.
static psac_status dry_run_reduce_i64(const psac_transport *transport, void *stream, const int64_t *value, int64_t *sum,
                                      size_t n) {
  dry_run_state *state = transport->state;
  const double started = psac_clock_seconds();
  if (transport->rank == 0 && value != sum) {
    if (state->setup.staging) return psac_fail(PSAC_ERR_INTERNAL, "a simulated rank on a device reduces in place");
    memcpy(sum, value, n * sizeof *sum);
  }
  (void)stream;
  book(state, started, n * sizeof *sum);
  return PSAC_OK;
}

// This rank also continues with its own partial sum. NOLINTNEXTLINE(readability-non-const-parameter)
static psac_status dry_run_all_reduce_i32(const psac_transport *transport, void *stream, int32_t *value, size_t n) {
  (void)stream, (void)value;
  book(transport->state, psac_clock_seconds(), psac_transport_all_reduce_bytes(transport, n * sizeof *value));
  return PSAC_OK;
}

static psac_status dry_run_broadcast(const psac_transport *transport, void *stream, const psac_span *spans,
                                     int n_spans) {
  dry_run_state *state = transport->state;
  const double started = psac_clock_seconds();
  size_t n_bytes = 0;
  for (int k = 0; k < n_spans; k++) {
    n_bytes += spans[k].n_bytes;
    const sample *known = transport->rank == 0 ? NULL : find_sample(state, spans[k].bytes);
    if (!known) continue;
    void *host = NULL;
    PSAC_TRY(begin(state, stream, spans[k].bytes, spans[k].n_bytes, &host));
    repeat(known, 0, host, spans[k].n_bytes);
    PSAC_TRY(end(state, stream, spans[k].bytes, host, spans[k].n_bytes));
  }
  book(state, started, n_bytes);
  return PSAC_OK;
}

static psac_status dry_run_settle(const psac_transport *transport, void *stream) {
  const dry_run_state *state = transport->state;
  return state->setup.staging ? state->setup.staging->wait(stream) : PSAC_OK;
}

static void dry_run_close(psac_transport *transport) {
  dry_run_state *state = transport->state;
  if (!state) return;
  for (int k = 0; k < state->n_samples; k++) free(state->sample[k].bytes);
  free(state->pool[0]);
  free(state->pool[1]);
  if (state->setup.staging) state->setup.staging->release(state->host);
  free(state);
  transport->state = NULL;
}

psac_status psac_transport_dry_run_open(const psac_dry_run_setup *setup, psac_transport *transport) {
  dry_run_state *state = calloc(1, sizeof *state);
  if (!state) return psac_fail(PSAC_ERR_MEMORY, "out of memory for the transport");
  state->setup = *setup;
  state->rank_words = (size_t)setup->map.slots / WORD_BITS;
  state->n_pool = state->rank_words + POOL_WORDS_LEAST;
  *transport = (psac_transport){
      .name = "dry run",
      .rank = setup->rank,
      .n_ranks = setup->n_ranks,
      .state = state,
      .all_gather = dry_run_all_gather,
      .all_gather_wait = dry_run_all_gather_wait,
      .reduce_i64 = dry_run_reduce_i64,
      .all_reduce_i32 = dry_run_all_reduce_i32,
      .broadcast = dry_run_broadcast,
      .settle = dry_run_settle,
      .close = dry_run_close,
  };
  for (int kind = 0; kind < 2; kind++) {
    state->pool[kind] = malloc(state->n_pool * sizeof(uint64_t));
    if (!state->pool[kind]) {
      const psac_status status =
          psac_fail(PSAC_ERR_MEMORY, "out of memory for %zu words of simulated spikes", state->n_pool);
      dry_run_close(transport);
      return status;
    }
    fill_pool(state, kind);
  }
  return PSAC_OK;
}

psac_status psac_transport_dry_run_sample(const psac_transport *transport, const void *place, const void *bytes,
                                          size_t n_bytes) {
  dry_run_state *state = transport->state;
  void *copy = malloc(n_bytes);
  if (!copy) return psac_fail(PSAC_ERR_MEMORY, "out of memory for a sample of %zu bytes", n_bytes);
  memcpy(copy, bytes, n_bytes);
  state->sample[state->n_samples++] = (sample){place, copy, n_bytes};
  return PSAC_OK;
}

void psac_transport_dry_run_reset(const psac_transport *transport) {
  dry_run_state *state = transport->state;
  state->time = (psac_dry_run_time){0};
}

psac_dry_run_time psac_transport_dry_run_read(const psac_transport *transport) {
  const dry_run_state *state = transport->state;
  return state->time;
}
