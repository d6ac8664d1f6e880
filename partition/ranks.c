#define _GNU_SOURCE  // dl_iterate_phdr
#include "partition/ranks.h"

#include <dlfcn.h>
#include <link.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/mpi_check.h"
#include "partition/liveness/liveness.h"

enum { CHUNK_BYTES = 1 << 30, CHUNK_ELEMENTS = 1 << 27 };  // of one message; MPI counts are ints

// Open MPI reads these variables at MPI_Init; values that the user has set stay. On an oversubscribed node waiting
// ranks must yield, because a spinning rank costs the others milliseconds per message. Parallel files use ROMIO,
// because OMPIO has a known deadlock. ROMIO's name depends on the version (romio321, romio341), so it is selected by
// priority: OMPIO's 30 is lowered below ROMIO's 10.
static void tune_open_mpi(void) {
  const char *local_size = getenv("OMPI_COMM_WORLD_LOCAL_SIZE");
  const long n_cores = sysconf(_SC_NPROCESSORS_ONLN);
  if (local_size && atol(local_size) > n_cores) setenv("OMPI_MCA_mpi_yield_when_idle", "1", 0);
  setenv("OMPI_MCA_io_ompio_priority", "1", 0);
  setenv("OMPI_MCA_mpi_warn_on_fork", "0", 0);  // the child that tries a file (io/h5_try.c) does not use MPI
}

static MPI_Comm comm_of(const psac_ranks *ranks) { return *(const MPI_Comm *)ranks->mpi_comm; }

// Under Slurm's PMIx (Open MPI 4.1.4, Slurm 22.05, busy nodes) a rank has been observed to return from MPI_Init while
// another one was still inside it; the first message then crashed the other one. So the first message is delayed.
static void wait_for_late_ranks(void) {
  static const struct timespec moment = {.tv_nsec = 300000000};
  const char *job = getenv("PMIX_NAMESPACE");
  int n_ranks = 1;
  MPI_Comm_size(MPI_COMM_WORLD, &n_ranks);
  if (job && strncmp(job, "slurm.", 6) == 0 && n_ranks > 1) nanosleep(&moment, NULL);
}

// Sets rank, n_ranks, node_rank and node_size from the communicator.
static psac_status find_place(psac_ranks *ranks) {
  MPI_Comm node;
  PSAC_MPI(MPI_Comm_set_errhandler(comm_of(ranks), MPI_ERRORS_RETURN));
  PSAC_MPI(MPI_Comm_rank(comm_of(ranks), &ranks->rank));
  PSAC_MPI(MPI_Comm_size(comm_of(ranks), &ranks->n_ranks));
  PSAC_MPI(MPI_Comm_split_type(comm_of(ranks), MPI_COMM_TYPE_SHARED, ranks->rank, MPI_INFO_NULL, &node));
  PSAC_MPI(MPI_Comm_rank(node, &ranks->node_rank));
  PSAC_MPI(MPI_Comm_size(node, &ranks->node_size));
  PSAC_MPI(MPI_Comm_free(&node));
  return PSAC_OK;
}

psac_status psac_ranks_start(int *argc, char ***argv, psac_ranks *ranks) {
  memset(ranks, 0, sizeof *ranks);
  tune_open_mpi();
  int threads;  // the watchdog's thread makes no MPI calls, except to abort
  PSAC_MPI(MPI_Init_thread(argc, argv, MPI_THREAD_SERIALIZED, &threads));
  wait_for_late_ranks();
  static MPI_Comm world;  // static, because mpi_comm points to it until the end of the run
  world = MPI_COMM_WORLD;
  ranks->mpi_comm = &world;
  PSAC_TRY(find_place(ranks));
  ranks->world_rank = ranks->rank;
  ranks->outnumber_cores = ranks->node_size > sysconf(_SC_NPROCESSORS_ONLN);
  gethostname(ranks->host, sizeof ranks->host - 1);
  char library[MPI_MAX_LIBRARY_VERSION_STRING];
  int length;
  PSAC_MPI(MPI_Get_library_version(library, &length));
  snprintf(ranks->mpi_library, sizeof ranks->mpi_library, "%.*s", (int)strcspn(library, ",\n"), library);
  return PSAC_OK;
}

psac_status psac_ranks_watch(psac_ranks *ranks, double seconds) {
  const psac_watchdog_place place = {ranks->rank, ranks->n_ranks, ranks->node_rank, ranks->node_size, ranks->host};
  return ranks->watchdog ? PSAC_OK : psac_ranks_agree(ranks, psac_watchdog_start(&place, seconds, &ranks->watchdog));
}

enum { MOST_LIBRARIES = 512 };
typedef struct libraries {
  const char *name[MOST_LIBRARIES];
  int n;
} libraries;

static int note_library(struct dl_phdr_info *info, size_t n_bytes, void *list) {
  (void)n_bytes;
  libraries *to = list;
  if (info->dlpi_name && info->dlpi_name[0] && to->n < MOST_LIBRARIES) to->name[to->n++] = info->dlpi_name;
  return 0;
}

// Open MPI unloads its plug-ins in MPI_Finalize while PMIx threads may still run in them (observed under srun on a busy
// node: a segmentation fault after the last line of output). RTLD_NODELETE keeps all libraries that are loaded now.
static void keep_libraries(void) {
  libraries loaded = {.n = 0};
  dl_iterate_phdr(note_library, &loaded);
  for (int k = 0; k < loaded.n; k++) dlopen(loaded.name[k], RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
}

void psac_ranks_finish(psac_ranks *ranks) {
  keep_libraries();
  psac_watchdog_leave_node(ranks->watchdog);
  psac_wait_begin("MPI_Finalize");
  MPI_Finalize();
  psac_wait_end();
  psac_watchdog_stop(&ranks->watchdog);
  ranks->mpi_comm = NULL;
}

psac_status psac_ranks_split(const psac_ranks *ranks, int color, psac_ranks *part) {
  MPI_Comm *comm = malloc(sizeof *comm);  // NOLINT(bugprone-sizeof-expression): a handle is a pointer in Open MPI
  if (!comm) return psac_fail(PSAC_ERR_MEMORY, "out of memory for a group of ranks");
  *part = *ranks;
  part->mpi_comm = comm;
  *comm = MPI_COMM_NULL;
  PSAC_MPI(MPI_Comm_split(comm_of(ranks), color, ranks->rank, comm));
  return find_place(part);
}

void psac_ranks_rejoin(psac_ranks *part) {
  MPI_Comm *comm = (MPI_Comm *)part->mpi_comm;
  if (comm && *comm != MPI_COMM_NULL) MPI_Comm_free(comm);
  free(comm);
  part->mpi_comm = NULL;
}

void psac_ranks_give_way(const psac_ranks *ranks, int is_ending) {
  const struct timespec moment = {.tv_sec = ranks->rank < 5 && !is_ending ? ranks->rank : 5};
  nanosleep(&moment, NULL);
}

_Noreturn void psac_ranks_abort(const psac_ranks *ranks, int exit_code) {
  psac_mpi_abort(ranks->mpi_comm ? ranks->n_ranks : 1, exit_code);
}

psac_status psac_ranks_agree(psac_ranks *ranks, psac_status status) {
  int is_agreed;
  status = psac_mpi_agree(comm_of(ranks), status, &is_agreed);
  if (status != PSAC_OK && is_agreed) ranks->agreed_to_fail = 1;
  return status;
}

psac_status psac_ranks_broadcast(const psac_ranks *ranks, void *bytes, size_t n_bytes) {
  if (ranks->n_ranks == 1) return PSAC_OK;
  for (size_t done = 0; done < n_bytes; done += CHUNK_BYTES) {
    const size_t n = n_bytes - done < CHUNK_BYTES ? n_bytes - done : CHUNK_BYTES;
    PSAC_MPI(MPI_Bcast((char *)bytes + done, (int)n, MPI_BYTE, 0, comm_of(ranks)));
  }
  return PSAC_OK;
}

psac_status psac_ranks_gather(const psac_ranks *ranks, const void *own, void *all, int n_bytes) {
  if (ranks->n_ranks == 1) return memcpy(all, own, (size_t)n_bytes), PSAC_OK;
  PSAC_MPI(MPI_Allgather(own, n_bytes, MPI_BYTE, all, n_bytes, MPI_BYTE, comm_of(ranks)));
  return PSAC_OK;
}

psac_status psac_ranks_move(const psac_ranks *ranks, int from, void *bytes, size_t n_bytes) {
  if (from == 0 || (ranks->rank != 0 && ranks->rank != from)) return PSAC_OK;
  for (size_t done = 0; done < n_bytes; done += CHUNK_BYTES) {
    const int n = (int)(n_bytes - done < CHUNK_BYTES ? n_bytes - done : CHUNK_BYTES);
    if (ranks->rank == from) PSAC_MPI(MPI_Send((char *)bytes + done, n, MPI_BYTE, 0, 0, comm_of(ranks)));
    else PSAC_MPI(MPI_Recv((char *)bytes + done, n, MPI_BYTE, from, 0, comm_of(ranks), MPI_STATUS_IGNORE));
  }
  return PSAC_OK;
}

psac_status psac_ranks_sum_i32(const psac_ranks *ranks, int32_t *value, size_t n) {
  for (size_t done = 0; done < n && ranks->n_ranks > 1; done += CHUNK_ELEMENTS) {
    const int count = (int)(n - done < CHUNK_ELEMENTS ? n - done : CHUNK_ELEMENTS);
    PSAC_MPI(MPI_Allreduce(MPI_IN_PLACE, value + done, count, MPI_INT32_T, MPI_SUM, comm_of(ranks)));
  }
  return PSAC_OK;
}

psac_status psac_ranks_sum_i64(const psac_ranks *ranks, int64_t *value, size_t n) {
  for (size_t done = 0; done < n && ranks->n_ranks > 1; done += CHUNK_ELEMENTS) {
    const int count = (int)(n - done < CHUNK_ELEMENTS ? n - done : CHUNK_ELEMENTS);
    PSAC_MPI(MPI_Allreduce(MPI_IN_PLACE, value + done, count, MPI_INT64_T, MPI_SUM, comm_of(ranks)));
  }
  return PSAC_OK;
}

psac_status psac_ranks_sum_f64(const psac_ranks *ranks, double *value, size_t n) {
  if (ranks->n_ranks > 1) PSAC_MPI(MPI_Allreduce(MPI_IN_PLACE, value, (int)n, MPI_DOUBLE, MPI_SUM, comm_of(ranks)));
  return PSAC_OK;
}

psac_status psac_ranks_max_f64(const psac_ranks *ranks, double *value, size_t n) {
  if (ranks->n_ranks > 1) PSAC_MPI(MPI_Allreduce(MPI_IN_PLACE, value, (int)n, MPI_DOUBLE, MPI_MAX, comm_of(ranks)));
  return PSAC_OK;
}

psac_status psac_ranks_offset(const psac_ranks *ranks, int64_t value, int64_t *before, int64_t *total) {
  *before = 0;
  *total = value;
  if (ranks->n_ranks == 1) return PSAC_OK;
  PSAC_MPI(MPI_Exscan(&value, before, 1, MPI_INT64_T, MPI_SUM, comm_of(ranks)));
  if (ranks->rank == 0) *before = 0;  // MPI leaves it undefined there
  PSAC_MPI(MPI_Allreduce(&value, total, 1, MPI_INT64_T, MPI_SUM, comm_of(ranks)));
  return PSAC_OK;
}
