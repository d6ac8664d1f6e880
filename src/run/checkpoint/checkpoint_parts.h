// The datasets of a checkpoint whose rows are distributed over ranks. Internal to the checkpoint's reader and writer.
#ifndef PSAC_RUN_CHECKPOINT_CHECKPOINT_PARTS_H
#define PSAC_RUN_CHECKPOINT_CHECKPOINT_PARTS_H

#include "src/run/checkpoint/checkpoint_file.h"

enum { PSAC_CHECKPOINT_FORMAT = 2 };
#define PSAC_CHECKPOINT_MARK "psac_dist checkpoint"

// Sizes, in 8-byte words, of a curve's point, of its open point and of a recorded trial. All of their members have
// eight bytes and are stored as raw bits.
enum {
  PSAC_POINT_WORDS = sizeof(psac_curve_point) / sizeof(uint64_t),
  PSAC_OPEN_WORDS = (sizeof(psac_curve) - offsetof(psac_curve, n_trials)) / sizeof(uint64_t),
  PSAC_TRIAL_WORDS = sizeof(psac_recorded_trial) / sizeof(int64_t),
};

typedef struct psac_part {
  const psac_array *array;
  char path[64];
  psac_type type;
  int n_dims;
  int64_t dims[PSAC_MAX_DIMS];  // of the whole dataset; -1 = not known yet
  int64_t first_row, n_rows;    // this rank's
} psac_part;

// Fills part[] for this session; session == NULL: paths, types and numbers of dimensions only.
void psac_checkpoint_parts(const psac_session *session, psac_part part[PSAC_N_CHECKPOINT_ARRAYS]);

size_t psac_part_row_bytes(const psac_part *part);

// Rows that fit into PSAC_PIECE_BYTES, at least one.
int64_t psac_part_piece(const psac_part *part);

#endif
