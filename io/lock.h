// The lock of an output file: run.lock beside run.h5 (and beside "run", whose checkpoints have the same names), a text
// that names the owner, made with O_EXCL, refreshed every few seconds and removed at the end. One process at a time
// owns an output, from before it reads anything of it to the last moment. Not collective.
#ifndef PSAC_IO_LOCK_H
#define PSAC_IO_LOCK_H

#include "base/status.h"

typedef struct psac_lock psac_lock;

// Makes this process the owner of `path`. PSAC_ERR_INPUT, with a message that names the owner, where another process
// is. A lock is stale, and taken over with a notice on standard error, if its process is gone from this host, if it was
// not refreshed for two minutes, or if it carries this Slurm job's id (the job was requeued) and its process is not
// seen to be alive beside this one.
psac_status psac_lock_take(const char *path, psac_lock **lock);

// Fails if another process has taken over meanwhile, as from one that was suspended for long: then nothing of the
// output may be touched. A NULL lock is held.
psac_status psac_lock_check(psac_lock *lock);

// Ends the ownership; NULL-safe. The lock of another process stays.
void psac_lock_release(psac_lock **lock);

// Removes the lock of this process, for a signal handler that ends it.
void psac_lock_drop_in_handler(void);

#endif
