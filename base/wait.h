// Marks calls that may block, for this rank's heartbeat (base/heartbeat.h). Also for C++.
#ifndef PSAC_BASE_WAIT_H
#define PSAC_BASE_WAIT_H

#ifdef __cplusplus
extern "C" {
#endif

// A call that waits for other ranks, or for this rank's own device, begins; it ends. `call` must outlive the run. Calls
// do not nest. Only the main thread calls these.
void psac_wait_begin(const char *call);
void psac_wait_begin_device(const char *call);
void psac_wait_end(void);

#ifdef __cplusplus
}
#endif
#endif
