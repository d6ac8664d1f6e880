// PSAC_HD marks a function of a shared header that also runs on a GPU; PSAC_POPCOUNT counts the bits of a 64-bit word
// on both.
#ifndef PSAC_BASE_DEVICE_H
#define PSAC_BASE_DEVICE_H

#ifdef __CUDACC__
#define PSAC_HD __host__ __device__
#else
#define PSAC_HD
#endif

#ifdef __CUDA_ARCH__
#define PSAC_POPCOUNT(word) __popcll(word)
#else
#define PSAC_POPCOUNT(word) __builtin_popcountll(word)
#endif

#endif
