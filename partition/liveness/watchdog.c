#define _GNU_SOURCE  // alarm, pthread_condattr_setclock
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/heartbeat.h"
#include "base/mpi_check.h"
#include "partition/liveness/liveness.h"

enum {
  INTERVALS = 8,         // minimum number of intervals in the limit
  TURNS = 4,             // ranks below this number report one after another, the others after them
  TURN_SECONDS = 3,      // between two turns
  BEATS_PER_SAMPLE = 4,  // beats of this rank while it samples those of the others
  ABORT_SECONDS = 5,
};

// Of another rank's heartbeat: progress at half the limit, beats at the start of a report.
typedef struct sample {
  int64_t progress, beats;
} sample;

struct psac_watchdog {
  psac_watchdog_place here;
  double seconds, interval;  // s: limit; time between two beats
  MPI_Win window;
  const psac_heartbeat *heartbeats;  // [node_size] of the ranks of this node
  sample *samples;                   // [node_size] of them
  int is_shared, is_over;
  pthread_t thread;
  pthread_mutex_t lock;
  pthread_cond_t over;
};

// Ranks of this node that may have caused the wait: those that do not wait for other ranks, or are stopped.
typedef struct late_ranks {
  const psac_heartbeat *stuck;      // the first without progress for half the limit, or whose process is stopped
  const psac_heartbeat *computing;  // the first with progress
  int n_stuck;
} late_ranks;

// Time within which every rank that is not stopped makes a beat, s.
static double sample_seconds(const psac_watchdog *watchdog) { return floor(watchdog->interval) + 1.0; }

static int n_shared(const psac_watchdog *watchdog) { return watchdog->is_shared ? watchdog->here.node_size : 0; }

static void sample_progress(const psac_watchdog *watchdog) {
  for (int r = 0; r < n_shared(watchdog); r++) {
    watchdog->samples[r].progress = atomic_load(&watchdog->heartbeats[r].progress);
  }
}

static void sample_beats(const psac_watchdog *watchdog) {
  const struct timespec moment = {.tv_nsec = (long)(sample_seconds(watchdog) / BEATS_PER_SAMPLE * 1e9)};
  for (int r = 0; r < n_shared(watchdog); r++) {
    watchdog->samples[r].beats = atomic_load(&watchdog->heartbeats[r].beats);
  }
  for (int k = 0; k < BEATS_PER_SAMPLE; k++) {
    nanosleep(&moment, NULL);
    atomic_fetch_add(&psac_heartbeat_own()->beats, 1);
  }
}

// A rank of another replica may compute for long while this one waits, so a rank with progress is blamed only if no
// rank is stuck.
static late_ranks find_late_ranks(const psac_watchdog *watchdog) {
  late_ranks late = {0};
  sample_beats(watchdog);
  for (int r = 0; r < n_shared(watchdog); r++) {
    const psac_heartbeat *other = &watchdog->heartbeats[r];
    const int is_stopped = atomic_load(&other->beats) == watchdog->samples[r].beats;
    if (r == watchdog->here.node_rank || (atomic_load(&other->waits_for) == PSAC_WAIT_RANKS && !is_stopped)) continue;
    if (!is_stopped && atomic_load(&other->progress) != watchdog->samples[r].progress) {
      if (!late.computing) late.computing = other;
    } else if (late.n_stuck++ == 0) {
      late.stuck = other;
    }
  }
  return late;
}

static void describe(const late_ranks *late, char *text, size_t n_bytes) {
  const psac_heartbeat *who = late->stuck ? late->stuck : late->computing;
  if (!who) {
    snprintf(text, n_bytes, "no rank of this node is late");
    return;
  }
  snprintf(text, n_bytes, "rank %d %s%s%.31s, last seen at trial %lld, step %lld", who->rank,
           late->stuck ? "is late" : "still computes", who->device_call[0] ? ", in " : "", who->device_call,
           (long long)atomic_load(&who->trial), (long long)atomic_load(&who->step));
  if (late->n_stuck > 1) snprintf(text + strlen(text), n_bytes - strlen(text), ", and %d more", late->n_stuck - 1);
}

// Ends the run from this thread, while the main thread is blocked inside a library.
_Noreturn static void end_run(const psac_watchdog *watchdog, const char *why) {
  const psac_heartbeat *own = psac_heartbeat_own();
  fprintf(stderr,
          "psac_dist: rank %d on %s has waited %g s in %.100s, at trial %lld, step %lld; %s (watchdog.seconds)\n",
          watchdog->here.rank, watchdog->here.host, watchdog->seconds, psac_heartbeat_call(),
          (long long)atomic_load(&own->trial), (long long)atomic_load(&own->step), why);
  fflush(stderr);
  alarm(ABORT_SECONDS);  // in case MPI_Abort blocks
  psac_mpi_abort(watchdog->here.n_ranks, 1);
}

static int still_waits(int64_t progress) {
  const psac_heartbeat *own = psac_heartbeat_own();
  return atomic_load(&own->waits_for) != PSAC_WAIT_NONE && atomic_load(&own->progress) == progress;
}

// Ends the run when the limit has passed. At first defers to ranks that may have better evidence: those of other nodes,
// if no rank of this node is to blame, and a rank that waits for its own device.
static void report(const psac_watchdog *watchdog, int64_t progress, int defers) {
  char why[128];
  if (atomic_load(&psac_heartbeat_own()->waits_for) == PSAC_WAIT_DEVICE)
    end_run(watchdog, "its device does not answer");
  const late_ranks late = find_late_ranks(watchdog);
  if (defers && (!late.stuck || late.stuck->device_call[0])) return;
  describe(&late, why, sizeof why);
  if (still_waits(progress)) end_run(watchdog, why);
}

// Sleeps for an interval; returns 1 if the watchdog is being stopped.
static int sleep_interval(psac_watchdog *watchdog) {
  struct timespec until;
  clock_gettime(CLOCK_MONOTONIC, &until);
  const long long nanoseconds = until.tv_nsec + (long long)(watchdog->interval * 1e9);
  until.tv_sec += (time_t)(nanoseconds / 1000000000);
  until.tv_nsec = (long)(nanoseconds % 1000000000);
  pthread_mutex_lock(&watchdog->lock);
  while (!watchdog->is_over && pthread_cond_timedwait(&watchdog->over, &watchdog->lock, &until) == 0) continue;
  const int is_over = watchdog->is_over;
  pthread_mutex_unlock(&watchdog->lock);
  return is_over;
}

static void beat(psac_heartbeat *own) {
  const char *call = atomic_load(&own->waits_for) == PSAC_WAIT_DEVICE ? psac_heartbeat_call() : "";
  snprintf(own->device_call, sizeof own->device_call, "%.*s", (int)strcspn(call, "("), call);
  atomic_fetch_add(&own->beats, 1);
}

// Limit of a wait of this rank, s. Of several ranks that wait for others the lowest reports; higher ranks have a longer
// limit, so that it ends them first.
static double limit_of(const psac_watchdog *watchdog, int waits_for) {
  const int rank = watchdog->here.rank;
  if (waits_for == PSAC_WAIT_DEVICE) return watchdog->seconds;
  return watchdog->here.n_ranks == 1 ? INFINITY : watchdog->seconds + TURN_SECONDS * (rank < TURNS ? rank : TURNS);
}

static void *watch(void *self) {
  psac_watchdog *watchdog = self;
  int64_t seen = -1;
  for (double waited = 0.0; !sleep_interval(watchdog); waited += watchdog->interval) {
    pthread_mutex_lock(&watchdog->lock);  // the heartbeat does not move meanwhile
    psac_heartbeat *own = psac_heartbeat_own();
    beat(own);
    if (!still_waits(seen)) waited = -watchdog->interval;
    seen = atomic_load(&own->progress);
    const double now = waited + watchdog->interval, limit = limit_of(watchdog, atomic_load(&own->waits_for));
    if (now <= watchdog->seconds / 2) sample_progress(watchdog);
    if (now >= limit) {
      report(watchdog, seen, now < limit + 2 * TURN_SECONDS);
      waited += sample_seconds(watchdog);
    }
    pthread_mutex_unlock(&watchdog->lock);
  }
  return NULL;
}

// Moves the heartbeats of the node's ranks to memory that they share.
static psac_status share_heartbeats(psac_watchdog *watchdog) {
  const psac_watchdog_place *ranks = &watchdog->here;
  MPI_Comm node;
  void *base = NULL;
  MPI_Aint size;
  int unit;
  PSAC_MPI(MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, ranks->rank, MPI_INFO_NULL, &node));
  const MPI_Aint n_bytes =
      ranks->node_rank == 0 ? (MPI_Aint)(sizeof(psac_heartbeat) * (size_t)(ranks->node_size + 1)) : 0;
  PSAC_MPI(MPI_Win_allocate_shared(n_bytes, 1, MPI_INFO_NULL, node, &base, &watchdog->window));
  PSAC_MPI(MPI_Win_shared_query(watchdog->window, 0, &size, &unit, &base));
  PSAC_MPI(MPI_Comm_free(&node));
  const size_t line = _Alignof(psac_heartbeat);
  psac_heartbeat *heartbeats = (psac_heartbeat *)(((uintptr_t)base + line - 1) / line * line);
  watchdog->heartbeats = heartbeats;
  heartbeats[ranks->node_rank].rank = ranks->rank;
  psac_heartbeat_move(&heartbeats[ranks->node_rank]);
  watchdog->is_shared = 1;
  PSAC_MPI(MPI_Barrier(MPI_COMM_WORLD));
  return PSAC_OK;
}

static psac_status start_thread(psac_watchdog *watchdog) {
  pthread_condattr_t monotonic;
  pthread_condattr_init(&monotonic);
  pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
  pthread_mutex_init(&watchdog->lock, NULL);
  pthread_cond_init(&watchdog->over, &monotonic);
  pthread_condattr_destroy(&monotonic);
  if (pthread_create(&watchdog->thread, NULL, watch, watchdog) == 0) return PSAC_OK;
  return psac_fail(PSAC_ERR_MEMORY, "cannot start the watchdog's thread on rank %d", watchdog->here.rank);
}

static void release(psac_watchdog *watchdog) {
  if (watchdog) free(watchdog->samples);
  free(watchdog);
}

psac_status psac_watchdog_start(const psac_watchdog_place *place, double seconds, psac_watchdog **watchdog) {
  *watchdog = NULL;
  psac_watchdog *made = calloc(1, sizeof *made);
  if (made) made->samples = calloc((size_t)place->node_size, sizeof *made->samples);
  psac_status status = made && made->samples ? PSAC_OK : psac_fail(PSAC_ERR_MEMORY, "out of memory for the watchdog");
  if (status == PSAC_OK) {
    made->here = *place;
    made->seconds = seconds;
    made->interval = seconds < INTERVALS ? seconds / INTERVALS : 1.0;
    if (place->n_ranks > 1) status = share_heartbeats(made);
  }
  if (status == PSAC_OK) status = start_thread(made);
  if (status == PSAC_OK) *watchdog = made;
  else release(made);
  return status;
}

void psac_watchdog_leave_node(psac_watchdog *watchdog) {
  if (!watchdog || !watchdog->is_shared) return;
  pthread_mutex_lock(&watchdog->lock);
  psac_heartbeat_move(NULL);
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
  release(*watchdog);
  *watchdog = NULL;
}
