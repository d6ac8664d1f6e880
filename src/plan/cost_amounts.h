// The numbers that all counts of kernels and messages depend on.
#ifndef PSAC_PLAN_COST_AMOUNTS_H
#define PSAC_PLAN_COST_AMOUNTS_H

#include "src/config/config.h"
#include "src/plan/cost_item.h"
#include "src/plan/hardware.h"

// All of one rank.
typedef struct psac_amounts {
  double trials, together, chunks;  // of a batch's share; concurrent; presentations
  double steps, items;              // of a presentation; steps x trials of a share
  double shards;
  double n, words, slots;                     // neurons with padding, their words, places of a gathered spike vector
  double spikes, own_spikes;                  // in one step of one trial: of the whole layer, of this rank
  double states;                              // of the neuron model, beside the potential
  double refractory;                          // past steps that a neuron looks back to
  double units, retina_words, retina_spikes;  // of the retina; the last in one step of one trial
  double patch, patch_spikes;                 // pixels of a receptive field; their spikes in one step of one trial
  double retina_trials;                       // whose spikes this rank draws
  double in_degree, delay;
  double fan_out;      // mean number of targets that one source has on this rank
  double index_bytes;  // of one target
  double columns, outputs, critics, eligibility_columns;
  double block, blocks;    // steps of a readout message, messages of a presentation
  double cache;            // bytes
  int presents;            // the middle layer's kernel runs a whole presentation
  double present_seconds;  // that those of a batch take
  double middle_set;       // bytes of the middle layer that come round again in each step
} psac_amounts;

// How often a share is gone through where at most at_once of the concurrent trials are taken at a time.
double psac_cost_turns(const psac_amounts *amounts, double at_once);

void psac_cost_add(psac_cost *cost, psac_cost_item item);

// Sizes, ranks and batches of `cost` have to be set.
psac_amounts psac_cost_amounts(const psac_config *config, const psac_hardware *hardware,
                               const psac_conditions *conditions, const psac_cost *cost);

#endif
