#include "signals.h"

#include <signal.h>
#include <stddef.h>

static volatile sig_atomic_t stop_wanted, checkpoint_wanted;

static void note(int signal) {
  if (signal == SIGUSR1) checkpoint_wanted = 1;
  else stop_wanted = 1;
}

static void handle(void (*handler)(int)) {
  struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
  sigemptyset(&action.sa_mask);
  sigaction(SIGUSR1, &action, NULL);
  sigaction(SIGUSR2, &action, NULL);
  sigaction(SIGTERM, &action, NULL);
  sigaction(SIGINT, &action, NULL);
}

void psac_signals_catch(void) { handle(note); }

void psac_signals_release(void) { handle(SIG_DFL); }

psac_wish psac_signals_take(void) {
  const int checkpoint = checkpoint_wanted;
  checkpoint_wanted = 0;
  return stop_wanted ? PSAC_WISH_STOP : checkpoint ? PSAC_WISH_CHECKPOINT : PSAC_WISH_NONE;
}
