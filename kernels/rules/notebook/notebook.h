// The notebook's plasticity rule: the data that changes weights within a trial.
#ifndef PSAC_KERNELS_RULES_NOTEBOOK_NOTEBOOK_H
#define PSAC_KERNELS_RULES_NOTEBOOK_NOTEBOOK_H

#include <stdint.h>

enum { PSAC_NOTEBOOK_BITS = 36 };  // a weight, a float32, enters sums in steps of 2^-36

// Reward of a pass.
typedef struct psac_reward {
  double reward, gamma, learning_rate;
} psac_reward;

// Weight change of one step; in the backend's memory, broadcast as bytes.
typedef struct psac_event {
  uint64_t outputs;  // output neurons whose weights change
  float change;
  int32_t step;       // last step that was judged
  int32_t n_events;   // steps with a change so far
  double last_value;  // the critic's value at the last of these steps
} psac_event;

#endif
