// How code says that it may now be kept waiting, to whoever watches it (base/watch.h). Also for C++.
#ifndef PSAC_BASE_WATCH_CALL_H
#define PSAC_BASE_WATCH_CALL_H

#ifdef __cplusplus
extern "C" {
#endif

// A call that waits for other ranks, or for this rank's own device, begins; it ends. `call` must outlive the run. Calls
// do not nest.
void psac_watch_enter(const char *call);
void psac_watch_enter_device(const char *call);
void psac_watch_leave(void);

#ifdef __cplusplus
}
#endif
#endif
