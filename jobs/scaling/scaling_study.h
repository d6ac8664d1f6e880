// A study file: which networks are measured, and how (configs/scaling.yaml is one, with every key explained).
#ifndef PSAC_JOBS_SCALING_SCALING_STUDY_H
#define PSAC_JOBS_SCALING_SCALING_STUDY_H

#include <stddef.h>
#include <stdint.h>

#include "src/config/config.h"

typedef enum psac_study_kind {
  PSAC_STUDY_WEAK,      // a fixed number of neurons per rank
  PSAC_STUDY_STRONG,    // a fixed network on increasing numbers of ranks
  PSAC_STUDY_SIZE,      // networks of several sizes on the same ranks
  PSAC_STUDY_ACCURACY,  // accuracy of networks of several sizes
  PSAC_N_STUDY_KINDS
} psac_study_kind;

typedef struct psac_numbers {
  int64_t n;                         // 0 = not given
  int64_t value[PSAC_INT_LIST_MAX];  // in the order of the file
} psac_numbers;

typedef struct psac_study_section {
  int is_there;
  psac_numbers neurons;   // per rank in a weak section
  psac_numbers ranks;     // for submitting jobs; psac_dist measures on the ranks of its run
  psac_numbers replicas;  // 0 = auto
  psac_numbers batch;
  psac_numbers trials;                         // one for all sizes, or one for each
  psac_numbers warm_up, repeats, test_images;  // one value
} psac_study_section;

typedef struct psac_study {
  psac_study_section section[PSAC_N_STUDY_KINDS];
} psac_study;

// One case to measure.
typedef struct psac_scaling_case {
  psac_study_kind kind;
  int64_t neurons;          // of the whole network
  int64_t ranks, replicas;  // replicas 0 = auto
  int64_t batch, trials, warm_up;
  int64_t first, repeats;  // repeats [first, first + repeats)
  int64_t test_images;     // accuracy only; 0 = all
} psac_scaling_case;

const char *psac_study_kind_name(psac_study_kind kind);

// Reads a study file, or the built-in one by its name. PSAC_ERR_INPUT names file, line, key, value and what is allowed,
// for an unknown key the nearest. Not collective.
psac_status psac_study_read(const char *path, psac_study *study);

// The same from a text; `origin` names it in messages.
psac_status psac_study_parse(const char *text, size_t n_bytes, const char *origin, psac_study *study);

// The cases of a study on n_ranks ranks: for each section, sizes x batches x replicas. Case k is the same entry on any
// number of ranks, even one that its replicas do not divide. Not collective.
int psac_study_n_cases(const psac_study *study);
psac_scaling_case psac_study_case(const psac_study *study, int k, int64_t n_ranks);

#endif
