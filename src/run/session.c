#include "src/run/session.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/host_memory.h"
#include "base/log.h"
#include "src/model/bounds.h"

static psac_status resolve(const psac_run_options *options, int n_ranks, const psac_config_layer *layer,
                           psac_config *config) {
  const int under = layer && !layer->over, over = layer && layer->over;
  const char *file = options->config ? options->config : under ? NULL : options->default_config;
  PSAC_TRY(psac_config_defaults(config));
  if (under) PSAC_TRY(psac_config_overlay(config, layer->text, strlen(layer->text), layer->origin));
  if (file) PSAC_TRY(psac_config_overlay_file(config, file));
  if (over) PSAC_TRY(psac_config_overlay(config, layer->text, strlen(layer->text), layer->origin));
  for (int k = 0; k < options->n_sets; k++) PSAC_TRY(psac_config_set(config, options->set[k]));
  char assignment[128];
  if (options->seed) {
    snprintf(assignment, sizeof assignment, "simulation.seed=%.90s", options->seed);
    PSAC_TRY(psac_config_set(config, assignment));
  }
  if (options->neurons) {
    snprintf(assignment, sizeof assignment, "middle_layer.num_neurons=%.90s", options->neurons);
    PSAC_TRY(psac_config_set(config, assignment));
  }
  int n_replicas;
  PSAC_TRY(psac_session_read_replicas(options, n_ranks, &n_replicas));
  if (n_replicas > 1 && config->network.model == PSAC_MODEL_NOTEBOOK && options->replicas_use == PSAC_REPLICAS_LEARN) {
    return psac_fail(PSAC_ERR_INPUT,
                     "--replicas %d cannot train network.model = notebook, whose weights change within a trial; use 1",
                     n_replicas);
  }
  return psac_config_check(config, n_ranks / (n_replicas > 0 ? n_replicas : 1));
}

psac_status psac_session_configure(psac_session *session, const psac_run_options *options, psac_ranks *ranks,
                                   const psac_config_layer *layer) {
  session->options = options;
  session->ranks = ranks;
  psac_clock_utc(session->start_time);
  session->start_seconds = psac_clock_seconds();
  session->start_bytes = psac_host_resident();
  psac_status status = PSAC_OK;
  if (ranks->rank == 0) status = resolve(options, ranks->n_ranks, layer, &session->config);
  PSAC_TRY(psac_ranks_agree(ranks, status));
  PSAC_TRY(psac_ranks_broadcast(ranks, &session->config, sizeof session->config));
  PSAC_TRY(psac_ranks_watch(ranks, session->config.watchdog.seconds));
  PSAC_TRY(psac_session_read_replicas(options, ranks->n_ranks, &session->n_replicas));
  return psac_ranks_agree(ranks, psac_config_print(&session->config, &session->config_text));
}

static psac_status check_size(const psac_config *config, const char *folder, const psac_digits *digits) {
  if (digits->height == config->retina.input_size[0] && digits->width == config->retina.input_size[1]) return PSAC_OK;
  return psac_fail(PSAC_ERR_INPUT, "the images in %s are %d x %d pixels, but retina.input_size = [%lld, %lld]", folder,
                   digits->height, digits->width, (long long)config->retina.input_size[0],
                   (long long)config->retina.input_size[1]);
}

static psac_status check_images(const psac_config *config, const psac_digits *digits) {
  int64_t n_of[PSAC_DIGIT_CLASSES] = {0}, most = 0;
  for (int64_t i = 0; i < digits->n; i++) {
    const int64_t n = ++n_of[digits->labels[i]];
    if (n > most) most = n;
  }
  return psac_bounds_check_images(config, most);
}

static psac_status spread_digits(const psac_ranks *ranks, psac_digits *digits) {
  int64_t size[3] = {digits->n, digits->height, digits->width};
  PSAC_TRY(psac_ranks_broadcast(ranks, size, sizeof size));
  const size_t n_bytes = (size_t)(size[0] * size[1] * size[2]);
  if (ranks->rank != 0) {
    *digits = (psac_digits){.n = size[0], .height = (int)size[1], .width = (int)size[2]};
    digits->pixels = malloc(n_bytes);
    digits->labels = malloc((size_t)size[0]);
    if (!digits->pixels || !digits->labels)
      return psac_fail(PSAC_ERR_MEMORY, "out of memory for %lld images", (long long)size[0]);
  }
  PSAC_TRY(psac_ranks_broadcast(ranks, digits->pixels, n_bytes));
  return psac_ranks_broadcast(ranks, digits->labels, (size_t)size[0]);
}

psac_status psac_session_read_digits(psac_session *session, int want_train) {
  const psac_config *config = &session->config;
  const char *folder = session->options->data;
  const double started = psac_clock_seconds();
  psac_status status = PSAC_OK;
  if (session->ranks->rank == 0) {
    if (want_train) status = psac_digits_read(folder, PSAC_TRAIN_SET, config->training.max_images, &session->train);
    if (status == PSAC_OK && want_train) status = check_size(config, folder, &session->train);
    if (status == PSAC_OK)
      status = psac_digits_read(folder, PSAC_TEST_SET, config->evaluation.max_images, &session->test);
    if (status == PSAC_OK) status = check_size(config, folder, &session->test);
    if (status == PSAC_OK) status = check_images(config, &session->test);
  }
  PSAC_TRY(psac_ranks_agree(session->ranks, status));
  if (want_train) PSAC_TRY(spread_digits(session->ranks, &session->train));
  PSAC_TRY(spread_digits(session->ranks, &session->test));
  session->io_seconds += psac_clock_seconds() - started;
  return PSAC_OK;
}

static psac_status name_output(psac_session *session, const char *out) {
  if (out && strlen(out) >= sizeof session->out) return psac_fail(PSAC_ERR_INPUT, "--out is too long");
  if (out) return snprintf(session->out, sizeof session->out, "%s", out), PSAC_OK;
  if (mkdir("runs", 0777) != 0 && errno != EEXIST) {
    return psac_fail(PSAC_ERR_INPUT, "cannot create the folder runs: %s; name a file with --out", strerror(errno));
  }
  snprintf(session->out, sizeof session->out, "runs/%s-%s.h5",
           session->config.network.model == PSAC_MODEL_NOTEBOOK ? "notebook" : "psac", session->start_time);
  for (char *c = session->out; *c; c++) {
    if (*c == ':') *c = '.';  // colons are awkward in file names
  }
  return PSAC_OK;
}

static psac_status claim(psac_session *session, const char *out) {
  PSAC_TRY(name_output(session, out));
  PSAC_TRY(psac_disk_check(session->out, &session->out_exists));
  PSAC_TRY(psac_lock_take(session->out, &session->lock));
  session->out_exists = access(session->out, F_OK) == 0;  // another run may just have ended
  return PSAC_OK;
}

psac_status psac_session_claim(psac_session *session, const char *out) {
  if (session->out[0]) return PSAC_OK;
  PSAC_TRY(psac_ranks_agree(session->ranks, session->ranks->rank == 0 ? claim(session, out) : PSAC_OK));
  PSAC_TRY(psac_ranks_broadcast(session->ranks, &session->out_exists, sizeof session->out_exists));
  return psac_ranks_broadcast(session->ranks, session->out, sizeof session->out);
}

psac_status psac_session_refuse_to_overwrite(psac_session *session) {
  session->replace = session->options->overwrite != NULL;
  if (!session->out_exists || session->replace) return PSAC_OK;
  const char *extend =
      session->options->can_resume ? ", --resume auto with more training.num_epochs goes on from it" : "";
  return psac_ranks_agree(session->ranks,
                          psac_fail(PSAC_ERR_INPUT,
                                    "%s is there from an earlier run; --overwrite replaces it%s, or use another "
                                    "--out",
                                    session->out, extend));
}

psac_status psac_session_check_owner(const psac_session *session) {
  return psac_ranks_agree(session->ranks, psac_lock_check(session->lock));
}

psac_status psac_session_build(psac_session *session) {
  PSAC_TRY(psac_session_choose(session));
  return psac_session_build_network(session);
}

psac_status psac_session_build_network(psac_session *session) {
  PSAC_TRY(psac_ranks_agree(session->ranks, psac_session_check_memory(session)));
  psac_config config = session->config;
  config.simulation.trials_together = psac_session_plan(session).sizes.n_concurrent;
  psac_status status = psac_ranks_agree(
      session->ranks, psac_network_create(&config, session->backend, &session->transport, &session->network));
  if (status == PSAC_OK) {
    const psac_ranks *others =
        session->replicas.n_ranks > 1 ? &session->replicas : NULL;  // simulated replicas receive nothing
    if (session->n_replicas > 1) psac_network_replicate(session->network, &session->replica_transport, others);
    PSAC_TRY(psac_network_warm_up(session->network));
    status = psac_ranks_agree(session->ranks, psac_network_record(session->network));
  }
  return status == PSAC_ERR_MEMORY && psac_backend_can(session->backend, PSAC_CAP_DEVICE)
             ? psac_session_say_what_fits(session, status)
             : status;
}

void psac_session_end(psac_session *session, psac_status status) {
  const int together = status == PSAC_OK || (session->ranks && session->ranks->agreed_to_fail);
  psac_lock_release(&session->lock);
  if (together) {  // otherwise a device may be waiting for a lost rank
    if (session->network) psac_network_destroy(&session->network);
    psac_session_join(session);
  }
  psac_digits_free(&session->train);
  psac_digits_free(&session->test);
  free(session->config_text);
  session->config_text = NULL;
}

psac_access psac_session_access(const psac_session *session) {
  return (psac_access){session->ranks->rank, session->ranks->n_ranks, session->ranks->mpi_comm};
}
