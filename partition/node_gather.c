#include "node_gather.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "mpi_check.h"

enum { CACHE_LINE = 64, SPINS = 200, SPINS_PER_LOOK = 1 << 16, TIMEOUT_SECONDS = 600 };  // a rank that late is not coming

// Two buffers in turn: a rank can be one gather ahead of another, never two.
typedef struct shared_header {
  _Alignas(CACHE_LINE) atomic_uint_fast64_t arrived;  // ranks that have written, over all gathers
  _Alignas(CACHE_LINE) pthread_mutex_t lock;          // these two only where ranks sleep
  pthread_cond_t complete;
} shared_header;

struct psac_node_gather {
  MPI_Win window;
  shared_header *header;
  unsigned char *buffer[2];  // [n_ranks][n_bytes] of the gather at hand
  int rank, n_ranks;
  int sleeps;                // ranks outnumber cores: one that waits must not keep a core from one that works
  uint64_t n_gathers;        // so far
};

static void init_header(shared_header *header) {
  pthread_mutexattr_t mutex;
  pthread_condattr_t condition;
  pthread_mutexattr_init(&mutex);
  pthread_mutexattr_setpshared(&mutex, PTHREAD_PROCESS_SHARED);
  pthread_mutex_init(&header->lock, &mutex);
  pthread_mutexattr_destroy(&mutex);
  pthread_condattr_init(&condition);
  pthread_condattr_setpshared(&condition, PTHREAD_PROCESS_SHARED);
  pthread_cond_init(&header->complete, &condition);
  pthread_condattr_destroy(&condition);
  atomic_init(&header->arrived, 0);
}

psac_status psac_node_gather_create(const psac_ranks *ranks, psac_node_gather **gather) {
  *gather = NULL;
  if (ranks->node_size != ranks->n_ranks) return PSAC_OK;
  psac_node_gather *made = calloc(1, sizeof *made);
  if (!made) return psac_fail(PSAC_ERR_MEMORY, "out of memory for the spike exchange");
  made->rank = ranks->rank;
  made->n_ranks = ranks->n_ranks;
  made->sleeps = ranks->n_ranks > sysconf(_SC_NPROCESSORS_ONLN);
  const MPI_Aint bytes = (MPI_Aint)PSAC_NODE_GATHER_BYTES * ranks->n_ranks;
  void *base = NULL;
  MPI_Aint size;
  int unit;
  *gather = made;
  PSAC_MPI(MPI_Win_allocate_shared(ranks->rank == 0 ? CACHE_LINE + (MPI_Aint)sizeof(shared_header) + 2 * bytes : 0, 1, MPI_INFO_NULL,
                                   MPI_COMM_WORLD, &base, &made->window));
  PSAC_MPI(MPI_Win_shared_query(made->window, 0, &size, &unit, &base));
  made->header = (shared_header *)(((uintptr_t)base + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE);
  made->buffer[0] = (unsigned char *)(made->header + 1);
  made->buffer[1] = made->buffer[0] + bytes;
  if (ranks->rank == 0) init_header(made->header);
  PSAC_MPI(MPI_Barrier(MPI_COMM_WORLD));
  return PSAC_OK;
}

void psac_node_gather_destroy(psac_node_gather **gather) {
  if (!*gather) return;
  if ((*gather)->header) MPI_Win_free(&(*gather)->window);
  free(*gather);
  *gather = NULL;
}

static psac_status too_late(const psac_node_gather *gather) {
  return psac_fail(PSAC_ERR_MPI, "rank %d has waited %d s for the spikes of the other ranks", gather->rank, TIMEOUT_SECONDS);
}

static psac_status meet_spinning(const psac_node_gather *gather, uint64_t expected) {
  atomic_fetch_add_explicit(&gather->header->arrived, 1, memory_order_release);
  double started = 0.0;
  for (uint64_t spin = 0; atomic_load_explicit(&gather->header->arrived, memory_order_acquire) < expected; spin++) {
    if (spin >= SPINS) sched_yield();
    if (spin % SPINS_PER_LOOK != SPINS_PER_LOOK - 1) continue;
    if (started == 0.0) started = psac_clock_seconds();
    if (psac_clock_seconds() - started > TIMEOUT_SECONDS) return too_late(gather);
  }
  return PSAC_OK;
}

static psac_status meet_sleeping(const psac_node_gather *gather, uint64_t expected) {
  shared_header *header = gather->header;
  int failed = 0;
  pthread_mutex_lock(&header->lock);
  if (atomic_fetch_add(&header->arrived, 1) + 1 == expected) {
    pthread_cond_broadcast(&header->complete);
  } else {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += TIMEOUT_SECONDS;
    while (!failed && atomic_load(&header->arrived) < expected) {
      failed = pthread_cond_timedwait(&header->complete, &header->lock, &until) == ETIMEDOUT;
    }
  }
  pthread_mutex_unlock(&header->lock);
  return failed ? too_late(gather) : PSAC_OK;
}

psac_status psac_node_gather_run(psac_node_gather *gather, const void *send, void *receive, size_t n_bytes) {
  unsigned char *buffer = gather->buffer[gather->n_gathers++ % 2];
  const uint64_t expected = gather->n_gathers * (uint64_t)gather->n_ranks;
  memcpy(buffer + (size_t)gather->rank * n_bytes, send, n_bytes);
  PSAC_TRY(gather->sleeps ? meet_sleeping(gather, expected) : meet_spinning(gather, expected));
  memcpy(receive, buffer, n_bytes * (size_t)gather->n_ranks);
  return PSAC_OK;
}
