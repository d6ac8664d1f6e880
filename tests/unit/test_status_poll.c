// Status polls: whose GPU is behind, who does not answer. On four ranks, of which rank 0 polls.
#include <mpi.h>
#include <time.h>

#include "parallel.h"
#include "partition/liveness/liveness.h"

static psac_gpu_report read_own(const void *self) { return *(const psac_gpu_report *)self; }

enum { DONE = 7 };  // tag

// Rank 0 polls; the ranks below n_answering answer until it is done, the others only then.
static void poll(psac_gpu_report own, int n_answering, double seconds, const char *expected) {
  const psac_gpu_report_source source = {read_own, &own};
  const struct timespec moment = {.tv_nsec = 1000000};
  char text[256] = "";
  int is_done = 0;
  assert_ok(psac_ranks_agree(&ranks, PSAC_OK));
  if (ranks.rank == 0) {
    assert_ok(psac_status_poll(seconds, source, text, sizeof text));
    for (int r = 1; r < ranks.n_ranks; r++) MPI_Send(NULL, 0, MPI_BYTE, r, DONE, MPI_COMM_WORLD);
    assert_string_equal(text, expected);
    return;
  }
  while (!is_done) {
    if (ranks.rank < n_answering) assert_ok(psac_status_poll_answer(source));
    MPI_Iprobe(0, DONE, MPI_COMM_WORLD, &is_done, MPI_STATUS_IGNORE);
    nanosleep(&moment, NULL);
  }
  MPI_Recv(NULL, 0, MPI_BYTE, 0, DONE, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
  assert_ok(psac_status_poll_answer(source));
}

static psac_gpu_report of_rank(const int64_t collectives[4], int64_t group) {
  return (psac_gpu_report){.group = group, .collectives = collectives[ranks.rank]};
}

static void test_a_gpu_that_is_behind_is_named(void **state) {
  (void)state;
  poll(of_rank((const int64_t[]){7, 7, 6, 8}, 1), 4, 5.0,
       "the GPU of rank 2 is stuck before exchange 7, to which others have come");
  poll(of_rank((const int64_t[]){7, 5, 6, 5}, 1), 4, 5.0,
       "the GPUs of rank 1 and 1 more are stuck before exchange 6, to which others have come");
}

static void test_gpus_of_another_group_do_not_count(void **state) {
  (void)state;
  poll(of_rank((const int64_t[]){7, 7, 2, 2}, ranks.rank < 2 ? 1 : 2), 4, 1.0,
       "all ranks answer, so a GPU or the network is stuck");
}

// The last test: its late replies would count in the next poll.
static void test_ranks_that_do_not_answer_are_named(void **state) {
  (void)state;
  poll(of_rank((const int64_t[]){7, 7, 7, 7}, 1), 2, 1.0, "rank 2 and 1 more do not answer");
}

int main(int argc, char **argv) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_a_gpu_that_is_behind_is_named),
      cmocka_unit_test(test_gpus_of_another_group_do_not_count),
      cmocka_unit_test(test_ranks_that_do_not_answer_are_named),
  };
  run_on_all_ranks("status_poll", tests);
}
