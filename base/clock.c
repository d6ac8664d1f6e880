#include "base/clock.h"

#include <time.h>

double psac_clock_seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

void psac_clock_utc_at(time_t when, char text[21]) {
  struct tm utc;
  gmtime_r(&when, &utc);
  strftime(text, 21, "%Y-%m-%dT%H:%M:%SZ", &utc);
}

void psac_clock_utc(char text[21]) { psac_clock_utc_at(time(NULL), text); }
