#include "partition/transport/transport_pretend.h"

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

typedef struct pretend_state {
  psac_pretence pretence;
  size_t rank_words;     // of a rank's spike vector
  size_t n_pool;         // words of each pool
  uint64_t *pool[2];     // spikes drawn once at each rate; a vector begins anywhere
  uint32_t n_drawn;      // vectors so far, which keys where they begin
  sample sample[PSAC_PRETEND_SAMPLES];
  int n_samples;
  void *host;            // [n_host] for the memory of a device
  size_t n_host;
  psac_pretend_time time;
} pretend_state;

static psac_rng_block draw(const pretend_state *pretend, uint32_t kind, uint32_t i) {
  const psac_rng_key key = psac_rng_stream_key(pretend->pretence.seed, PSAC_STREAM_PRETENCE);
  return psac_rng_draw(key, i, kind, (uint32_t)pretend->pretence.rank, 0);
}

static void fill_pool(const pretend_state *pretend, int kind) {
  const double rate = pretend->pretence.rate[kind] < 1.0 ? pretend->pretence.rate[kind] : 1.0;
  const uint64_t threshold = (uint64_t)(rate * 0x1p32);
  for (size_t w = 0; w < pretend->n_pool; w++) {
    uint64_t word = 0;
    for (uint32_t quarter = 0; quarter < WORD_BITS / 4; quarter++) {
      const psac_rng_block block = draw(pretend, (uint32_t)kind, (uint32_t)w * (WORD_BITS / 4) + quarter);
      for (int k = 0; k < 4; k++) word |= (uint64_t)(block.word[k] < threshold) << (4 * quarter + (uint32_t)k);
    }
    pretend->pool[kind][w] = word;
  }
}

// The spike vectors of n_vectors (steps x trials) of one rank.
static void make_spikes(pretend_state *pretend, int rank, size_t n_vectors, uint64_t *vectors) {
  const psac_block_map map = pretend->pretence.map;
  const int64_t first = psac_block_map_first(map, rank), n_local = psac_block_map_first(map, rank + 1) - first;
  const int64_t n_first = pretend->pretence.n_first - first;  // of this rank's neurons, those with the first rate
  const size_t whole = (size_t)n_local / WORD_BITS, rest = (size_t)n_local % WORD_BITS, n = pretend->rank_words;
  const size_t changed = n_first <= 0 ? 0 : n_first < n_local ? (size_t)n_first / WORD_BITS : n;  // words with the first rate
  for (size_t k = 0; k < n_vectors; k++) {
    const psac_rng_block block = draw(pretend, 2, pretend->n_drawn++);
    const uint64_t begin = psac_rng_below(block.word[0], block.word[1], (uint64_t)(pretend->n_pool - n + 1));
    uint64_t *vector = vectors + k * n;
    memcpy(vector, pretend->pool[0] + begin, changed * sizeof *vector);
    memcpy(vector + changed, pretend->pool[1] + begin, (n - changed) * sizeof *vector);
    if (whole < n) vector[whole] &= ((uint64_t)1 << rest) - 1;
    for (size_t w = whole + 1; w < n; w++) vector[w] = 0;
  }
}

static const sample *find_sample(const pretend_state *pretend, const void *place) {
  for (int k = 0; k < pretend->n_samples; k++) {
    if (pretend->sample[k].place == place) return &pretend->sample[k];
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

// Host memory to make up n_bytes for `place` in: the place itself where that is the host's.
static psac_status begin(pretend_state *pretend, void *stream, void *place, size_t n_bytes, void **host) {
  const psac_staging *staging = pretend->pretence.staging;
  *host = place;
  if (!staging) return PSAC_OK;
  PSAC_TRY(staging->wait(stream));  // no copy uses the memory any more
  if (n_bytes > pretend->n_host) {
    staging->release(pretend->host);
    pretend->host = NULL;
    pretend->n_host = 0;
    PSAC_TRY(staging->alloc(&pretend->host, n_bytes));
    pretend->n_host = n_bytes;
  }
  *host = pretend->host;
  return PSAC_OK;
}

static psac_status end(const pretend_state *pretend, void *stream, void *place, const void *host, size_t n_bytes) {
  return pretend->pretence.staging && n_bytes > 0 ? pretend->pretence.staging->to_device(stream, place, host, n_bytes) : PSAC_OK;
}

static void book(pretend_state *pretend, double started, size_t n_bytes) {
  pretend->time.spent += psac_clock_seconds() - started;
  pretend->time.modelled += pretend->pretence.link.latency + (double)n_bytes / pretend->pretence.link.bandwidth;
}

// This rank's own part is copied as it is. On a device it has to be brought to the host for that, which no other way knows of.
static psac_status keep_own(const pretend_state *pretend, void *stream, const void *send, void *host, void *receive, size_t n_bytes) {
  char *own = (char *)host + n_bytes * (size_t)pretend->pretence.rank;
  if (!pretend->pretence.staging) {
    if (send != (char *)receive + n_bytes * (size_t)pretend->pretence.rank) memcpy(own, send, n_bytes);
    return PSAC_OK;
  }
  PSAC_TRY(pretend->pretence.staging->to_host(stream, own, send, n_bytes));
  return pretend->pretence.staging->wait(stream);
}

static psac_status pretend_all_gather(const psac_transport *transport, void *stream, const void *send, void *receive,
                                      size_t n_bytes) {
  pretend_state *pretend = transport->state;
  const double started = psac_clock_seconds();
  const sample *known = find_sample(pretend, receive);
  const size_t all_bytes = n_bytes * (size_t)transport->n_ranks, vector_bytes = pretend->rank_words * sizeof(uint64_t);
  void *host = NULL;
  PSAC_TRY(begin(pretend, stream, receive, all_bytes, &host));
  PSAC_TRY(keep_own(pretend, stream, send, host, receive, n_bytes));
  for (int r = 0; r < transport->n_ranks; r++) {
    char *part = (char *)host + n_bytes * (size_t)r;
    if (r == transport->rank) continue;
    if (known) repeat(known, n_bytes * (size_t)r, part, n_bytes);
    else make_spikes(pretend, r, n_bytes / vector_bytes, (uint64_t *)(void *)part);
  }
  PSAC_TRY(end(pretend, stream, receive, host, all_bytes));
  book(pretend, started, all_bytes - n_bytes);
  return PSAC_OK;
}

static psac_status pretend_all_gather_wait(const psac_transport *transport, void *stream) {
  (void)transport, (void)stream;
  return PSAC_OK;
}

// Rank 0 goes on with its own part of the sum; what it computes from it costs the same.
static psac_status pretend_reduce_i64(const psac_transport *transport, void *stream, const int64_t *value, int64_t *sum, size_t n) {
  pretend_state *pretend = transport->state;
  const double started = psac_clock_seconds();
  if (transport->rank == 0 && value != sum) {
    if (pretend->pretence.staging) return psac_fail(PSAC_ERR_INTERNAL, "a pretended rank on a device reduces in place");
    memcpy(sum, value, n * sizeof *sum);
  }
  (void)stream;
  book(pretend, started, n * sizeof *sum);
  return PSAC_OK;
}

// This rank goes on with its own part of the sum here, too. NOLINTNEXTLINE(readability-non-const-parameter)
static psac_status pretend_all_reduce_i32(const psac_transport *transport, void *stream, int32_t *value, size_t n) {
  (void)stream, (void)value;
  book(transport->state, psac_clock_seconds(), psac_transport_all_reduce_bytes(transport, n * sizeof *value));
  return PSAC_OK;
}

static psac_status pretend_broadcast(const psac_transport *transport, void *stream, const psac_span *spans, int n_spans) {
  pretend_state *pretend = transport->state;
  const double started = psac_clock_seconds();
  size_t n_bytes = 0;
  for (int k = 0; k < n_spans; k++) {
    n_bytes += spans[k].n_bytes;
    const sample *known = transport->rank == 0 ? NULL : find_sample(pretend, spans[k].bytes);
    if (!known) continue;
    void *host = NULL;
    PSAC_TRY(begin(pretend, stream, spans[k].bytes, spans[k].n_bytes, &host));
    repeat(known, 0, host, spans[k].n_bytes);
    PSAC_TRY(end(pretend, stream, spans[k].bytes, host, spans[k].n_bytes));
  }
  book(pretend, started, n_bytes);
  return PSAC_OK;
}

static psac_status pretend_settle(const psac_transport *transport, void *stream) {
  const pretend_state *pretend = transport->state;
  return pretend->pretence.staging ? pretend->pretence.staging->wait(stream) : PSAC_OK;
}

static void pretend_close(psac_transport *transport) {
  pretend_state *pretend = transport->state;
  if (!pretend) return;
  for (int k = 0; k < pretend->n_samples; k++) free(pretend->sample[k].bytes);
  free(pretend->pool[0]);
  free(pretend->pool[1]);
  if (pretend->pretence.staging) pretend->pretence.staging->release(pretend->host);
  free(pretend);
  transport->state = NULL;
}

psac_status psac_transport_pretend_open(const psac_pretence *pretence, psac_transport *transport) {
  pretend_state *pretend = calloc(1, sizeof *pretend);
  if (!pretend) return psac_fail(PSAC_ERR_MEMORY, "out of memory for the transport");
  pretend->pretence = *pretence;
  pretend->rank_words = (size_t)pretence->map.slots / WORD_BITS;
  pretend->n_pool = pretend->rank_words + POOL_WORDS_LEAST;
  *transport = (psac_transport){
      .name = "pretended",
      .rank = pretence->rank,
      .n_ranks = pretence->n_ranks,
      .state = pretend,
      .all_gather = pretend_all_gather,
      .all_gather_wait = pretend_all_gather_wait,
      .reduce_i64 = pretend_reduce_i64,
      .all_reduce_i32 = pretend_all_reduce_i32,
      .broadcast = pretend_broadcast,
      .settle = pretend_settle,
      .close = pretend_close,
  };
  for (int kind = 0; kind < 2; kind++) {
    pretend->pool[kind] = malloc(pretend->n_pool * sizeof(uint64_t));
    if (!pretend->pool[kind]) {
      const psac_status status =
          psac_fail(PSAC_ERR_MEMORY, "out of memory for %zu words of pretended spikes", pretend->n_pool);
      pretend_close(transport);
      return status;
    }
    fill_pool(pretend, kind);
  }
  return PSAC_OK;
}

psac_status psac_transport_pretend_sample(const psac_transport *transport, const void *place, const void *bytes, size_t n_bytes) {
  pretend_state *pretend = transport->state;
  void *copy = malloc(n_bytes);
  if (!copy) return psac_fail(PSAC_ERR_MEMORY, "out of memory for a sample of %zu bytes", n_bytes);
  memcpy(copy, bytes, n_bytes);
  pretend->sample[pretend->n_samples++] = (sample){place, copy, n_bytes};
  return PSAC_OK;
}

void psac_transport_pretend_reset(const psac_transport *transport) {
  pretend_state *pretend = transport->state;
  pretend->time = (psac_pretend_time){0};
}

psac_pretend_time psac_transport_pretend_read(const psac_transport *transport) {
  const pretend_state *pretend = transport->state;
  return pretend->time;
}
