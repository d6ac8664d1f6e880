// Copies between device memory and host memory, for transports that handle host memory only. Implemented by a backend,
// used by partition/.
#ifndef PSAC_BASE_STAGING_H
#define PSAC_BASE_STAGING_H

#include <stddef.h>

#include "base/status.h"

// to_host and to_device enqueue a copy on `stream`, the device library's own handle. The copy is complete after
// wait(stream).
typedef struct psac_staging {
  psac_status (*alloc)(void **host, size_t n_bytes);  // page-locked where that helps
  void (*release)(void *host);                        // accepts NULL
  psac_status (*to_host)(void *stream, void *host, const void *device, size_t n_bytes);
  psac_status (*to_device)(void *stream, void *device, const void *host, size_t n_bytes);
  psac_status (*wait)(void *stream);
} psac_staging;

#endif
