#include "progress.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

// Under mpirun standard error is a pipe; what counts is where mpirun, the parent, sends it.
static int parent_shows_terminal(void) {
  char name[64], target[256];
  if (!getenv("OMPI_COMM_WORLD_SIZE")) return 0;
  snprintf(name, sizeof name, "/proc/%ld/fd/2", (long)getppid());
  const ssize_t n = readlink(name, target, sizeof target - 1);
  if (n < 0) return 0;
  target[n] = '\0';
  return strncmp(target, "/dev/pts/", 9) == 0 || strncmp(target, "/dev/tty", 8) == 0;
}

psac_status psac_progress_choose(const char *name, int rank, psac_progress_kind *kind) {
  static const char *const names[] = {"none", "lines", "bar", "auto"};
  int k = 0;
  while (k < 4 && strcmp(name, names[k]) != 0) k++;
  if (k == 4) return psac_fail(PSAC_ERR_INPUT, "--progress %.40s is unknown; allowed: auto, bar, lines, none", name);
  if (k == 3) k = isatty(STDERR_FILENO) || parent_shows_terminal() ? PSAC_PROGRESS_BAR : PSAC_PROGRESS_LINES;
  *kind = rank == 0 ? (psac_progress_kind)k : PSAC_PROGRESS_NONE;
  return PSAC_OK;
}

void psac_progress_start(psac_progress *progress, psac_progress_kind kind, int64_t total) {
  *progress = (psac_progress){.kind = kind, .started = psac_clock_seconds(), .total = total};
}

void psac_progress_update(psac_progress *progress, const char *what, int64_t done, double accuracy) {
  enum { WIDTH = 24 };
  const double now = psac_clock_seconds(), elapsed = now - progress->started;
  progress->done = done;
  if (progress->kind != PSAC_PROGRESS_BAR || now - progress->shown < 0.1) return;
  progress->shown = now;
  const double fraction = progress->total > 0 ? (double)done / (double)progress->total : 1.0;
  const double rate = elapsed > 0.0 ? (double)(done - progress->done_before) / elapsed : 0.0;
  const long left = rate > 0.0 ? (long)((double)(progress->total - done) / rate + 0.5) : 0;
  char bar[WIDTH + 1];
  for (int k = 0; k < WIDTH; k++) bar[k] = k < (int)(fraction * WIDTH) ? '#' : '.';
  bar[WIDTH] = '\0';
  fprintf(stderr, "\r\033[K%s [%s] %3.0f %%  %lld/%lld  %.0f trials/s  accuracy %.1f %%  %ld:%02ld:%02ld left", what, bar,
          100.0 * fraction, (long long)done, (long long)progress->total, rate, 100.0 * accuracy, left / 3600, left / 60 % 60,
          left % 60);
  fflush(stderr);
  progress->bar_is_drawn = 1;
}

void psac_progress_line(psac_progress *progress, const char *format, ...) {
  if (progress->kind != PSAC_PROGRESS_LINES) return;
  va_list args;
  va_start(args, format);
  vfprintf(stderr, format, args);
  va_end(args);
  fputc('\n', stderr);
  fflush(stderr);
}

void psac_progress_end(psac_progress *progress) {
  if (progress->bar_is_drawn) fputs("\r\033[K", stderr);
  fflush(stderr);
  progress->bar_is_drawn = 0;
}
