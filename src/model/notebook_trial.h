// Model notebook: two passes over a trial, with weight changes within the trial (docs/model.md).
#ifndef PSAC_MODEL_NOTEBOOK_TRIAL_H
#define PSAC_MODEL_NOTEBOOK_TRIAL_H

#include "src/model/network_parts.h"

// As psac_network_present. Collective.
psac_status psac_present_notebook(psac_network *network, const psac_trial *trials, int n, int learn,
                                  const psac_observer *observer, psac_outcome *outcomes);

#endif
