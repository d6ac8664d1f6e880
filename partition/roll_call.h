// Who is still there: ranks that wait for something outside MPI, a GPU, look after each other by short messages, so that whoever has
// waited too long can name the ranks that did not come. Among all ranks of the run. Internal to partition/; nothing here is collective.
#ifndef PSAC_PARTITION_ROLL_CALL_H
#define PSAC_PARTITION_ROLL_CALL_H

#include <stddef.h>

#include "base/status.h"

// Answers the ranks that ask; to be called again and again while waiting. Cheap.
psac_status psac_roll_call_answer(void);

// Asks every rank and writes who does not answer within seconds, for people: "ranks 2, 5 do not answer".
psac_status psac_roll_call_ask(double seconds, char *text, size_t n_bytes);

#endif
