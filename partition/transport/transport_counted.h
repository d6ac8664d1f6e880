// A transport that counts what another one carries, for studies of speed.
#ifndef PSAC_PARTITION_TRANSPORT_TRANSPORT_COUNTED_H
#define PSAC_PARTITION_TRANSPORT_TRANSPORT_COUNTED_H

#include "partition/transport/transport.h"

// Puts itself in front of the open `transport`, which it closes with itself. Copies of `transport` made later count
// together. A recorded call counts whenever it is replayed. Not collective.
psac_status psac_transport_count(psac_transport *transport);

// Zeroes the counters / reads them. `transport` is one that psac_transport_count has changed.
void psac_traffic_reset(const psac_transport *transport);
psac_traffic psac_traffic_read(const psac_transport *transport);

#endif
