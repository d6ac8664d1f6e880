// A transport that counts the messages and bytes of another one, for performance studies.
#ifndef PSAC_PARTITION_TRANSPORT_TRANSPORT_COUNTED_H
#define PSAC_PARTITION_TRANSPORT_TRANSPORT_COUNTED_H

#include "partition/transport/transport.h"

// Wraps the open `transport`, which it closes together with itself. Copies of `transport` made later share the
// counters. A recorded call counts at every replay. PSAC_ERR_MEMORY leaves `transport` unchanged. Not collective.
psac_status psac_transport_count(psac_transport *transport);

// Zeroes the counters / reads them. `transport` must be wrapped by psac_transport_count.
void psac_traffic_reset(const psac_transport *transport);
psac_traffic psac_traffic_read(const psac_transport *transport);

#endif
