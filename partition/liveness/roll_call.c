#include "partition/liveness/roll_call.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "partition/mpi_check.h"

enum { ASK = 30001, HERE = 30002 };  // tags that nothing else uses
enum { NAMED_AT_MOST = 8 };

// Takes one message with this tag, if there is one.
static psac_status take(int tag, int *from, psac_presence *said) {
  int is_there;
  MPI_Status status;
  *from = -1;
  PSAC_MPI(MPI_Iprobe(MPI_ANY_SOURCE, tag, MPI_COMM_WORLD, &is_there, &status));
  if (!is_there) return PSAC_OK;
  PSAC_MPI(
      MPI_Recv(said, said ? sizeof *said : 0, MPI_BYTE, status.MPI_SOURCE, tag, MPI_COMM_WORLD, MPI_STATUS_IGNORE));
  *from = status.MPI_SOURCE;
  return PSAC_OK;
}

// A small message, which MPI sends without waiting for its receiver; what `said` points to has to stay.
static psac_status send(int tag, int to, const psac_presence *said) {
  MPI_Request request;
  PSAC_MPI(MPI_Isend(said, said ? sizeof *said : 0, MPI_BYTE, to, tag, MPI_COMM_WORLD, &request));
  PSAC_MPI(MPI_Request_free(&request));
  return PSAC_OK;
}

psac_status psac_roll_call_answer(psac_witness witness) {
  static psac_presence own;
  for (int from;;) {
    PSAC_TRY(take(ASK, &from, NULL));
    if (from < 0) return PSAC_OK;
    own = witness.say(witness.self);
    PSAC_TRY(send(HERE, from, &own));
  }
}

// The ranks that are marked, as "rank 2", "ranks 2, 5" or "ranks 2, 5, ... and 9 others".
static int name_ranks(int n_ranks, const char *is_marked, char *text, size_t n_bytes) {
  char names[NAMED_AT_MOST * 12 + 16] = "";
  int n = 0;
  for (int r = 0; r < n_ranks; r++) {
    if (!is_marked[r] || n++ >= NAMED_AT_MOST) continue;
    snprintf(names + strlen(names), sizeof names - strlen(names), "%s%d", n > 1 ? ", " : "", r);
  }
  snprintf(text, n_bytes, "rank%s %s", n == 1 ? "" : "s", names);
  if (n > NAMED_AT_MOST) snprintf(text + strlen(text), n_bytes - strlen(text), " and %d others", n - NAMED_AT_MOST);
  return n;
}

typedef struct roll_sheet {
  int rank, n_ranks;
  psac_presence *said;  // [n_ranks]
  char *is_missing;     // [n_ranks] does not answer
  char *is_stuck;       // [n_ranks]
} roll_sheet;

// Marks the ranks whose GPU has come less far than another one of this rank's group; gives the first exchange that they
// have not come to.
static int64_t mark_stuck(const roll_sheet *roll) {
  const psac_presence *said = roll->said, *own = &said[roll->rank];
  int64_t least = own->exchanges, most = least;
  for (int r = 0; r < roll->n_ranks; r++) {
    if (roll->is_missing[r] || said[r].group != own->group) continue;
    if (said[r].exchanges < least) least = said[r].exchanges;
    if (said[r].exchanges > most) most = said[r].exchanges;
  }
  for (int r = 0; r < roll->n_ranks; r++) {
    roll->is_stuck[r] =
        least < most && !roll->is_missing[r] && said[r].group == own->group && said[r].exchanges == least;
  }
  return least + 1;
}

static psac_status collect(const roll_sheet *roll, double seconds, psac_witness witness) {
  const struct timespec moment = {.tv_nsec = 1000000};
  const double until = psac_clock_seconds() + seconds;
  int n_missing = roll->n_ranks - 1;
  for (int r = 0; r < roll->n_ranks; r++) {
    roll->is_missing[r] = r != roll->rank;
    if (r != roll->rank) PSAC_TRY(send(ASK, r, NULL));
  }
  while (n_missing > 0 && psac_clock_seconds() < until) {
    int from;
    psac_presence said;
    PSAC_TRY(psac_roll_call_answer(witness));  // others may ask at the same time
    PSAC_TRY(take(HERE, &from, &said));
    if (from < 0) {
      nanosleep(&moment, NULL);
      continue;
    }
    roll->said[from] = said;
    n_missing -= roll->is_missing[from];
    roll->is_missing[from] = 0;
  }
  roll->said[roll->rank] = witness.say(witness.self);
  return PSAC_OK;
}

static psac_status listen(double seconds, psac_witness witness) {
  const struct timespec moment = {.tv_nsec = 1000000};
  for (const double until = psac_clock_seconds() + seconds; psac_clock_seconds() < until;) {
    PSAC_TRY(psac_roll_call_answer(witness));
    nanosleep(&moment, NULL);
  }
  return PSAC_OK;
}

// The less is known, the longer another rank has the time to say more: who does not answer may itself wait for
// somebody.
static psac_status call_roll(const roll_sheet *roll, double seconds, psac_witness witness, char *text, size_t n_bytes) {
  char names[160];
  PSAC_TRY(collect(roll, seconds, witness));
  const int64_t exchange = mark_stuck(roll);
  const int n_stuck = name_ranks(roll->n_ranks, roll->is_stuck, names, sizeof names);
  if (n_stuck > 0) {
    snprintf(text, n_bytes, "the GPU%s of %s %s stuck before exchange %lld, to which others have come",
             n_stuck == 1 ? "" : "s", names, n_stuck == 1 ? "is" : "are", (long long)exchange);
    return PSAC_OK;
  }
  const int n_missing = name_ranks(roll->n_ranks, roll->is_missing, names, sizeof names);
  if (n_missing > 0) snprintf(text, n_bytes, "%s %s not answer", names, n_missing == 1 ? "does" : "do");
  else snprintf(text, n_bytes, "all ranks answer, so a GPU or the network is stuck");
  return listen(n_missing > 0 ? seconds : 3.0 * seconds, witness);
}

psac_status psac_roll_call_ask(double seconds, psac_witness witness, char *text, size_t n_bytes) {
  roll_sheet roll = {0};
  PSAC_MPI(MPI_Comm_rank(MPI_COMM_WORLD, &roll.rank));
  PSAC_MPI(MPI_Comm_size(MPI_COMM_WORLD, &roll.n_ranks));
  roll.said = calloc((size_t)roll.n_ranks, sizeof *roll.said);
  roll.is_missing = calloc((size_t)roll.n_ranks, 1);
  roll.is_stuck = calloc((size_t)roll.n_ranks, 1);
  const psac_status status = roll.said && roll.is_missing && roll.is_stuck
                                 ? call_roll(&roll, seconds, witness, text, n_bytes)
                                 : psac_fail(PSAC_ERR_MEMORY, "out of memory for a roll call");
  free(roll.said);
  free(roll.is_missing);
  free(roll.is_stuck);
  return status;
}
