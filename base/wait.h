// Marks calls that may block, for this rank's heartbeat (base/heartbeat.h). Also for C++.
#ifndef PSAC_BASE_WAIT_H
#define PSAC_BASE_WAIT_H

#ifdef __cplusplus
extern "C" {
#endif

// Mark the start of a call that waits for other ranks, or for this rank's own device, and its end. `call` must stay
// valid until the end of the run. Such calls do not nest. Main thread only. Not collective.
void psac_wait_begin(const char *call);
void psac_wait_begin_device(const char *call);
void psac_wait_end(void);

#ifdef __cplusplus
}
#endif
#endif
