// psac_dist: one process of a run. The only place that ends the program.
#define _DEFAULT_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/version.h"
#include "io/h5_file.h"
#include "jobs/jobs.h"
#include "jobs/options.h"
#include "partition/ranks.h"
#include "src/run/signals.h"

// Opens the standard descriptors that the process was started without, so that no file takes their place. Writes to
// them fail.
static void open_missing_streams(void) {
  for (int fd = 0; fd <= STDERR_FILENO; fd++) {
    if (fcntl(fd, F_GETFD) < 0 && open("/dev/full", O_RDWR) != fd) _exit(1);
  }
}

// A closed pipe is not a failure (the reader has stopped reading); results that cannot be written are.
static psac_status finish_output(void) {
  struct pollfd output = {.fd = STDOUT_FILENO, .events = POLLOUT};
  errno = 0;
  if (fflush(stdout) == 0 && !ferror(stdout)) return PSAC_OK;
  const int reason = errno;
  if (reason == EPIPE || (poll(&output, 1, 0) == 1 && output.revents & (POLLERR | POLLHUP))) return PSAC_OK;
  return psac_fail(PSAC_ERR_IO, "cannot write to standard output: %s",
                   reason ? strerror(reason) : "an earlier write failed");
}

// mpirun can start each rank with different arguments; ranks with different work would deadlock.
static psac_status check_one_command(const char *arguments, psac_ranks *ranks) {
  char first[sizeof((psac_run_options *)NULL)->command_line] = "";
  snprintf(first, sizeof first, "%s", arguments);
  PSAC_TRY(psac_ranks_broadcast(ranks, first, sizeof first));
  if (strncmp(arguments, first, sizeof first - 1) == 0) return psac_ranks_agree(ranks, PSAC_OK);
  return psac_ranks_agree(ranks, psac_fail(PSAC_ERR_INPUT,
                                           "rank %d was started as \"psac_dist%.200s\", but rank 0 as "
                                           "\"psac_dist%.200s\"; all ranks take the same arguments",
                                           ranks->rank, arguments, first));
}

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
  psac_ranks ranks = {0};
  open_missing_streams();
  psac_signals_start(&ranks.agreed_to_fail);
  psac_status status = psac_ranks_start(&argc, &argv, &ranks);
  if (status != PSAC_OK) {
    fprintf(stderr, "psac_dist: %s\n", psac_fail_message());
    return psac_status_exit_code(status);
  }
  psac_log_enable(ranks.rank == 0);
  psac_h5_start();
  status = psac_ranks_agree(&ranks, psac_options_read(argc, argv, &options));
  const char *arguments =
      options.run.command_line + strnlen(argc > 0 ? argv[0] : "", sizeof options.run.command_line - 1);
  if (status == PSAC_OK) status = check_one_command(arguments, &ranks);
  const int trains =
      status == PSAC_OK && options.job && options.job->run == psac_job_train && !options.help && !options.version;
  if (!trains) psac_signals_release();
  if (status == PSAC_OK) status = run(&options, &ranks);
  if (status == PSAC_OK) status = psac_ranks_agree(&ranks, ranks.rank == 0 ? finish_output() : PSAC_OK);

  const int exit_code = psac_status_exit_code(status);
  // If several ranks notice the same failure, the lowest reports it and ends the others before they repeat it.
  if (status != PSAC_OK && !ranks.agreed_to_fail && ranks.rank > 0) {
    psac_signals_release();
    psac_ranks_give_way(&ranks, psac_signals_take() == PSAC_WISH_STOP);
  }
  if (status != PSAC_OK && (ranks.rank == 0 || !ranks.agreed_to_fail)) {
    fprintf(stderr, "psac_dist: %s\n", psac_fail_message());
    fflush(stderr);
  }
  // After a failure that every rank knows, MPI is finalized normally. After one that only this rank knows, the run is
  // aborted, so that the others do not wait and no library cleans up what failed.
  if (status != PSAC_OK && !ranks.agreed_to_fail) psac_ranks_abort(&ranks, exit_code);
  psac_ranks_finish(&ranks);
  return exit_code;
}
