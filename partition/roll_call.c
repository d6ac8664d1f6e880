#include "roll_call.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "mpi_check.h"

enum { ASK = 1, HERE = 2 };  // tags
enum { NAMED_AT_MOST = 8 };

struct psac_roll_call {
  MPI_Comm comm;  // of its own: a question must not be taken for anything else
  int rank, n_ranks;
};

psac_status psac_roll_call_create(const psac_ranks *ranks, psac_roll_call **roll_call) {
  psac_roll_call *made = calloc(1, sizeof *made);
  *roll_call = made;
  if (!made) return psac_fail(PSAC_ERR_MEMORY, "out of memory for a communicator");
  made->comm = MPI_COMM_NULL;
  made->rank = ranks->rank;
  made->n_ranks = ranks->n_ranks;
  PSAC_MPI(MPI_Comm_dup(MPI_COMM_WORLD, &made->comm));
  return PSAC_OK;
}

void psac_roll_call_destroy(psac_roll_call **roll_call) {
  if (!*roll_call) return;
  if ((*roll_call)->comm != MPI_COMM_NULL) MPI_Comm_free(&(*roll_call)->comm);
  free(*roll_call);
  *roll_call = NULL;
}

// Takes one message with this tag, if there is one.
static psac_status take(psac_roll_call *roll_call, int tag, int *from) {
  int is_there;
  MPI_Status status;
  *from = -1;
  PSAC_MPI(MPI_Iprobe(MPI_ANY_SOURCE, tag, roll_call->comm, &is_there, &status));
  if (!is_there) return PSAC_OK;
  PSAC_MPI(MPI_Recv(NULL, 0, MPI_BYTE, status.MPI_SOURCE, tag, roll_call->comm, MPI_STATUS_IGNORE));
  *from = status.MPI_SOURCE;
  return PSAC_OK;
}

// An empty message, which MPI sends without waiting for its receiver.
static psac_status send(psac_roll_call *roll_call, int tag, int to) {
  MPI_Request request;
  PSAC_MPI(MPI_Isend(NULL, 0, MPI_BYTE, to, tag, roll_call->comm, &request));
  PSAC_MPI(MPI_Request_free(&request));
  return PSAC_OK;
}

psac_status psac_roll_call_answer(psac_roll_call *roll_call) {
  for (int from;;) {
    PSAC_TRY(take(roll_call, ASK, &from));
    if (from < 0) return PSAC_OK;
    PSAC_TRY(send(roll_call, HERE, from));
  }
}

static void describe(const psac_roll_call *roll_call, const char *is_here, char *text, size_t n_bytes) {
  char names[NAMED_AT_MOST * 12 + 16] = "";
  int n = 0;
  for (int r = 0; r < roll_call->n_ranks; r++) {
    if (is_here[r] || n++ >= NAMED_AT_MOST) continue;
    snprintf(names + strlen(names), sizeof names - strlen(names), "%s%d", n > 1 ? ", " : "", r);
  }
  if (n == 0) snprintf(text, n_bytes, "all ranks answer, so a GPU or the network is stuck");
  else if (n == 1) snprintf(text, n_bytes, "rank %s does not answer", names);
  else if (n <= NAMED_AT_MOST) snprintf(text, n_bytes, "ranks %s do not answer", names);
  else snprintf(text, n_bytes, "ranks %s and %d others do not answer", names, n - NAMED_AT_MOST);
}

static psac_status collect(psac_roll_call *roll_call, double seconds, char *is_here) {
  const struct timespec moment = {.tv_nsec = 1000000};
  const double until = psac_clock_seconds() + seconds;
  int n_missing = roll_call->n_ranks - 1;
  is_here[roll_call->rank] = 1;
  for (int r = 0; r < roll_call->n_ranks; r++) {
    if (r != roll_call->rank) PSAC_TRY(send(roll_call, ASK, r));
  }
  while (n_missing > 0 && psac_clock_seconds() < until) {
    int from;
    PSAC_TRY(psac_roll_call_answer(roll_call));  // others may ask at the same time
    PSAC_TRY(take(roll_call, HERE, &from));
    if (from < 0) nanosleep(&moment, NULL);
    else n_missing -= !is_here[from], is_here[from] = 1;
  }
  return PSAC_OK;
}

psac_status psac_roll_call_ask(psac_roll_call *roll_call, double seconds, char *text, size_t n_bytes) {
  char *is_here = calloc((size_t)roll_call->n_ranks, 1);
  if (!is_here) return psac_fail(PSAC_ERR_MEMORY, "out of memory for a roll call");
  const psac_status status = collect(roll_call, seconds, is_here);
  if (status == PSAC_OK) describe(roll_call, is_here, text, n_bytes);
  free(is_here);
  return status;
}
