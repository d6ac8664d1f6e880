// Who is still there: ranks that wait for something outside MPI, a GPU, look after each other by short messages, so
// that whoever has waited too long can name the ranks that do not answer, or whose GPU is stuck. Among all ranks of the
// run. Internal to partition/; nothing here is collective.
#ifndef PSAC_PARTITION_LIVENESS_ROLL_CALL_H
#define PSAC_PARTITION_LIVENESS_ROLL_CALL_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

// What a rank says of its GPU.
typedef struct psac_presence {
  int64_t group;      // the same on ranks whose GPUs exchange with each other, and only there
  int64_t exchanges;  // of the group that the GPU has come to
} psac_presence;

// Who can say so: asked only when somebody wants to know.
typedef struct psac_witness {
  psac_presence (*say)(const void *self);
  const void *self;
} psac_witness;

// Answers the ranks that ask; to be called again and again while waiting. Cheap.
psac_status psac_roll_call_answer(psac_witness witness);

// Asks every rank and writes, for people, whose GPU has come less far than those that it exchanges with, or else who
// does not answer within seconds ("ranks 2, 5 do not answer"). Where no GPU is stuck it waits, as another rank may
// know more and end the run first.
psac_status psac_roll_call_ask(double seconds, psac_witness witness, char *text, size_t n_bytes);

#endif
