// Prints what this build and this machine offer.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/version.h"
#include "jobs/jobs.h"
#include "jobs/options.h"
#include "src/config/config_yaml.h"
#include "src/run/session.h"

typedef struct place {
  char host[128];
  int node_rank, node_size, device_index;
  psac_device device;
} place;

// Prints the next name of a list, unless it is empty.
static void print_next(const char *name) {
  if (name[0]) printf(", %s", name);
}

static void print_build(const psac_ranks *ranks) {
  printf("psac_dist %s (%s)\n", PSAC_VERSION, PSAC_GIT_REVISION);
  printf("compiler:   %s, %s\n", PSAC_COMPILER, PSAC_BUILD_TYPE);
  printf("libraries:  %s, HDF5 %s, libfyaml %s", ranks->mpi_library, PSAC_HDF5_VERSION, psac_yaml_version());
  for (const psac_backend *const *each = psac_backends(); *each; each++) print_next((*each)->library);
  print_next(psac_transport_library());
  printf("\nbackends:   %s", psac_backends()[0]->name);
  for (const psac_backend *const *each = psac_backends() + 1; *each; each++) print_next((*each)->name);
  const int lacks_nccl = psac_backends()[1] && !psac_transport_connects_devices();
  printf("\ntransports: %s%s\n", psac_transport_names(), lacks_nccl ? " (built without NCCL)" : "");
}

psac_status psac_job_info(const psac_options *options, psac_ranks *ranks) {
  psac_session session = {.options = &options->run, .ranks = ranks, .n_replicas = 1, .config.watchdog.seconds = 600};
  psac_status status = psac_session_choose(&session);
  place here = {.node_rank = ranks->node_rank, .node_size = ranks->node_size, .device_index = session.device_index};
  here.device = session.device;
  memcpy(here.host, ranks->host, sizeof here.host);
  place *all = calloc((size_t)ranks->n_ranks, sizeof *all);
  if (status == PSAC_OK && !all) status = psac_fail(PSAC_ERR_MEMORY, "out of memory");
  if (status == PSAC_OK) status = psac_ranks_gather(ranks, &here, all, (int)sizeof here);
  if (status == PSAC_OK && ranks->rank == 0) {
    psac_session_announce(&session);
    print_build(ranks);
    printf("this run:   %d rank%s, backend %s, transport %s, %ld cores on this node\n", ranks->n_ranks,
           ranks->n_ranks == 1 ? "" : "s", session.backend->name, session.transport.name,
           sysconf(_SC_NPROCESSORS_ONLN));
    for (int r = 0; r < ranks->n_ranks; r++) {
      printf("  rank %d: %s, %d of %d on its node; device %d: %s, %.1f of %.1f GB free\n", r, all[r].host,
             all[r].node_rank, all[r].node_size, all[r].device_index, all[r].device.name,
             1e-9 * (double)all[r].device.memory_free, 1e-9 * (double)all[r].device.memory_total);
    }
  }
  free(all);
  psac_session_end(&session, status);
  return status;
}
