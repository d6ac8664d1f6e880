// Memory of this host: what there is, what a process may still take, and what this one has taken. Linux only; what the
// system does not tell is infinite.
#ifndef PSAC_BASE_HOST_MEMORY_H
#define PSAC_BASE_HOST_MEMORY_H

typedef struct psac_host_memory {
  double total;          // bytes of the host, or of the tightest cgroup
  double shared;         // bytes left to all processes here: MemAvailable, or what a cgroup's limit leaves
  double own;            // bytes left to this process alone: RLIMIT_AS
  char limited_by[160];  // what `shared` comes from: "MemAvailable", or the cgroup's folder
} psac_host_memory;

// `root` is put before the paths of /proc and /sys; "" outside tests. Looks at the cgroups (versions 1 and 2) of this
// process, and at those that these lie in; page cache counts as free, as it is given back on demand.
psac_host_memory psac_host_memory_read(const char *root);

// Resident bytes of this process: now, and the most so far. 0 = unknown.
double psac_host_resident(void);
double psac_host_peak(void);

#endif
