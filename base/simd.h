// Function multiversioning: a function marked PSAC_CLONES is compiled for the baseline, x86-64-v3 (AVX2, FMA) and
// x86-64-v4 (AVX-512), and the dynamic loader selects a version. All versions give bit-identical results: FMA is
// explicit (fmaf), and contraction is off.
#ifndef PSAC_BASE_SIMD_H
#define PSAC_BASE_SIMD_H

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(PSAC_NO_CLONES)
#define PSAC_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define PSAC_CLONES
#endif

#define PSAC_INLINE static inline __attribute__((always_inline))
#define PSAC_ASSERTED PSAC_INLINE __attribute__((unused))  // called by assert() only, so never in a release build

#endif
