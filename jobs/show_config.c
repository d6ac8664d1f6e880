// Prints the resolved configuration.
#include <stdio.h>

#include "jobs/jobs.h"
#include "jobs/options.h"
#include "src/run/session.h"

psac_status psac_job_config(const psac_options *options, psac_ranks *ranks) {
  psac_session session = {0};
  const psac_status status = psac_session_configure(&session, &options->run, ranks, NULL);
  if (status == PSAC_OK && ranks->rank == 0) fputs(session.config_text, stdout);
  psac_session_end(&session, status);
  return status;
}
