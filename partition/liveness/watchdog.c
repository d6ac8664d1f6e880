#define _GNU_SOURCE  // alarm, pthread_condattr_setclock
#include "partition/liveness/watchdog.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/watch.h"
#include "partition/mpi_check.h"

enum { NAPS = 8, TURNS = 4, TURN_SECONDS = 3, BEATS_PER_LOOK = 4, LAST_RESORT_SECONDS = 5 };

// What looks at another rank's place saw: in the middle of a wait, and just now.
typedef struct look {
  int64_t n_moves, beats;
} look;

struct psac_watchdog {
  psac_watchdog_place here;
  double seconds, nap;  // limit; time between two looks
  MPI_Win window;
  const psac_watch *places;  // [node_size] of the ranks of this node
  look *looks;               // [node_size] at the places
  int is_shared, is_over;
  pthread_t thread;
  pthread_mutex_t lock;
  pthread_cond_t over;
};

// The other ranks of this node that may keep somebody waiting: those that do not themselves wait for ranks.
typedef struct late_ranks {
  const psac_watch *stuck,
      *going_on;  // the first that has not moved for half the limit, or is a stopped process; that has moved
  int n_stuck;
} late_ranks;

// Long enough for a beat of every rank that is not stopped.
static double look_seconds(const psac_watchdog *watchdog) { return floor(watchdog->nap) + 1.0; }

static void look_around(const psac_watchdog *watchdog) {
  const int n = watchdog->is_shared ? watchdog->here.node_size : 0;
  for (int r = 0; r < n; r++) watchdog->looks[r].n_moves = atomic_load(&watchdog->places[r].n_moves);
}

// A rank of another replica may go on for long while ours waits; so one that moves is not what we wait for, where there
// is another.
static late_ranks find_late_ranks(const psac_watchdog *watchdog) {
  const int n = watchdog->is_shared ? watchdog->here.node_size : 0;
  const struct timespec moment = {.tv_nsec = (long)(look_seconds(watchdog) / BEATS_PER_LOOK * 1e9)};
  late_ranks late = {0};
  for (int r = 0; r < n; r++) watchdog->looks[r].beats = atomic_load(&watchdog->places[r].beats);
  for (int k = 0; k < BEATS_PER_LOOK; k++) {
    nanosleep(&moment, NULL);
    atomic_fetch_add(&psac_watch_place()->beats, 1);
  }
  for (int r = 0; r < n; r++) {
    const psac_watch *place = &watchdog->places[r];
    const int is_stopped = atomic_load(&place->beats) == watchdog->looks[r].beats;
    if (r == watchdog->here.node_rank || (atomic_load(&place->inside) == PSAC_WATCH_RANKS && !is_stopped)) continue;
    if (!is_stopped && atomic_load(&place->n_moves) != watchdog->looks[r].n_moves) {
      if (!late.going_on) late.going_on = place;
    } else if (late.n_stuck++ == 0) {
      late.stuck = place;
    }
  }
  return late;
}

static void describe(const late_ranks *late, char *text, size_t n_bytes) {
  const psac_watch *who = late->stuck ? late->stuck : late->going_on;
  if (!who) {
    snprintf(text, n_bytes, "no rank of this node is late");
    return;
  }
  snprintf(text, n_bytes, "rank %d %s%s%.31s, last seen at trial %lld, step %lld", who->rank,
           late->stuck ? "is late" : "still computes", who->device_call[0] ? ", in " : "", who->device_call,
           (long long)atomic_load(&who->trial), (long long)atomic_load(&who->step));
  if (late->n_stuck > 1) snprintf(text + strlen(text), n_bytes - strlen(text), ", and %d more", late->n_stuck - 1);
}

// Ends the run from this thread, while the other one waits inside a library.
_Noreturn static void bark(const psac_watchdog *watchdog, const char *why) {
  const psac_watch *here = psac_watch_place();
  fprintf(stderr,
          "psac_dist: rank %d on %s has waited %g s in %.100s, at trial %lld, step %lld; %s (watchdog.seconds)\n",
          watchdog->here.rank, watchdog->here.host, watchdog->seconds, psac_watch_call(),
          (long long)atomic_load(&here->trial), (long long)atomic_load(&here->step), why);
  fflush(stderr);
  alarm(LAST_RESORT_SECONDS);  // in case that MPI cannot even abort
  psac_mpi_abort(watchdog->here.n_ranks, 1);
}

static int still_waits(int64_t n_moves) {
  const psac_watch *here = psac_watch_place();
  return atomic_load(&here->inside) != PSAC_WATCH_OUTSIDE && atomic_load(&here->n_moves) == n_moves;
}

// This rank has waited too long: ends the run. Where others may know better they have time to say so first: those of
// other nodes, if no rank of this one is to blame, and a rank that waits for its own device.
static void speak(const psac_watchdog *watchdog, int64_t n_moves, int others_first) {
  char why[128];
  if (atomic_load(&psac_watch_place()->inside) == PSAC_WATCH_DEVICE) bark(watchdog, "its device does not answer");
  const late_ranks late = find_late_ranks(watchdog);
  if (others_first && (!late.stuck || late.stuck->device_call[0])) return;
  describe(&late, why, sizeof why);
  if (still_waits(n_moves)) bark(watchdog, why);
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

// What others may read of this rank.
static void show(psac_watch *here) {
  const char *call = atomic_load(&here->inside) == PSAC_WATCH_DEVICE ? psac_watch_call() : "";
  snprintf(here->device_call, sizeof here->device_call, "%.*s", (int)strcspn(call, "("), call);
  atomic_fetch_add(&here->beats, 1);
}

// How long this rank may wait where it does. The lowest of several ranks that wait for others speaks; the rest give it
// time to end them.
static double limit_of(const psac_watchdog *watchdog, int inside) {
  const int rank = watchdog->here.rank;
  if (inside == PSAC_WATCH_DEVICE) return watchdog->seconds;
  return watchdog->here.n_ranks == 1 ? INFINITY : watchdog->seconds + TURN_SECONDS * (rank < TURNS ? rank : TURNS);
}

static void *watch(void *self) {
  psac_watchdog *watchdog = self;
  int64_t seen = -1;
  for (double waited = 0.0; !nap(watchdog); waited += watchdog->nap) {
    pthread_mutex_lock(&watchdog->lock);  // the place does not move meanwhile
    psac_watch *here = psac_watch_place();
    show(here);
    if (!still_waits(seen)) waited = -watchdog->nap;
    seen = atomic_load(&here->n_moves);
    const double now = waited + watchdog->nap, limit = limit_of(watchdog, atomic_load(&here->inside));
    if (now <= watchdog->seconds / 2) look_around(watchdog);
    if (now >= limit) {
      speak(watchdog, seen, now < limit + 2 * TURN_SECONDS);
      waited += look_seconds(watchdog);
    }
    pthread_mutex_unlock(&watchdog->lock);
  }
  return NULL;
}

// A place for every rank of the node, where the others can read it.
static psac_status share_places(psac_watchdog *watchdog) {
  const psac_watchdog_place *ranks = &watchdog->here;
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

psac_status psac_watchdog_start(const psac_watchdog_place *place, double seconds, psac_watchdog **watchdog) {
  *watchdog = NULL;
  psac_watchdog *made = calloc(1, sizeof *made);
  look *looks = calloc((size_t)place->node_size, sizeof *looks);
  if (!made || !looks) {
    free(made);
    free(looks);
    return psac_fail(PSAC_ERR_MEMORY, "out of memory for the watchdog");
  }
  *made =
      (psac_watchdog){.here = *place, .seconds = seconds, .nap = seconds < NAPS ? seconds / NAPS : 1.0, .looks = looks};
  psac_status status = place->n_ranks > 1 ? share_places(made) : PSAC_OK;
  pthread_condattr_t monotonic;
  pthread_condattr_init(&monotonic);
  pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
  pthread_mutex_init(&made->lock, NULL);
  pthread_cond_init(&made->over, &monotonic);
  pthread_condattr_destroy(&monotonic);
  if (status == PSAC_OK && pthread_create(&made->thread, NULL, watch, made) != 0) {
    status = psac_fail(PSAC_ERR_MEMORY, "cannot start the watchdog's thread on rank %d", place->rank);
  }
  if (status == PSAC_OK) {
    *watchdog = made;
    return PSAC_OK;
  }
  free(looks);
  free(made);
  return status;
}

void psac_watchdog_leave_node(psac_watchdog *watchdog) {
  if (!watchdog || !watchdog->is_shared) return;
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
  free((*watchdog)->looks);
  free(*watchdog);
  *watchdog = NULL;
}
