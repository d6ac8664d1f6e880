// Who is still there: ranks that wait for something outside MPI, a GPU, look after each other by short messages, so that whoever has
// waited too long can name the ranks that did not come. Internal to partition/.
#ifndef PSAC_PARTITION_ROLL_CALL_H
#define PSAC_PARTITION_ROLL_CALL_H

#include <stddef.h>

#include "base/status.h"
#include "ranks.h"

typedef struct psac_roll_call psac_roll_call;

// Collective, both. destroy accepts NULL and is for runs that end in order.
psac_status psac_roll_call_create(const psac_ranks *ranks, psac_roll_call **roll_call);
void psac_roll_call_destroy(psac_roll_call **roll_call);

// Answers the ranks that ask; to be called again and again while waiting. Cheap. Not collective.
psac_status psac_roll_call_answer(psac_roll_call *roll_call);

// Asks every rank and writes who does not answer within seconds, for people: "ranks 2, 5 do not answer". Not collective.
psac_status psac_roll_call_ask(psac_roll_call *roll_call, double seconds, char *text, size_t n_bytes);

#endif
