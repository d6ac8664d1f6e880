// PSAC_HD marks a function of a shared header that also runs on a GPU.
#ifndef PSAC_BASE_DEVICE_H
#define PSAC_BASE_DEVICE_H

#ifdef __CUDACC__
#define PSAC_HD __host__ __device__
#else
#define PSAC_HD
#endif

#endif
