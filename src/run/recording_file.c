#include "src/run/recording_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/checksum.h"
#include "io/disk.h"

static int64_t trial_bytes(psac_recording_shape shape) { return shape.n_minicolumns * shape.n_steps; }

static int64_t place(const psac_recording_file *file, int64_t trial, int64_t row) {
  return trial * trial_bytes(file->shape) + row * file->shape.n_steps;
}

static void add_checksum(const psac_recording_file *file, int64_t trial, int64_t first, int64_t n, const uint8_t *rows,
                         int64_t *sum) {
  const int64_t row = trial * file->shape.n_minicolumns + first;
  if (sum) *sum = (int64_t)((uint64_t)*sum + psac_checksum_rows(row, n, (size_t)file->shape.n_steps, rows));
}

psac_status psac_recording_write(const psac_recording_file *file, int64_t trial, int64_t first, int64_t n,
                                 const uint8_t *rows, int64_t *checksum) {
  add_checksum(file, trial, first, n, rows, checksum);
  return psac_disk_write(file->fd, file->path, rows, (size_t)(n * file->shape.n_steps), place(file, trial, first));
}

psac_status psac_recording_read(const psac_recording_file *file, int64_t trial, int64_t first, int64_t n, uint8_t *rows,
                                int64_t *checksum) {
  const int64_t n_bytes = n * file->shape.n_steps, at = place(file, trial, first);
  for (int64_t done = 0; done < n_bytes;) {
    const ssize_t got = pread(file->fd, rows + done, (size_t)(n_bytes - done), at + done);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0)
      return psac_fail(PSAC_ERR_IO, "cannot read %s: %s", file->path, got < 0 ? strerror(errno) : "it ends too early");
    done += got;
  }
  add_checksum(file, trial, first, n, rows, checksum);
  return PSAC_OK;
}

psac_status psac_recording_flush(const psac_recording_file *file) {
  if (!file->is_open || fsync(file->fd) == 0) return PSAC_OK;
  return psac_fail(PSAC_ERR_IO, "cannot flush %s to the disk: %s", file->path, strerror(errno));
}

psac_status psac_recording_open(psac_recording_file *file, const char *path, psac_recording_shape shape,
                                int64_t n_trials) {
  struct stat info;
  *file = (psac_recording_file){.shape = shape, .fd = open(path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC)};
  if (file->fd < 0) return psac_fail(PSAC_ERR_INPUT, "cannot open %s, the recorded spikes: %s", path, strerror(errno));
  file->is_open = 1;
  strncpy(file->path, path, sizeof file->path - 1);
  const int is_whole =
      fstat(file->fd, &info) == 0 && S_ISREG(info.st_mode) && info.st_size / trial_bytes(shape) >= n_trials;
  if (is_whole) return PSAC_OK;
  psac_recording_close(file);
  return psac_fail(PSAC_ERR_INPUT, "%s does not hold the spikes of %lld recorded trials", path, (long long)n_trials);
}

void psac_recording_close(psac_recording_file *file) {
  if (file->is_open) close(file->fd);
  file->is_open = 0;
}

void psac_recording_cut(const psac_recording_file *file, int64_t n_trials) {
  if (!file->path[0]) return;
  const int fd = psac_disk_open(file->path, O_RDWR);  // a failure only wastes space
  if (fd >= 0 && ftruncate(fd, n_trials * trial_bytes(file->shape)) == 0) fsync(fd);
  if (fd >= 0) close(fd);
}

// Rows that fit into PSAC_PIECE_BYTES, at least one.
static int64_t rows_of_piece(const psac_recording_file *file) {
  return file->shape.n_steps < PSAC_PIECE_BYTES ? PSAC_PIECE_BYTES / file->shape.n_steps : 1;
}

// Adds the checksums of rows [first, end), counted from the start of the file, to the sums of their trials; copies the
// rows to `to`. `sum` and `to` may be NULL.
static psac_status go_through(const psac_recording_file *file, const psac_recording_file *to, int64_t first,
                              int64_t end, int64_t *sum) {
  const int64_t piece = rows_of_piece(file), n_minicolumns = file->shape.n_minicolumns;
  uint8_t *rows = malloc((size_t)(piece * file->shape.n_steps));
  if (!rows) return psac_fail(PSAC_ERR_MEMORY, "out of memory reading recorded spikes");
  psac_status status = PSAC_OK;
  for (int64_t n; status == PSAC_OK && first < end; first += n) {
    const int64_t trial = first / n_minicolumns, row = first % n_minicolumns,
                  left = n_minicolumns - row < end - first ? n_minicolumns - row : end - first;
    n = left < piece ? left : piece;
    status = psac_recording_read(file, trial, row, n, rows, sum ? &sum[trial] : NULL);
    if (status == PSAC_OK && to) status = psac_recording_write(to, trial, row, n, rows, NULL);
  }
  free(rows);
  return status;
}

psac_status psac_recording_sum(const psac_recording_file *file, const psac_ranks *ranks, int64_t n_trials,
                               int64_t *sum) {
  const int64_t share = ranks ? ranks->rank : 0, n_shares = ranks ? ranks->n_ranks : 1,
                n_rows = n_trials * file->shape.n_minicolumns;
  const int64_t rows = n_rows / n_shares, extra = n_rows % n_shares,
                first = share * rows + (share < extra ? share : extra);
  memset(sum, 0, sizeof *sum * (size_t)n_trials);
  return go_through(file, NULL, first, first + rows + (share < extra), sum);
}

static int is_same_file(const psac_recording_file *file, const char *path) {
  struct stat a, b;
  return fstat(file->fd, &a) == 0 && lstat(path, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

static psac_status open_for_writing(psac_recording_file *file, int create) {
  PSAC_TRY(create ? psac_disk_make(file->path, &file->fd) : psac_disk_join(file->path, &file->fd));
  file->is_open = 1;
  return PSAC_OK;
}

// Rank 0: opens the file for writing, with its first n_trials trials.
static psac_status begin(psac_recording_file *file, const char *from, int64_t n_trials) {
  psac_recording_file old = {0};
  if (n_trials > 0) PSAC_TRY(psac_recording_open(&old, from, file->shape, n_trials));
  const int is_same = n_trials > 0 && is_same_file(&old, file->path);
  if (!is_same) unlink(file->path);  // left by an earlier run without checkpoints
  psac_status status = open_for_writing(file, !is_same);
  if (status == PSAC_OK && is_same) psac_recording_cut(file, n_trials);
  if (status == PSAC_OK && n_trials > 0 && !is_same)
    status = go_through(&old, file, 0, n_trials * file->shape.n_minicolumns, NULL);
  psac_recording_close(&old);
  return status;
}

psac_status psac_recording_create(psac_recording_file *file, psac_ranks *ranks, const char *path,
                                  psac_recording_shape shape, const char *from, int64_t n_trials) {
  *file = (psac_recording_file){.shape = shape};
  strncpy(file->path, path, sizeof file->path - 1);
  psac_status status = psac_ranks_agree(ranks, ranks->rank == 0 ? begin(file, from, n_trials) : PSAC_OK);
  if (status == PSAC_OK) status = psac_ranks_agree(ranks, ranks->rank == 0 ? PSAC_OK : open_for_writing(file, 0));
  if (status != PSAC_OK) psac_recording_close(file);
  return status;
}
