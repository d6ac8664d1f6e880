// Time: a monotonic clock for durations and the wall clock for records.
#ifndef PSAC_BASE_CLOCK_H
#define PSAC_BASE_CLOCK_H

#include <time.h>

// Seconds since an arbitrary start; never goes backwards.
double psac_clock_seconds(void);

// Writes the current time as ISO 8601 in UTC, for example 2026-01-31T12:00:00Z, into text[21].
void psac_clock_utc(char text[21]);

// The same for the time `when`.
void psac_clock_utc_at(time_t when, char text[21]);

#endif
