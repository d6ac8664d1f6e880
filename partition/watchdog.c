#define _GNU_SOURCE  // alarm, pthread_condattr_setclock
#include "watchdog.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/watch.h"
#include "mpi_check.h"

enum { NAPS = 8, TURNS = 4, TURN_SECONDS = 3, LAST_RESORT_SECONDS = 5 };

struct psac_watchdog {
  const psac_ranks *ranks;
  double seconds, nap;       // limit; time between two looks
  MPI_Win window;
  const psac_watch *places;  // [node_size] of the ranks of this node
  int64_t *beats;            // [node_size] what they were at an earlier look
  int is_shared, is_over;
  pthread_t thread;
  pthread_mutex_t lock;
  pthread_cond_t over;
};

// The first rank of this node that is not waiting in a call, or whose whole process is stopped; NULL if none is: then the late rank is on
// another node. *n_late counts them all.
static const psac_watch *find_late_rank(const psac_watchdog *watchdog, int *n_late) {
  const int n = watchdog->is_shared ? watchdog->ranks->node_size : 0;
  const psac_watch *places = watchdog->places, *late = NULL;
  const struct timespec look = {.tv_sec = (time_t)watchdog->nap + 1};
  *n_late = 0;
  for (int r = 0; r < n; r++) watchdog->beats[r] = atomic_load(&places[r].beats);
  nanosleep(&look, NULL);
  for (int r = 0; r < n; r++) {
    const int is_stopped = atomic_load(&places[r].beats) == watchdog->beats[r];
    if (r == watchdog->ranks->node_rank || (atomic_load(&places[r].is_inside) && !is_stopped)) continue;
    if ((*n_late)++ == 0) late = &places[r];
  }
  return late;
}

// Ends the run from this thread, while the other one waits inside a library.
_Noreturn static void bark(const psac_watchdog *watchdog) {
  char text[128] = "";
  int n_late;
  const psac_watch *here = psac_watch_place(), *late = find_late_rank(watchdog, &n_late);
  if (late) {
    snprintf(text, sizeof text, "; rank %d is late, last seen at trial %lld, step %lld", late->rank, (long long)atomic_load(&late->trial),
             (long long)atomic_load(&late->step));
  }
  if (n_late > 1) snprintf(text + strlen(text), sizeof text - strlen(text), ", and %d more", n_late - 1);
  fprintf(stderr, "psac_dist: rank %d on %s has waited %g s in %.100s, at trial %lld, step %lld%s (watchdog.seconds)\n",
          watchdog->ranks->rank, watchdog->ranks->host, watchdog->seconds, psac_watch_call(), (long long)atomic_load(&here->trial),
          (long long)atomic_load(&here->step), text);
  fflush(stderr);
  alarm(LAST_RESORT_SECONDS);  // in case that MPI cannot even abort
  psac_ranks_abort(watchdog->ranks, 1);
}

// Sleeps for a nap; 1 if the watch is over.
static int nap(psac_watchdog *watchdog) {
  struct timespec until;
  clock_gettime(CLOCK_MONOTONIC, &until);
  const long long nanoseconds = until.tv_nsec + (long long)(watchdog->nap * 1e9);
  until.tv_sec += (time_t)(nanoseconds / 1000000000);
  until.tv_nsec = (long)(nanoseconds % 1000000000);
  pthread_mutex_lock(&watchdog->lock);
  while (!watchdog->is_over && pthread_cond_timedwait(&watchdog->over, &watchdog->lock, &until) == 0) continue;
  const int is_over = watchdog->is_over;
  pthread_mutex_unlock(&watchdog->lock);
  return is_over;
}

static void *watch(void *self) {
  psac_watchdog *watchdog = self;
  int64_t seen = -1;
  // The lowest of several ranks that wait speaks; the others give it time to end them.
  const int rank = watchdog->ranks->rank;
  const double limit = watchdog->seconds + TURN_SECONDS * (rank < TURNS ? rank : TURNS);
  for (double waited = 0.0; !nap(watchdog); waited += watchdog->nap) {
    pthread_mutex_lock(&watchdog->lock);  // the place does not move meanwhile
    psac_watch *here = psac_watch_place();
    atomic_fetch_add(&here->beats, 1);
    const int64_t n_calls = atomic_load(&here->n_calls);
    if (!atomic_load(&here->is_inside) || n_calls != seen) waited = -watchdog->nap;
    seen = n_calls;
    if (waited + watchdog->nap >= limit) bark(watchdog);
    pthread_mutex_unlock(&watchdog->lock);
  }
  return NULL;
}

// A place for every rank of the node, where the others can read it.
static psac_status share_places(psac_watchdog *watchdog) {
  const psac_ranks *ranks = watchdog->ranks;
  MPI_Comm node;
  void *base = NULL;
  MPI_Aint size;
  int unit;
  PSAC_MPI(MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, ranks->rank, MPI_INFO_NULL, &node));
  const MPI_Aint n_bytes = ranks->node_rank == 0 ? (MPI_Aint)(sizeof(psac_watch) * (size_t)(ranks->node_size + 1)) : 0;
  PSAC_MPI(MPI_Win_allocate_shared(n_bytes, 1, MPI_INFO_NULL, node, &base, &watchdog->window));
  PSAC_MPI(MPI_Win_shared_query(watchdog->window, 0, &size, &unit, &base));
  PSAC_MPI(MPI_Comm_free(&node));
  const size_t line = _Alignof(psac_watch);
  psac_watch *places = (psac_watch *)(((uintptr_t)base + line - 1) / line * line);
  watchdog->places = places;
  places[ranks->node_rank].rank = ranks->rank;
  psac_watch_move(&places[ranks->node_rank]);
  watchdog->is_shared = 1;
  PSAC_MPI(MPI_Barrier(MPI_COMM_WORLD));
  return PSAC_OK;
}

psac_status psac_watchdog_start(const psac_ranks *ranks, double seconds, psac_watchdog **watchdog) {
  *watchdog = NULL;
  if (ranks->n_ranks == 1) return PSAC_OK;  // nobody to wait for
  psac_watchdog *made = calloc(1, sizeof *made);
  int64_t *beats = calloc((size_t)ranks->node_size, sizeof *beats);
  if (!made || !beats) {
    free(made);
    free(beats);
    return psac_fail(PSAC_ERR_MEMORY, "out of memory for the watchdog");
  }
  *made = (psac_watchdog){.ranks = ranks, .seconds = seconds, .nap = seconds < NAPS ? seconds / NAPS : 1.0, .beats = beats};
  psac_status status = share_places(made);
  pthread_condattr_t monotonic;
  pthread_condattr_init(&monotonic);
  pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
  pthread_mutex_init(&made->lock, NULL);
  pthread_cond_init(&made->over, &monotonic);
  pthread_condattr_destroy(&monotonic);
  if (status == PSAC_OK && pthread_create(&made->thread, NULL, watch, made) != 0) {
    status = psac_fail(PSAC_ERR_MEMORY, "cannot start the watchdog's thread on rank %d", ranks->rank);
  }
  if (status == PSAC_OK) {
    *watchdog = made;
    return PSAC_OK;
  }
  free(beats);
  free(made);
  return status;
}

void psac_watchdog_leave_node(psac_watchdog *watchdog) {
  if (!watchdog) return;
  pthread_mutex_lock(&watchdog->lock);
  psac_watch_move(NULL);
  watchdog->is_shared = 0;
  pthread_mutex_unlock(&watchdog->lock);
  MPI_Win_free(&watchdog->window);
}

void psac_watchdog_stop(psac_watchdog **watchdog) {
  if (!*watchdog) return;
  pthread_mutex_lock(&(*watchdog)->lock);
  (*watchdog)->is_over = 1;
  pthread_cond_signal(&(*watchdog)->over);
  pthread_mutex_unlock(&(*watchdog)->lock);
  pthread_join((*watchdog)->thread, NULL);
  pthread_mutex_destroy(&(*watchdog)->lock);
  pthread_cond_destroy(&(*watchdog)->over);
  free((*watchdog)->beats);
  free(*watchdog);
  *watchdog = NULL;
}
