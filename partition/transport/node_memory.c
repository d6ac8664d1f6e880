#define _GNU_SOURCE  // syscall
#include "base/mpi_check.h"
#include "partition/transport/node_memory.h"

#include <linux/futex.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { CACHE_LINE = 64, SPINS = 200, N_BUFFERS = 2, YIELDS = 16 };

// A counter that only increases, and the number of ranks that sleep until it reaches their target.
typedef struct shared_counter {
  _Alignas(CACHE_LINE) atomic_uint value;
  atomic_uint sleepers;
} shared_counter;

// State of a buffer in shared memory: parts written and reads done, over all operations that used it.
typedef struct shared_buffer {
  shared_counter written, read;
} shared_buffer;

// Operations alternate between the buffers (double buffering): one may begin while another rank still reads the
// previous operation, but not the one before that.
typedef struct node_buffer {
  shared_buffer *shared;
  unsigned char *part;     // [n_ranks][PSAC_NODE_MEMORY_BYTES]
  unsigned written, read;  // values of the counters after all operations so far
} node_buffer;

struct psac_node_memory {
  MPI_Win window;
  node_buffer buffer[N_BUFFERS];
  int rank, n_ranks;
  int sleeps;  // oversubscribed node: a waiting rank must free its core
  uint64_t n_operations;
};

psac_status psac_node_memory_create(const psac_ranks *ranks, psac_node_memory **memory) {
  *memory = NULL;
  if (ranks->node_size != ranks->n_ranks) return PSAC_OK;
  psac_node_memory *made = calloc(1, sizeof *made);
  if (!made) return psac_fail(PSAC_ERR_MEMORY, "out of memory for the spike exchange");
  const MPI_Comm comm = *(const MPI_Comm *)ranks->mpi_comm;
  *made = (psac_node_memory){.rank = ranks->rank, .n_ranks = ranks->n_ranks, .sleeps = ranks->outnumber_cores};
  *memory = made;
  const size_t header = N_BUFFERS * sizeof(shared_buffer),
               parts = (size_t)PSAC_NODE_MEMORY_BYTES * (size_t)ranks->n_ranks;
  const MPI_Aint n_bytes = ranks->rank == 0 ? (MPI_Aint)(CACHE_LINE + header + N_BUFFERS * parts) : 0;
  void *base = NULL;
  MPI_Aint size;
  int unit;
  PSAC_MPI(MPI_Win_allocate_shared(n_bytes, 1, MPI_INFO_NULL, comm, &base, &made->window));
  PSAC_MPI(MPI_Win_shared_query(made->window, 0, &size, &unit, &base));
  unsigned char *start = (unsigned char *)(((uintptr_t)base + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE);
  if (ranks->rank == 0) memset(start, 0, header);
  for (int k = 0; k < N_BUFFERS; k++) {
    made->buffer[k].shared = (shared_buffer *)start + k;
    made->buffer[k].part = start + header + (size_t)k * parts;
  }
  PSAC_MPI(MPI_Barrier(comm));
  return PSAC_OK;
}

void psac_node_memory_destroy(psac_node_memory **memory) {
  if (!*memory) return;
  if ((*memory)->buffer[0].shared) MPI_Win_free(&(*memory)->window);
  free(*memory);
  *memory = NULL;
}

static int reached(const shared_counter *counter, unsigned target) {
  return (int)(atomic_load_explicit(&counter->value, memory_order_acquire) - target) >=
         0;  // correct across wrap-around
}

static void spin(const shared_counter *counter, unsigned target) {
  for (int k = 0; !reached(counter, target); k++) {
    if (k >= SPINS) sched_yield(), k = SPINS;
  }
}

static void sleep_until(shared_counter *counter, unsigned target) {
  for (int k = 0; k < YIELDS; k++) {
    if (reached(counter, target)) return;
    sched_yield();
  }
  atomic_fetch_add(&counter->sleepers, 1);
  while (!reached(counter, target)) {
    const unsigned seen = atomic_load(&counter->value);
    if ((int)(seen - target) >= 0) break;
    syscall(SYS_futex, &counter->value, FUTEX_WAIT, seen, NULL, NULL, 0);
  }
  atomic_fetch_sub(&counter->sleepers, 1);
}

// Waits without a limit: the watchdog monitors the wait.
static void wait_for(const psac_node_memory *memory, shared_counter *counter, unsigned target) {
  if (reached(counter, target)) return;
  if (memory->sleeps) sleep_until(counter, target);
  else spin(counter, target);
}

// The rank that brings the counter to `target` wakes those that wait for it.
static void advance(shared_counter *counter, unsigned target) {
  if (atomic_fetch_add(&counter->value, 1) + 1 == target && atomic_load(&counter->sleepers) > 0) {
    syscall(SYS_futex, &counter->value, FUTEX_WAKE, 1 << 30, NULL, NULL, 0);
  }
}

// Begins the operation `call`, with n_written parts to write and n_read reads. Returns its buffer when it may be
// overwritten.
static node_buffer *begin(psac_node_memory *memory, const char *call, int n_written, int n_read) {
  node_buffer *taken = &memory->buffer[memory->n_operations++ % N_BUFFERS];
  psac_wait_begin(call);
  wait_for(memory, &taken->shared->read, taken->read);
  taken->written += (unsigned)n_written;
  taken->read += (unsigned)n_read;
  return taken;
}

static void write_part(node_buffer *buffer, size_t offset, const void *bytes, size_t n_bytes) {
  memcpy(buffer->part + offset, bytes, n_bytes);
  advance(&buffer->shared->written, buffer->written);
}

static void await_parts(const psac_node_memory *memory, const node_buffer *buffer) {
  wait_for(memory, &buffer->shared->written, buffer->written);
  psac_wait_end();
}

static void end_reading(node_buffer *buffer) { advance(&buffer->shared->read, buffer->read); }

void psac_node_all_gather(psac_node_memory *memory, const void *send, void *receive, size_t n_bytes) {
  node_buffer *buffer = begin(memory, "all-gather through the node's memory", memory->n_ranks, memory->n_ranks);
  write_part(buffer, (size_t)memory->rank * n_bytes, send, n_bytes);
  await_parts(memory, buffer);
  memcpy(receive, buffer->part, n_bytes * (size_t)memory->n_ranks);
  end_reading(buffer);
}

void psac_node_reduce_i64(psac_node_memory *memory, const int64_t *value, int64_t *sum, size_t n) {
  const size_t n_bytes = n * sizeof *value;
  node_buffer *buffer = begin(memory, "reduce through the node's memory", memory->n_ranks, 1);
  write_part(buffer, (size_t)memory->rank * n_bytes, value, n_bytes);
  if (memory->rank != 0) {
    psac_wait_end();
    return;
  }
  await_parts(memory, buffer);
  const int64_t *part = (const int64_t *)(const void *)buffer->part;
  memcpy(sum, part, n_bytes);
  for (int rank = 1; rank < memory->n_ranks; rank++) {
    for (size_t k = 0; k < n; k++) sum[k] += part[(size_t)rank * n + k];
  }
  end_reading(buffer);
}

void psac_node_broadcast(psac_node_memory *memory, void *bytes, size_t n_bytes) {
  node_buffer *buffer = begin(memory, "broadcast through the node's memory", 1, memory->n_ranks - 1);
  if (memory->rank == 0) {
    write_part(buffer, 0, bytes, n_bytes);
    psac_wait_end();
    return;
  }
  await_parts(memory, buffer);
  memcpy(bytes, buffer->part, n_bytes);
  end_reading(buffer);
}
