// Time of each stage of the simulation on this rank, in seconds.
#ifndef PSAC_MODEL_STAGES_H
#define PSAC_MODEL_STAGES_H

#include "base/clock.h"

// X(member, name)
#define PSAC_STAGE_LIST(X)           \
  X(PSAC_STAGE_RETINA, "retina")     \
  X(PSAC_STAGE_MIDDLE, "middle")     \
  X(PSAC_STAGE_EXCHANGE, "exchange") \
  X(PSAC_STAGE_READOUT, "readout")   \
  X(PSAC_STAGE_LEARNING, "learning") \
  X(PSAC_STAGE_STATISTICS, "statistics")

typedef enum psac_stage {
#define X(member, name) member,
  PSAC_STAGE_LIST(X)
#undef X
      PSAC_N_STAGES
} psac_stage;

typedef struct psac_stages {
  double seconds[PSAC_N_STAGES];
  double since;  // clock reading at the last mark
} psac_stages;

static inline void psac_stages_start(psac_stages *stages) { stages->since = psac_clock_seconds(); }

// Adds the time since the last mark (or start) to `stage`.
static inline void psac_stages_mark(psac_stages *stages, psac_stage stage) {
  const double now = psac_clock_seconds();
  stages->seconds[stage] += now - stages->since;
  stages->since = now;
}

// The name of a stage, as printed and stored.
static inline const char *psac_stage_name(psac_stage stage) {
  static const char *const name[PSAC_N_STAGES] = {
#define X(member, text) text,
      PSAC_STAGE_LIST(X)
#undef X
  };
  return name[stage];
}

#endif
