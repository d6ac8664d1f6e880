// What was asked of a run by signals: SIGUSR1 = write a checkpoint and continue; SIGTERM, SIGINT, SIGHUP, SIGXCPU or
// SIGUSR2 = write a checkpoint and stop. (mpirun passes SIGUSR2 on and ends with the exit code of the ranks; after
// SIGTERM it gives them one second and has a code of its own.)
#ifndef PSAC_RUN_SIGNALS_H
#define PSAC_RUN_SIGNALS_H

typedef enum psac_wish {
  PSAC_WISH_NONE,
  PSAC_WISH_CHECKPOINT,
  PSAC_WISH_STOP
} psac_wish;  // each goes before those in front of it

// The first act of the process. Writing to a closed pipe (SIGPIPE) or beyond a file's limit (SIGXFSZ) becomes a
// failure of the call. A stop ends the process at once with exit code 75: nothing has been learned yet. While
// *is_failing the signal itself ends it, without a word: a launcher ends the other ranks of a run that has failed.
void psac_signals_start(const int *is_failing);

// From now on these signals are only noted. A second one changes nothing.
void psac_signals_catch(void);

// They end the process again: for one that has failed, so that its launcher can end it without delay, or that trains
// nothing.
void psac_signals_release(void);

// What this process was asked for; a checkpoint is forgotten by this call, a stop is not.
psac_wish psac_signals_take(void);

#endif
