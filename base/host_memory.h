// Memory of this host: total, available, and used by this process. Linux only. A limit that the system does not report
// is infinite.
#ifndef PSAC_BASE_HOST_MEMORY_H
#define PSAC_BASE_HOST_MEMORY_H

typedef struct psac_host_memory {
  double total;   // bytes of the host, or of the tightest cgroup
  double shared;  // bytes available to all processes together: MemAvailable, or the room left in a cgroup if less
  double own;     // bytes available to this process alone: RLIMIT_AS minus its address space
  char limited_by[160];  // source of `shared`: "MemAvailable", "cgroup FOLDER" or "unknown"
} psac_host_memory;

// `root` is prepended to the paths of /proc and /sys; it is "" outside tests. Reads the cgroups (versions 1 and 2) of
// this process and their ancestors. Page cache counts as free, because the kernel reclaims it on demand.
psac_host_memory psac_host_memory_read(const char *root);

// Resident set size of this process in bytes: current, and peak. 0 = unknown.
double psac_host_resident(void);
double psac_host_peak(void);

#endif
