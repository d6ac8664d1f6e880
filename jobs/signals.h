// What was asked of a run by signals: SIGUSR1 = write a checkpoint and go on; SIGTERM, SIGINT or SIGUSR2 = write a checkpoint and stop.
// (mpirun passes SIGUSR2 on and ends with the exit code of the ranks; after SIGTERM it gives them one second and has a code of its own.)
#ifndef PSAC_JOBS_SIGNALS_H
#define PSAC_JOBS_SIGNALS_H

typedef enum psac_wish { PSAC_WISH_NONE, PSAC_WISH_CHECKPOINT, PSAC_WISH_STOP } psac_wish;  // each goes before those in front of it

// From now on these signals are only noted. A second one changes nothing.
void psac_signals_catch(void);

// They end the process again: for one that has failed, so that its launcher can end it without delay.
void psac_signals_release(void);

// What this process was asked for; a checkpoint is forgotten by this call, a stop is not.
psac_wish psac_signals_take(void);

#endif
