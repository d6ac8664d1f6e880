#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/mpi_check.h"
#include "partition/liveness/liveness.h"

enum { REQUEST = 30001, REPLY = 30002 };  // tags that nothing else uses

// Sends a small message without waiting for the receiver. *progress must stay valid.
static psac_status send(int tag, int to, const psac_gpu_report *progress) {
  MPI_Request request;
  // NOLINTBEGIN(clang-analyzer-optin.mpi.MPI-Checker): it does not know that freeing a request replaces a wait
  PSAC_MPI(MPI_Isend(progress, progress ? sizeof *progress : 0, MPI_BYTE, to, tag, MPI_COMM_WORLD, &request));
  PSAC_MPI(MPI_Request_free(&request));
  // NOLINTEND(clang-analyzer-optin.mpi.MPI-Checker)
  return PSAC_OK;
}

// Receives one message with this tag, if there is one; *from = -1 if not.
static psac_status receive(int tag, int *from, psac_gpu_report *progress) {
  int is_there;
  MPI_Status status;
  *from = -1;
  PSAC_MPI(MPI_Iprobe(MPI_ANY_SOURCE, tag, MPI_COMM_WORLD, &is_there, &status));
  if (!is_there) return PSAC_OK;
  PSAC_MPI(MPI_Recv(progress, progress ? sizeof *progress : 0, MPI_BYTE, status.MPI_SOURCE, tag, MPI_COMM_WORLD,
                    MPI_STATUS_IGNORE));
  *from = status.MPI_SOURCE;
  return PSAC_OK;
}

psac_status psac_status_poll_answer(psac_gpu_report_source own) {
  static psac_gpu_report progress;
  for (int from;;) {
    PSAC_TRY(receive(REQUEST, &from, NULL));
    if (from < 0) return PSAC_OK;
    progress = own.read(own.self);
    PSAC_TRY(send(REPLY, from, &progress));
  }
}

typedef struct reply_list {
  int rank, n_ranks;
  psac_gpu_report *progress;  // [n_ranks]
  int *is_silent;             // [n_ranks]
} reply_list;

// Answers other ranks' polls until `until` or, with `replies`, until all ranks have replied to ours.
static psac_status exchange_replies(const reply_list *replies, psac_gpu_report_source own, double until) {
  const struct timespec moment = {.tv_nsec = 1000000};
  int n_silent = replies ? replies->n_ranks - 1 : 1;
  while (n_silent > 0 && psac_clock_seconds() < until) {
    int from = -1;
    psac_gpu_report progress;
    PSAC_TRY(psac_status_poll_answer(own));
    if (replies) PSAC_TRY(receive(REPLY, &from, &progress));
    if (from < 0) {
      nanosleep(&moment, NULL);
      continue;
    }
    replies->progress[from] = progress;
    n_silent -= replies->is_silent[from];
    replies->is_silent[from] = 0;
  }
  return PSAC_OK;
}

static psac_status collect(const reply_list *replies, double seconds, psac_gpu_report_source own) {
  for (int r = 0; r < replies->n_ranks; r++) {
    replies->is_silent[r] = r != replies->rank;
    if (r != replies->rank) PSAC_TRY(send(REQUEST, r, NULL));
  }
  PSAC_TRY(exchange_replies(replies, own, psac_clock_seconds() + seconds));
  replies->progress[replies->rank] = own.read(own.self);
  return PSAC_OK;
}

// "rank 2 and 3 more"
static void name_ranks(int first, int n, const char *before, const char *after, char *text, size_t n_bytes) {
  const int written = snprintf(text, n_bytes, "%srank %d", before, first);
  if (n > 1) snprintf(text + written, n_bytes - (size_t)written, " and %d more", n - 1);
  snprintf(text + strlen(text), n_bytes - strlen(text), "%s", after);
}

// Names the ranks of this rank's group whose GPUs have reached the fewest collectives and returns their number, 0 if
// all are equal.
static int name_behind(const reply_list *replies, char *text, size_t n_bytes) {
  const psac_gpu_report *progress = replies->progress, *own = &progress[replies->rank];
  int64_t least = own->collectives, most = least;
  int first = replies->rank, n = 0;
  for (int r = 0; r < replies->n_ranks; r++) {
    if (replies->is_silent[r] || progress[r].group != own->group) continue;
    if (progress[r].collectives > most) most = progress[r].collectives;
    if (progress[r].collectives < least) least = progress[r].collectives, n = 0;
    if (progress[r].collectives == least && n++ == 0) first = r;
  }
  if (least == most) return 0;
  char after[80];
  snprintf(after, sizeof after, " %s stuck before exchange %lld, to which others have come", n == 1 ? "is" : "are",
           (long long)least + 1);
  name_ranks(first, n, n == 1 ? "the GPU of " : "the GPUs of ", after, text, n_bytes);
  return n;
}

static int name_silent(const reply_list *replies, char *text, size_t n_bytes) {
  int first = 0, n = 0;
  for (int r = 0; r < replies->n_ranks; r++) {
    if (replies->is_silent[r] && n++ == 0) first = r;
  }
  if (n > 0) name_ranks(first, n, "", n == 1 ? " does not answer" : " do not answer", text, n_bytes);
  else snprintf(text, n_bytes, "all ranks answer, so a GPU or the network is stuck");
  return n;
}

// Backs off longer with weaker evidence, so that a better informed rank reports first: a silent rank may itself wait
// for another one.
static psac_status diagnose(const reply_list *replies, double seconds, psac_gpu_report_source own, char *text,
                            size_t n_bytes) {
  PSAC_TRY(collect(replies, seconds, own));
  if (name_behind(replies, text, n_bytes) > 0) return PSAC_OK;
  const int n_silent = name_silent(replies, text, n_bytes);
  return exchange_replies(NULL, own, psac_clock_seconds() + (n_silent > 0 ? 1.0 : 3.0) * seconds);
}

psac_status psac_status_poll(double seconds, psac_gpu_report_source own, char *text, size_t n_bytes) {
  reply_list replies = {0};
  PSAC_MPI(MPI_Comm_rank(MPI_COMM_WORLD, &replies.rank));
  PSAC_MPI(MPI_Comm_size(MPI_COMM_WORLD, &replies.n_ranks));
  replies.progress = calloc((size_t)replies.n_ranks, sizeof *replies.progress);
  replies.is_silent = calloc((size_t)replies.n_ranks, sizeof *replies.is_silent);
  const psac_status status = replies.progress && replies.is_silent
                                 ? diagnose(&replies, seconds, own, text, n_bytes)
                                 : psac_fail(PSAC_ERR_MEMORY, "out of memory for a status poll");
  free(replies.progress);
  free(replies.is_silent);
  return status;
}
