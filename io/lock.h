// The lock of an output file: run.lock for run.h5 (and for "run", whose checkpoints have the same names). It is a text
// file that names the owner, created with O_EXCL, refreshed every few seconds and removed at the end. One process at a
// time owns an output, from before its first read until its end. Not collective.
#ifndef PSAC_IO_LOCK_H
#define PSAC_IO_LOCK_H

#include "base/status.h"

typedef struct psac_lock psac_lock;

// Makes this process the owner of `path`. PSAC_ERR_INPUT, with a message that names the owner, if another process owns
// it. A stale lock is taken over with a notice on standard error. A lock is stale if its process has ended on this
// host, if it was not refreshed for two minutes, or if it carries this Slurm job's id (the job was requeued), unless
// its process runs on this host with the same restart count. End with psac_lock_release.
psac_status psac_lock_take(const char *path, psac_lock **lock);

// PSAC_ERR_INTERNAL if another process has taken over the lock, for example while this one was suspended: then the
// output must not be touched. A NULL lock counts as held.
psac_status psac_lock_check(psac_lock *lock);

// Removes the lock and frees it; NULL-safe. The lock of another process stays.
void psac_lock_release(psac_lock **lock);

// Removes the lock of this process; for a signal handler that ends the process.
void psac_lock_drop_in_handler(void);

#endif
