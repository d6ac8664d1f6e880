#include "src/run/progress.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"

// Open MPI 5's mpirun (prterun of 5.0.7) drops output that does not end in a newline, as a bar does not.
static int parent_loses_bars(void) {
  char path[64], name[16] = "";
  snprintf(path, sizeof path, "/proc/%ld/comm", (long)getppid());
  FILE *file = fopen(path, "r");
  if (file && !fgets(name, sizeof name, file)) name[0] = '\0';
  if (file) fclose(file);
  return strncmp(name, "prterun", 7) == 0;
}

// Under mpirun standard error is a pipe, whose output mpirun, the parent, sends to its own standard error. Sets `path`
// to that and returns 1 if it is a terminal, else 0.
static int find_parents_terminal(char path[64]) {
  char target[256];
  if (!getenv("OMPI_COMM_WORLD_SIZE") || parent_loses_bars()) return 0;
  snprintf(path, 64, "/proc/%ld/fd/2", (long)getppid());
  const ssize_t n = readlink(path, target, sizeof target - 1);
  if (n < 0) return 0;
  target[n] = '\0';
  return strncmp(target, "/dev/pts/", 9) == 0 || strncmp(target, "/dev/tty", 8) == 0;
}

static int columns_of(int file) {
  struct winsize size;
  return ioctl(file, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

// Current columns of the terminal, which may be resized at any time. If unknown: $COLUMNS, or 80.
static int count_columns(void) {
  char path[64];
  int n = columns_of(STDERR_FILENO);
  if (n == 0 && find_parents_terminal(path)) {
    const int terminal = open(path, O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (terminal >= 0) {
      n = columns_of(terminal);
      close(terminal);
    }
  }
  const char *columns = getenv("COLUMNS");
  if (n == 0 && columns) n = atoi(columns);
  return n > 0 ? n : 80;
}

psac_status psac_progress_choose(const char *name, int rank, psac_progress_kind *kind) {
  static const char *const names[] = {"none", "lines", "bar", "auto"};
  char path[64];
  int k = 0;
  while (k < 4 && strcmp(name, names[k]) != 0) k++;
  if (k == 4) return psac_fail(PSAC_ERR_INPUT, "--progress %.40s is unknown; allowed: auto, bar, lines, none", name);
  if (k == 3) k = isatty(STDERR_FILENO) || find_parents_terminal(path) ? PSAC_PROGRESS_BAR : PSAC_PROGRESS_LINES;
  *kind = rank == 0 ? (psac_progress_kind)k : PSAC_PROGRESS_NONE;
  return PSAC_OK;
}

void psac_progress_start(psac_progress *progress, psac_progress_kind kind, int64_t total) {
  *progress = (psac_progress){.kind = kind, .started = psac_clock_seconds(), .total = total};
}

// In the order in which the bar shows them.
enum { PERCENT, COUNT, RATE, ACCURACY, LEFT, N_PARTS };

static void write_parts(const psac_progress *progress, const char *which, double accuracy, char part[N_PARTS][48]) {
  const double elapsed = progress->shown - progress->started;
  const double rate = elapsed > 0.0 ? (double)(progress->done - progress->done_before) / elapsed : 0.0;
  const long left = rate > 0.0 ? (long)((double)(progress->total - progress->done) / rate + 0.5) : 0;
  const double fraction = progress->total > 0 ? (double)progress->done / (double)progress->total : 1.0;
  snprintf(part[PERCENT], sizeof *part, " %3.0f %%", 100.0 * fraction);
  snprintf(part[COUNT], sizeof *part, "  %lld/%lld", (long long)progress->done, (long long)progress->total);
  snprintf(part[RATE], sizeof *part, "  %.0f trials/s", rate);
  snprintf(part[ACCURACY], sizeof *part, "  %s accuracy %.1f %%", which, 100.0 * accuracy);
  if (left < 3600) snprintf(part[LEFT], sizeof *part, "  %ld:%02ld left", left / 60, left % 60);
  else snprintf(part[LEFT], sizeof *part, "  %ld:%02ld:%02ld left", left / 3600, left / 60 % 60, left % 60);
}

// Composes the line, of at most n_columns: the most important parts that fit beside a short bar. The bar takes the
// remaining columns, up to LONG.
static void compose(const psac_progress *progress, const char *what, char part[N_PARTS][48], int n_columns,
                    char line[256]) {
  enum { SHORT = 6, LONG = 24, AROUND = 3 };  // " [" and "]"
  static const int by_importance[N_PARTS] = {PERCENT, LEFT, ACCURACY, RATE, COUNT};
  int used = (int)strlen(what), shown[N_PARTS] = {0};
  for (int k = 0; k < N_PARTS; k++) {
    const int p = by_importance[k], wanted = (int)strlen(part[p]), bar = p == PERCENT ? 0 : AROUND + SHORT;
    shown[p] = used + wanted + bar <= n_columns;
    if (shown[p]) used += wanted;
  }
  int width = n_columns - used - AROUND, n = snprintf(line, 256, "%.*s", n_columns, what);
  if (width > LONG) width = LONG;
  if (width >= SHORT) {
    const double fraction = progress->total > 0 ? (double)progress->done / (double)progress->total : 1.0;
    n += snprintf(line + n, 256 - (size_t)n, " [");
    for (int k = 0; k < width; k++) line[n++] = k < (int)(fraction * width) ? '#' : '.';
    n += snprintf(line + n, 256 - (size_t)n, "]");
  }
  for (int k = 0; k < N_PARTS; k++) {
    if (shown[k]) n += snprintf(line + n, 256 - (size_t)n, "%s", part[k]);
  }
}

void psac_progress_update(psac_progress *progress, const char *what, int64_t done, const char *which, double accuracy) {
  const double now = psac_clock_seconds();
  progress->done = done;
  if (progress->kind != PSAC_PROGRESS_BAR || now - progress->shown < 0.1) return;
  progress->shown = now;
  char part[N_PARTS][48], line[256];
  const int n_columns = count_columns() - 1;  // a terminal may wrap when its last column is written
  write_parts(progress, which, accuracy, part);
  compose(progress, what, part, n_columns < 200 ? n_columns : 200, line);
  fprintf(stderr, "\r\033[K%s", line);
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
