// Model psac: one batch of trials, from images to changed weights.
#ifndef PSAC_MODEL_PSAC_BATCH_H
#define PSAC_MODEL_PSAC_BATCH_H

#include "src/model/network_parts.h"

// As psac_network_present. Collective.
psac_status psac_present_psac(psac_network *network, const psac_trial *trials, int n, int learn,
                              const psac_observer *observer, psac_outcome *outcomes);

#endif
