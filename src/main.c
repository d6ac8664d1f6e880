// psac_dist: one process of a run. The only place that ends the program.
#include <stdio.h>

#include "base/log.h"
#include "h5_file.h"
#include "jobs.h"
#include "ranks.h"
#include "signals.h"
#include "version.h"

static psac_status run(const psac_options *options, psac_ranks *ranks) {
  if (options->help || options->version) {
    if (ranks->rank == 0 && options->version) printf("psac_dist %s (%s)\n", PSAC_VERSION, PSAC_GIT_REVISION);
    if (ranks->rank == 0 && options->help) psac_options_help(options->job);
    return PSAC_OK;
  }
  return options->job->run(options, ranks);
}

int main(int argc, char **argv) {
  static psac_options options;
  psac_ranks ranks;
  psac_status status = psac_ranks_start(&argc, &argv, &ranks);
  if (status != PSAC_OK) {
    fprintf(stderr, "psac_dist: %s\n", psac_fail_message());
    return psac_status_exit_code(status);
  }
  psac_log_enable(ranks.rank == 0);
  psac_h5_start();
  status = psac_ranks_agree(&ranks, psac_options_read(argc, argv, &options));
  if (status == PSAC_OK) status = run(&options, &ranks);

  const int exit_code = psac_status_exit_code(status);
  // Where several ranks notice the same failure, the lowest speaks and ends the others before they repeat it.
  if (status != PSAC_OK && !ranks.agreed_to_fail && ranks.rank > 0) {
    psac_signals_release();
    psac_ranks_give_way(&ranks, psac_signals_take() == PSAC_WISH_STOP);
  }
  if (status != PSAC_OK && (ranks.rank == 0 || !ranks.agreed_to_fail)) {
    fprintf(stderr, "psac_dist: %s\n", psac_fail_message());
    fflush(stderr);
  }
  // A failure that every rank knows ends in order; one that only this rank knows must not leave the others waiting, nor let a library
  // tidy up what failed.
  if (status != PSAC_OK && !ranks.agreed_to_fail) psac_ranks_abort(&ranks, exit_code);
  psac_ranks_finish(&ranks);
  return exit_code;
}
