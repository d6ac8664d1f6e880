// HDF5 files: written collectively by all ranks, field by field; when reading, every object is checked before use.
//
// A file is written under a temporary name and renamed only when it is complete and on disk, so a reader never sees an
// incomplete file.
#ifndef PSAC_IO_H5_FILE_H
#define PSAC_IO_H5_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

// Ranks that take part in an access.
typedef struct psac_access {
  int rank, n_ranks;
  const void *mpi_comm;  // MPI_Comm * of these ranks
} psac_access;

typedef enum psac_type {
  PSAC_U8,
  PSAC_I32,
  PSAC_U32,
  PSAC_I64,
  PSAC_U64,
  PSAC_F32,
  PSAC_F64,
  PSAC_TEXT,  // fixed-length strings of psac_field.text_bytes, zero-padded
} psac_type;

size_t psac_h5_type_bytes(psac_type type);  // of one element; 0 for PSAC_TEXT

enum { PSAC_MAX_DIMS = 4 };

// One dataset: its description, and this rank's rows of it (rows = slices along the first dimension).
typedef struct psac_field {
  const char *path;  // "/group/name"; groups are created as needed
  psac_type type;
  int n_dims;                   // 0 = scalar, written by rank 0
  int64_t dims[PSAC_MAX_DIMS];  // of the whole dataset
  int64_t first_row, n_rows;    // this rank's part; n_rows may be 0
  const void *data;             // [n_rows][dims[1]]...; NULL where n_rows is 0
  size_t text_bytes;            // PSAC_TEXT only
  const char *units;            // attribute `units`; NULL = none
} psac_field;

typedef struct psac_h5_file psac_h5_file;

// Call once per process, before any other call. Disables HDF5's error printing, exit handler and plug-ins, and makes
// its file locking best effort.
void psac_h5_start(void);

// Creates a file under a temporary name in the folder of `path`; psac_h5_commit renames it to `path`. Collective over
// `access`, as are all calls on the file until commit unless stated otherwise. With `replace` the commit replaces an
// existing file; without, an existing file makes the commit fail. After a failure *file is NULL.
//
// Rank 0 drafts the file in memory and determines the offsets of its datasets; every rank writes its rows there with
// plain writes. HDF5 itself does no disk I/O, so a disk error fails one write on one rank and does not leave other
// ranks blocked inside a library. That rank reports the error at commit.
psac_status psac_h5_create(const psac_access *access, const char *path, int replace, psac_h5_file **file);
psac_status psac_h5_write(psac_h5_file *file, const psac_field *field);
// psac_h5_write in pieces: place creates the dataset and returns its *offset in the file; put writes the rows that
// field->first_row, n_rows and data give. place is collective, put is not. A failed write is reported at commit.
psac_status psac_h5_place(psac_h5_file *file, const psac_field *field, int64_t *offset);
void psac_h5_put(psac_h5_file *file, const psac_field *field, int64_t offset);
// Attributes of a group or dataset ("/" for the file), the same value on every rank.
psac_status psac_h5_write_text(psac_h5_file *file, const char *object, const char *name, const char *text);
psac_status psac_h5_write_i64(psac_h5_file *file, const char *object, const char *name, int64_t value);
psac_status psac_h5_write_f64(psac_h5_file *file, const char *object, const char *name, double value);
// Attributes that SONATA readers expect: magic and version on "/", the sorting of a spike population.
psac_status psac_h5_write_sonata_root(psac_h5_file *file);
psac_status psac_h5_write_sonata_sorting_by_id(psac_h5_file *file, const char *population);
// Completes the file, renames it to `path` and frees it; it is then on disk. A failure is the same on every rank and
// removes the file. Collective.
psac_status psac_h5_commit(psac_h5_file **file);
// Removes an unfinished file and frees it. Not collective; NULL-safe.
void psac_h5_abandon(psac_h5_file **file);

// PSAC_ERR_INPUT if the HDF5 library crashes or hangs on this damaged file. Call on one rank before opening an
// untrusted file; all other errors are left to the reader. Not collective.
psac_status psac_h5_try(const char *path);

// The same for one rank that orders the steps itself (a checkpoint). psac_h5_draft starts a draft, which psac_h5_write
// fills. psac_h5_reserve adds a dataset whose rows are all written by others, at *offset from the start of the file (0
// for an empty dataset). psac_h5_copy_draft copies the draft into `fd`, called `name` in messages, and frees it;
// psac_h5_abandon frees it without a copy. Not collective.
psac_status psac_h5_draft(const char *path, psac_h5_file **file);
psac_status psac_h5_reserve(psac_h5_file *file, const psac_field *field, int64_t *offset);
psac_status psac_h5_copy_draft(psac_h5_file **file, int fd, const char *name);

// Opens a file for reading: collectively over `access`, or on one rank with access == NULL. PSAC_ERR_INPUT if it is not
// a readable HDF5 file. Close with psac_h5_close.
psac_status psac_h5_open(const psac_access *access, const char *path, psac_h5_file **file);
void psac_h5_close(psac_h5_file **file);
// An untrusted file must not redirect a reader to other files or exhaust memory. So every object that is read lies in
// the file itself under a single name and holds plain numbers or text, and the elements of a dataset are stored in the
// file, at most compressed with gzip. Anything else is PSAC_ERR_INPUT.

// 1 if the object or attribute exists, else 0.
int psac_h5_has(psac_h5_file *file, const char *object);
int psac_h5_has_attribute(psac_h5_file *file, const char *object, const char *name);
// PSAC_ERR_INPUT if a group does not have exactly n members; `members` lists them for the message.
psac_status psac_h5_check_members(psac_h5_file *file, const char *group, int64_t n, const char *members);
// dims [n_dims] of a dataset, which must have n_dims dimensions.
psac_status psac_h5_read_dims(psac_h5_file *file, const char *path, int n_dims, int64_t *dims);
// Rows [first_row, first_row + n_rows) converted to `type`; collective if the file was opened collectively.
psac_status psac_h5_read_rows(psac_h5_file *file, const char *path, psac_type type, int64_t first_row, int64_t n_rows,
                              void *data);
psac_status psac_h5_read_i64(psac_h5_file *file, const char *object, const char *name, int64_t *value);
psac_status psac_h5_read_f64(psac_h5_file *file, const char *object, const char *name, double *value);
// Text of fixed length. The caller frees *text.
psac_status psac_h5_read_text(psac_h5_file *file, const char *object, const char *name, char **text);

#endif
