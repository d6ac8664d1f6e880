#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>

static int log_enabled = 1;

void psac_log_enable(int enabled) { log_enabled = enabled; }

// Prints each line in one call, so that lines of several processes do not interleave.
static void print_line(const char *prefix, const char *format, va_list args) {
  if (!log_enabled) return;
  char text[2048];
  vsnprintf(text, sizeof text, format, args);
  fprintf(stderr, "%s%s\n", prefix, text);
  fflush(stderr);
}

void psac_log(const char *format, ...) {
  va_list args;
  va_start(args, format);
  print_line("", format, args);
  va_end(args);
}

void psac_warn(const char *format, ...) {
  va_list args;
  va_start(args, format);
  print_line("psac_dist: warning: ", format, args);
  va_end(args);
}
