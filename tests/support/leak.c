// Loses memory on its last rank, which the leak sanitizer must notice. Like psac_dist it loads all of Open MPI.
#include <mpi.h>
#include <stdlib.h>

int main(int argc, char **argv) {
  int rank, n_ranks;
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &n_ranks);
  void *volatile lost = rank == n_ranks - 1 ? malloc(4321) : NULL;
  lost = NULL;
  MPI_Finalize();
  return lost != NULL;
}
