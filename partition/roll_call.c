#include "roll_call.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "mpi_check.h"

enum { ASK = 30001, HERE = 30002 };  // tags that nothing else uses
enum { NAMED_AT_MOST = 8 };

// Takes one message with this tag, if there is one.
static psac_status take(int tag, int *from) {
  int is_there;
  MPI_Status status;
  *from = -1;
  PSAC_MPI(MPI_Iprobe(MPI_ANY_SOURCE, tag, MPI_COMM_WORLD, &is_there, &status));
  if (!is_there) return PSAC_OK;
  PSAC_MPI(MPI_Recv(NULL, 0, MPI_BYTE, status.MPI_SOURCE, tag, MPI_COMM_WORLD, MPI_STATUS_IGNORE));
  *from = status.MPI_SOURCE;
  return PSAC_OK;
}

// An empty message, which MPI sends without waiting for its receiver.
static psac_status send(int tag, int to) {
  MPI_Request request;
  PSAC_MPI(MPI_Isend(NULL, 0, MPI_BYTE, to, tag, MPI_COMM_WORLD, &request));
  PSAC_MPI(MPI_Request_free(&request));
  return PSAC_OK;
}

psac_status psac_roll_call_answer(void) {
  for (int from;;) {
    PSAC_TRY(take(ASK, &from));
    if (from < 0) return PSAC_OK;
    PSAC_TRY(send(HERE, from));
  }
}

static void describe(int n_ranks, const char *is_here, char *text, size_t n_bytes) {
  char names[NAMED_AT_MOST * 12 + 16] = "";
  int n = 0;
  for (int r = 0; r < n_ranks; r++) {
    if (is_here[r] || n++ >= NAMED_AT_MOST) continue;
    snprintf(names + strlen(names), sizeof names - strlen(names), "%s%d", n > 1 ? ", " : "", r);
  }
  if (n == 0) snprintf(text, n_bytes, "all ranks answer, so a GPU or the network is stuck");
  else if (n == 1) snprintf(text, n_bytes, "rank %s does not answer", names);
  else if (n <= NAMED_AT_MOST) snprintf(text, n_bytes, "ranks %s do not answer", names);
  else snprintf(text, n_bytes, "ranks %s and %d others do not answer", names, n - NAMED_AT_MOST);
}

static psac_status collect(int rank, int n_ranks, double seconds, char *is_here) {
  const struct timespec moment = {.tv_nsec = 1000000};
  const double until = psac_clock_seconds() + seconds;
  int n_missing = n_ranks - 1;
  is_here[rank] = 1;
  for (int r = 0; r < n_ranks; r++) {
    if (r != rank) PSAC_TRY(send(ASK, r));
  }
  while (n_missing > 0 && psac_clock_seconds() < until) {
    int from;
    PSAC_TRY(psac_roll_call_answer());  // others may ask at the same time
    PSAC_TRY(take(HERE, &from));
    if (from < 0) nanosleep(&moment, NULL);
    else n_missing -= !is_here[from], is_here[from] = 1;
  }
  return PSAC_OK;
}

psac_status psac_roll_call_ask(double seconds, char *text, size_t n_bytes) {
  int rank, n_ranks;
  PSAC_MPI(MPI_Comm_rank(MPI_COMM_WORLD, &rank));
  PSAC_MPI(MPI_Comm_size(MPI_COMM_WORLD, &n_ranks));
  char *is_here = calloc((size_t)n_ranks, 1);
  if (!is_here) return psac_fail(PSAC_ERR_MEMORY, "out of memory for a roll call");
  const psac_status status = collect(rank, n_ranks, seconds, is_here);
  if (status == PSAC_OK) describe(n_ranks, is_here, text, n_bytes);
  free(is_here);
  return status;
}
