// HDF5 files: written by all ranks together, field by field; read with every object checked before it is believed.
//
// A file is written beside its final name and takes it only when it is complete and on the disk, so a reader never sees
// half of one.
#ifndef PSAC_IO_H5_FILE_H
#define PSAC_IO_H5_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

// Who takes part in an access.
typedef struct psac_access {
  int rank, n_ranks;
  const void *mpi_comm;  // MPI_Comm * of all ranks
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

// One dataset: what it is, and this rank's rows of it (rows = slices along the first dimension).
typedef struct psac_field {
  const char *path;  // "/group/name"; groups are made as needed
  psac_type type;
  int n_dims;                   // 0 = scalar, written by rank 0
  int64_t dims[PSAC_MAX_DIMS];  // of the whole dataset
  int64_t first_row, n_rows;    // this rank's part; n_rows may be 0
  const void *data;             // [n_rows][dims[1]]...; NULL where n_rows is 0
  size_t text_bytes;            // PSAC_TEXT only
  const char *units;            // attribute `units`; NULL = none
} psac_field;

typedef struct psac_h5_file psac_h5_file;

// Before any other call, once per process: no printing, no clean-up and no plug-ins by HDF5 itself.
void psac_h5_start(void);

// Creates a file beside `path`, under a temporary name. Collective over `access`, as are all calls on the file until
// commit, when it takes the name; with `replace` in the place of a file of that name, which without is a failure of the
// commit.
//
// Rank 0 drafts the file in memory and knows where its datasets lie; every rank writes its rows there with plain
// writes. So HDF5 never touches the disk, and a disk that fails fails on one rank at one call, without keeping others
// waiting in a library: that rank remembers it until the commit.
psac_status psac_h5_create(const psac_access *access, const char *path, int replace, psac_h5_file **file);
psac_status psac_h5_write(psac_h5_file *file, const psac_field *field);
// The same in pieces: the dataset, at *offset, then any rows of it as field->first_row, n_rows and data say. Only the
// first is collective; a write that fails is remembered until the commit.
psac_status psac_h5_place(psac_h5_file *file, const psac_field *field, int64_t *offset);
void psac_h5_put(psac_h5_file *file, const psac_field *field, int64_t offset);
// Attributes of a group or dataset ("/" for the file), the same value on every rank.
psac_status psac_h5_write_text(psac_h5_file *file, const char *object, const char *name, const char *text);
psac_status psac_h5_write_i64(psac_h5_file *file, const char *object, const char *name, int64_t value);
psac_status psac_h5_write_f64(psac_h5_file *file, const char *object, const char *name, double value);
// Attributes that SONATA readers expect: magic and version on "/", the sorting of a spike population.
psac_status psac_h5_write_sonata_root(psac_h5_file *file);
psac_status psac_h5_write_sonata_sorting_by_id(psac_h5_file *file, const char *population);
// Closes and frees; then the file has its name and is on the disk. After a failure, which is the same on every rank,
// nothing is left.
psac_status psac_h5_commit(psac_h5_file **file);
// Frees a file that is not wanted any more; nothing of it is left. Not collective; NULL-safe.
void psac_h5_abandon(psac_h5_file **file);

// Refuses a file that the HDF5 library itself would not survive, however damaged. To be called by one rank before a
// file that may come from anywhere is opened; what else is wrong with it is left to the reader.
psac_status psac_h5_try(const char *path);

// The same for one rank that orders the steps itself (a checkpoint): the draft, with psac_h5_write; room for a dataset
// of which all rows are written by others, at *offset from the file's beginning (0 for an empty one); the end of the
// draft, which is copied into `fd`, called `name`, and freed. psac_h5_abandon frees it without. Not collective.
psac_status psac_h5_draft(const char *path, psac_h5_file **file);
psac_status psac_h5_reserve(psac_h5_file *file, const psac_field *field, int64_t *offset);
psac_status psac_h5_copy_draft(psac_h5_file **file, int fd, const char *name);

// Opens for reading: by every rank together, or by one rank alone with access == NULL. Close with psac_h5_close.
psac_status psac_h5_open(const psac_access *access, const char *path, psac_h5_file **file);
void psac_h5_close(psac_h5_file **file);
// A file from a stranger must not lead a reader elsewhere nor fill the memory: what is read lies in the file itself
// under one name, has the type of a plain number or text, and a dataset's elements are stored, at most packed by gzip.
// Anything else is PSAC_ERR_INPUT.

// 1 if there is something of that name.
int psac_h5_has(psac_h5_file *file, const char *object);
int psac_h5_has_attribute(psac_h5_file *file, const char *object, const char *name);
// Refuses a group that has not just n members; `members` names them for the message.
psac_status psac_h5_check_members(psac_h5_file *file, const char *group, int64_t n, const char *members);
// dims [n_dims] of a dataset, which must have n_dims dimensions.
psac_status psac_h5_read_dims(psac_h5_file *file, const char *path, int n_dims, int64_t *dims);
// Rows [first_row, first_row + n_rows) converted to `type`; collective if the file was opened so.
psac_status psac_h5_read_rows(psac_h5_file *file, const char *path, psac_type type, int64_t first_row, int64_t n_rows,
                              void *data);
psac_status psac_h5_read_i64(psac_h5_file *file, const char *object, const char *name, int64_t *value);
psac_status psac_h5_read_f64(psac_h5_file *file, const char *object, const char *name, double *value);
// The caller frees *text.
psac_status psac_h5_read_text(psac_h5_file *file, const char *object, const char *name, char **text);

#endif
