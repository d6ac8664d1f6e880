// roles ROLE...: a run in which each rank plays a role for ever: `waits` for others, is `stuck` outside of any call, or
// `computes`.
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/heartbeat.h"
#include "partition/ranks.h"

static void compute(void) {
  const struct timespec moment = {.tv_nsec = 10000000};
  for (int64_t step = 0;; step++) {
    psac_heartbeat_step(7, step);
    nanosleep(&moment, NULL);
  }
}

int main(int argc, char **argv) {
  psac_ranks ranks;
  char byte = 0;
  if (psac_ranks_start(&argc, &argv, &ranks) != PSAC_OK || psac_ranks_watch(&ranks, 1.0) != PSAC_OK) return 2;
  const char *role = argv[1 + ranks.rank];
  if (strcmp(role, "computes") == 0) compute();
  while (strcmp(role, "stuck") == 0) pause();
  if (ranks.rank == 0) psac_ranks_move(&ranks, 1, &byte, 1);  // which rank 1 never sends
  else psac_ranks_broadcast(&ranks, &byte, 1);                // nor rank 0 this
  return 2;
}
