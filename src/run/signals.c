#include "src/run/signals.h"

#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/status.h"
#include "io/lock.h"

static volatile sig_atomic_t stop_wanted, checkpoint_wanted;

// Whether to print a message. A launcher of several ranks reports itself that it ends them, usually because one of them
// has failed.
static volatile sig_atomic_t speaks;
static const volatile int *failing;

static void note(int signal) {
  if (signal == SIGUSR1) checkpoint_wanted = 1;
  else stop_wanted = 1;
}

// Makes only calls that are safe in a signal handler.
static void stop_now(int signal) {
  static const char message[] = "psac_dist: stopped on request before training began\n";
  note(signal);
  if (!stop_wanted) return;
  if (*failing) {
    psac_signals_release();
    raise(signal);
    return;
  }
  if (speaks && write(STDERR_FILENO, message, sizeof message - 1) < 0) speaks = 0;
  psac_lock_drop_in_handler();
  _exit(psac_status_exit_code(PSAC_STOPPED));
}

static void handle(void (*handler)(int)) {
  static const int handled[] = {SIGUSR1, SIGUSR2, SIGTERM, SIGINT, SIGHUP, SIGXCPU};
  struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
  sigemptyset(&action.sa_mask);
  for (size_t k = 0; k < sizeof handled / sizeof *handled; k++) {
    struct sigaction before;
    // keeps ignoring SIGHUP, as under nohup
    if (sigaction(handled[k], NULL, &before) == 0 && handled[k] == SIGHUP && before.sa_handler == SIG_IGN) continue;
    sigaction(handled[k], &action, NULL);
  }
}

void psac_signals_start(const int *is_failing) {
  failing = is_failing;
  speaks = !getenv("OMPI_COMM_WORLD_RANK") && !getenv("PMIX_RANK") && !getenv("PMI_RANK");
  signal(SIGPIPE, SIG_IGN);
  signal(SIGXFSZ, SIG_IGN);
  handle(stop_now);
}

void psac_signals_catch(void) { handle(note); }

void psac_signals_release(void) { handle(SIG_DFL); }

psac_wish psac_signals_take(void) {
  const int checkpoint = checkpoint_wanted;
  checkpoint_wanted = 0;
  return stop_wanted ? PSAC_WISH_STOP : checkpoint ? PSAC_WISH_CHECKPOINT : PSAC_WISH_NONE;
}
