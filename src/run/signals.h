// Requests to a run by signal. SIGUSR1 = write a checkpoint and continue; SIGTERM, SIGINT, SIGHUP, SIGXCPU or SIGUSR2 =
// write a checkpoint and stop. (mpirun forwards SIGUSR2 and exits with the exit code of the ranks; after SIGTERM it
// gives them one second and exits with another code.)
#ifndef PSAC_RUN_SIGNALS_H
#define PSAC_RUN_SIGNALS_H

typedef enum psac_wish {
  PSAC_WISH_NONE,
  PSAC_WISH_CHECKPOINT,
  PSAC_WISH_STOP
} psac_wish;  // later values take precedence

// Call it first in the process. A write to a closed pipe (SIGPIPE) or past a file's size limit (SIGXFSZ) then fails
// instead of ending the process. A stop ends the process at once with exit code 75: nothing has been learned yet. While
// *is_failing is set, the signal itself ends it without a message: a launcher ends the other ranks of a failed run.
void psac_signals_start(const int *is_failing);

// From now on these signals only set a flag. A second one has no further effect.
void psac_signals_catch(void);

// Restores the default actions: for a process that has failed, so that its launcher can end it without delay, or that
// does not train.
void psac_signals_release(void);

// Returns the pending request. Clears a request for a checkpoint, but not one to stop.
psac_wish psac_signals_take(void);

#endif
