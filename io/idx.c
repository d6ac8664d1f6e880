#include "io/idx.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <zlib.h>

enum { PIECE_BYTES = 1 << 20, INPUT_BYTES = 1 << 16, GZIP_WINDOW = 16 + MAX_WBITS };

typedef struct idx_file {
  FILE *file;
  int is_packed;    // by gzip; detected by its first two bytes
  int is_between;   // at the start of a gzip member; a file may have several
  z_stream stream;  // its input is input[]
  uint8_t input[INPUT_BYTES];
  char path[PATH_MAX];   // as opened
  int64_t n_read_bytes;  // so far, uncompressed
  int64_t n_due_bytes;   // expected length of the whole file: at first of its header, then as its header says
} idx_file;

// Opens regular files only: one of another kind could block the run.
static psac_status open_regular(idx_file *file) {
  struct stat info;
  const int fd = open(file->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) return psac_fail(PSAC_ERR_INPUT, "cannot open %s: %s", file->path, strerror(errno));
  if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
    close(fd);
    return psac_fail(PSAC_ERR_INPUT, "%s is not a regular file; an IDX file is needed, plain or gzipped", file->path);
  }
  file->file = fdopen(fd, "rb");
  if (!file->file) close(fd);
  return file->file ? PSAC_OK : psac_fail(PSAC_ERR_MEMORY, "no memory to open %s", file->path);
}

// Reads more of the file into an empty input[].
static psac_status fill(idx_file *file) {
  file->stream.next_in = file->input;
  file->stream.avail_in = (unsigned)fread(file->input, 1, INPUT_BYTES, file->file);
  return ferror(file->file) ? psac_fail(PSAC_ERR_INPUT, "cannot read %s: %s", file->path, strerror(errno)) : PSAC_OK;
}

static int is_gzip(const idx_file *file) {
  return file->stream.avail_in >= 2 && file->stream.next_in[0] == 0x1f && file->stream.next_in[1] == 0x8b;
}

// Opens folder/stem, or folder/stem.gz where there is no such file.
static psac_status file_open(idx_file *file, const char *folder, const char *stem) {
  static const char *const suffixes[] = {"", ".gz"};
  for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
    int length = snprintf(file->path, sizeof file->path, "%s/%s%s", folder, stem, suffixes[i]);
    if (length < 0 || (size_t)length >= sizeof file->path) {
      return psac_fail(PSAC_ERR_INPUT, "the name of the data folder is too long, %zu bytes", strlen(folder));
    }
    if (access(file->path, F_OK) != 0 && errno == ENOENT) continue;
    PSAC_TRY(open_regular(file));
    PSAC_TRY(fill(file));
    file->is_packed = file->is_between = is_gzip(file);
    if (!file->is_packed || inflateInit2(&file->stream, GZIP_WINDOW) == Z_OK) return PSAC_OK;
    file->is_packed = 0;
    return psac_fail(PSAC_ERR_MEMORY, "no memory to open %s", file->path);
  }
  if (access(folder, F_OK) != 0) {
    return psac_fail(PSAC_ERR_INPUT, "no data folder %s: %s; tools/get_mnist makes one", folder, strerror(errno));
  }
  return psac_fail(PSAC_ERR_INPUT, "the data folder %s has neither %s nor %s.gz; tools/get_mnist fetches them", folder,
                   stem, stem);
}

static void file_close(idx_file *file) {
  if (file->is_packed) inflateEnd(&file->stream);
  if (file->file) fclose(file->file);
}

// At the end of a gzip member: another member or the end of the file must follow.
static psac_status end_member(idx_file *file) {
  if (file->stream.avail_in == 1) {  // one byte is not enough to recognize a member
    file->input[0] = *file->stream.next_in;
    file->stream.next_in = file->input;
    file->stream.avail_in = 1 + (unsigned)fread(file->input + 1, 1, INPUT_BYTES - 1, file->file);
  }
  if (file->stream.avail_in == 0) PSAC_TRY(fill(file));
  file->is_between = 1;
  if (file->stream.avail_in == 0) return PSAC_OK;
  if (is_gzip(file) && inflateReset(&file->stream) == Z_OK) return PSAC_OK;
  return psac_fail(PSAC_ERR_INPUT, "%s goes on after its gzip stream with something else", file->path);
}

// Decompresses until the output is full or the file ends.
static psac_status unpack(idx_file *file) {
  z_stream *stream = &file->stream;
  while (stream->avail_out > 0) {
    if (stream->avail_in == 0) PSAC_TRY(fill(file));
    if (stream->avail_in == 0 && file->is_between) return PSAC_OK;
    if (stream->avail_in == 0) return psac_fail(PSAC_ERR_INPUT, "%s is cut off inside its gzip stream", file->path);
    file->is_between = 0;
    const int code = inflate(stream, Z_NO_FLUSH);
    if (code == Z_MEM_ERROR) return psac_fail(PSAC_ERR_MEMORY, "no memory to read %s", file->path);
    if (code == Z_STREAM_END) PSAC_TRY(end_member(file));
    else if (code != Z_OK)
      return psac_fail(PSAC_ERR_INPUT, "cannot read %s: %s", file->path, stream->msg ? stream->msg : "damaged");
  }
  return PSAC_OK;
}

static psac_status copy(idx_file *file) {
  z_stream *stream = &file->stream;
  while (stream->avail_out > 0) {
    if (stream->avail_in == 0) PSAC_TRY(fill(file));
    const unsigned n = stream->avail_in < stream->avail_out ? stream->avail_in : stream->avail_out;
    if (n == 0) return PSAC_OK;
    memcpy(stream->next_out, stream->next_in, n);
    stream->next_in += n, stream->avail_in -= n;
    stream->next_out += n, stream->avail_out -= n;
  }
  return PSAC_OK;
}

// Reads up to `n_bytes` <= PIECE_BYTES; *n_got is less only at the end of the file.
static psac_status read_some(idx_file *file, void *bytes, int64_t n_bytes, int64_t *n_got) {
  file->stream.next_out = bytes;
  file->stream.avail_out = (unsigned)n_bytes;
  PSAC_TRY(file->is_packed ? unpack(file) : copy(file));
  *n_got = n_bytes - file->stream.avail_out;
  file->n_read_bytes += *n_got;
  return PSAC_OK;
}

static psac_status read_exactly(idx_file *file, void *bytes, int64_t n_bytes) {
  int64_t n_got;
  PSAC_TRY(read_some(file, bytes, n_bytes, &n_got));
  if (n_got == n_bytes) return PSAC_OK;
  return psac_fail(PSAC_ERR_INPUT, "%s ends after %" PRId64 " bytes, but should have %" PRId64, file->path,
                   file->n_read_bytes, file->n_due_bytes);
}

static uint32_t big_endian(const uint8_t bytes[4]) {
  return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

// Reads the header of an array of bytes with `n_dims` <= 3 dimensions: the magic number, then the sizes.
static psac_status read_header(idx_file *file, int n_dims, uint32_t *sizes) {
  const uint32_t right_magic = 0x0800u + (uint32_t)n_dims;  // type 08 = unsigned byte
  uint8_t words[1 + 3][4];
  file->n_due_bytes = INT64_C(4) * (1 + n_dims);
  PSAC_TRY(read_exactly(file, words, file->n_due_bytes));
  if (big_endian(words[0]) != right_magic) {
    return psac_fail(PSAC_ERR_INPUT, "%s starts with 0x%08" PRIx32 ", should start with 0x%08" PRIx32, file->path,
                     big_endian(words[0]), right_magic);
  }
  for (int i = 0; i < n_dims; i++) sizes[i] = big_endian(words[1 + i]);
  return PSAC_OK;
}

// PSAC_ERR_INPUT if the file continues after the data; reading on also verifies the checksum of a gzipped file.
static psac_status read_end(idx_file *file) {
  uint8_t byte;
  int64_t n_got;
  PSAC_TRY(read_some(file, &byte, 1, &n_got));
  if (n_got == 0) return PSAC_OK;
  return psac_fail(PSAC_ERR_INPUT, "%s goes on after the %" PRId64 " bytes that its header promises", file->path,
                   file->n_due_bytes);
}

// Reads `n_bytes` into *data, which the caller frees, also after a failure. The array doubles as bytes arrive, so that
// a header with too large a size costs little memory. Where these are the last bytes of the file, nothing may follow.
static psac_status read_data(idx_file *file, int64_t n_bytes, uint8_t **data) {
  int64_t capacity = 0;
  for (int64_t n_done = 0; n_done < n_bytes;) {
    if (n_done == capacity) {
      capacity = capacity == 0 ? PIECE_BYTES : 2 * capacity;
      if (capacity > n_bytes) capacity = n_bytes;
      uint8_t *larger = realloc(*data, (size_t)capacity);
      if (!larger) return psac_fail(PSAC_ERR_MEMORY, "no memory for %" PRId64 " bytes of %s", capacity, file->path);
      *data = larger;
    }
    int64_t n_piece = capacity - n_done < PIECE_BYTES ? capacity - n_done : PIECE_BYTES;
    PSAC_TRY(read_exactly(file, *data + n_done, n_piece));
    n_done += n_piece;
  }
  return file->n_read_bytes == file->n_due_bytes ? read_end(file) : PSAC_OK;
}

// Reads both headers, compares them, and fills in the sizes of `digits`.
static psac_status read_headers(idx_file *images, idx_file *labels, int64_t max_images, psac_digits *digits) {
  uint32_t size[3] = {0};  // images, height, width
  uint32_t n_labels = 0;
  PSAC_TRY(read_header(images, 3, size));
  PSAC_TRY(read_header(labels, 1, &n_labels));
  if (size[0] == 0) return psac_fail(PSAC_ERR_INPUT, "%s promises 0 images, at least 1 is needed", images->path);
  if (size[1] < 1 || size[1] > PSAC_DIGIT_SIDE_MAX || size[2] < 1 || size[2] > PSAC_DIGIT_SIDE_MAX) {
    return psac_fail(PSAC_ERR_INPUT, "%s promises images of %" PRIu32 " x %" PRIu32 " pixels, a side must be 1 to %d",
                     images->path, size[1], size[2], PSAC_DIGIT_SIDE_MAX);
  }
  if (n_labels != size[0]) {
    return psac_fail(PSAC_ERR_INPUT, "%s promises %" PRIu32 " images, %s %" PRIu32 " labels; both must be equal",
                     images->path, size[0], labels->path, n_labels);
  }
  const int64_t n_total = size[0];
  digits->n = max_images > 0 && max_images < n_total ? max_images : n_total;
  digits->height = (int)size[1];
  digits->width = (int)size[2];
  images->n_due_bytes += n_total * digits->height * digits->width;
  labels->n_due_bytes += n_total;
  return PSAC_OK;
}

static psac_status check_labels(const psac_digits *digits, const char *path) {
  for (int64_t i = 0; i < digits->n; i++) {
    if (digits->labels[i] < PSAC_DIGIT_CLASSES) continue;
    return psac_fail(PSAC_ERR_INPUT, "%s holds the label %d at index %" PRId64 ", labels are 0 to %d", path,
                     digits->labels[i], i, PSAC_DIGIT_CLASSES - 1);
  }
  return PSAC_OK;
}

psac_status psac_digits_read(const char *folder, psac_digit_set set, int64_t max_images, psac_digits *digits) {
  static const char *const images_stem[] = {"train-images-idx3-ubyte", "t10k-images-idx3-ubyte"};
  static const char *const labels_stem[] = {"train-labels-idx1-ubyte", "t10k-labels-idx1-ubyte"};
  assert(folder && digits && max_images >= 0);
  *digits = (psac_digits){0};
  idx_file images = {0}, labels = {0};
  psac_status status;
  PSAC_TRY_OR_DONE(file_open(&images, folder, images_stem[set]));
  PSAC_TRY_OR_DONE(file_open(&labels, folder, labels_stem[set]));
  PSAC_TRY_OR_DONE(read_headers(&images, &labels, max_images, digits));
  PSAC_TRY_OR_DONE(read_data(&images, digits->n * digits->height * digits->width, &digits->pixels));
  PSAC_TRY_OR_DONE(read_data(&labels, digits->n, &digits->labels));
  PSAC_TRY_OR_DONE(check_labels(digits, labels.path));
done:
  file_close(&labels);
  file_close(&images);
  if (status != PSAC_OK) psac_digits_free(digits);
  return status;
}

void psac_digits_free(psac_digits *digits) {
  if (!digits) return;
  free(digits->pixels);
  free(digits->labels);
  *digits = (psac_digits){0};
}
