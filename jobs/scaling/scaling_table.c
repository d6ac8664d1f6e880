#include "jobs/scaling/scaling_table.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/version.h"

#define COLUMN(member, type, width, units) \
  { #member, offsetof(psac_row, member), type, width, units }
#define TEXT(member) COLUMN(member, PSAC_TEXT, 0, NULL)
static const struct column {
  const char *name;
  size_t offset;
  psac_type type;
  int width;  // elements of a row; 0 = a column with one dimension
  const char *units;
} columns[] = {
    TEXT(kind),
    TEXT(backend),
    TEXT(transport),
    TEXT(images),
    TEXT(host),
    TEXT(end_time),
    COLUMN(neurons, PSAC_I64, 0, "neurons"),
    COLUMN(ranks, PSAC_I64, 0, "ranks"),
    COLUMN(replicas, PSAC_I64, 0, "replicas"),
    COLUMN(shards, PSAC_I64, 0, "ranks"),
    COLUMN(nodes, PSAC_I64, 0, "nodes"),
    COLUMN(as_rank, PSAC_I64, 0, NULL),
    COLUMN(batch, PSAC_I64, 0, "trials"),
    COLUMN(together, PSAC_I64, 0, "trials"),
    COLUMN(trials, PSAC_I64, 0, "trials"),
    COLUMN(steps, PSAC_I64, 0, "steps"),
    COLUMN(repeat, PSAC_I64, 0, NULL),
    COLUMN(seed, PSAC_I64, 0, NULL),
    COLUMN(build_s, PSAC_F64, 0, "s"),
    COLUMN(seconds, PSAC_F64, 0, "s"),
    COLUMN(trials_per_s, PSAC_F64, 0, "1/s"),
    COLUMN(ms_per_step, PSAC_F64, 0, "ms"),
    COLUMN(stage_mean_s, PSAC_F64, PSAC_N_STAGES, "s"),
    COLUMN(stage_max_s, PSAC_F64, PSAC_N_STAGES, "s"),
    COLUMN(messages, PSAC_I64, 0, "calls"),
    COLUMN(bytes_exchanged, PSAC_F64, 0, "bytes"),
    COLUMN(host_bytes, PSAC_F64, 0, "bytes"),
    COLUMN(network_bytes, PSAC_F64, 0, "bytes"),
    COLUMN(device_bytes, PSAC_F64, 0, "bytes"),
    COLUMN(planned_bytes, PSAC_F64, 0, "bytes"),
    COLUMN(planned_trials_per_s, PSAC_F64, 0, "1/s"),
    COLUMN(spikes_per_s, PSAC_F64, 0, "1/s"),
    COLUMN(synaptic_events_per_s, PSAC_F64, 0, "1/s"),
    COLUMN(rate_hz, PSAC_F64, 0, "Hz"),
    COLUMN(accuracy, PSAC_F64, 0, "fraction"),
    COLUMN(test_images, PSAC_I64, 0, "images"),
};
#undef TEXT
#undef COLUMN

// Time to the nanosecond, host and process id make a name that is unique and sorts by time. Seconds and nanoseconds are
// from one reading of the clock: the second could change between two.
static psac_status prepare(psac_table *table, const char *host, const char *folder) {
  if (!folder) {
    folder = "runs/scaling";
    if (mkdir("runs", 0777) != 0 && errno != EEXIST) {
      return psac_fail(PSAC_ERR_INPUT, "cannot create the folder runs: %s; name a folder with --out", strerror(errno));
    }
  }
  struct stat info;
  if (stat(folder, &info) == 0 && !S_ISDIR(info.st_mode)) {
    return psac_fail(PSAC_ERR_INPUT, "--out %.200s is a file; a study is a folder, to which each job adds a file",
                     folder);
  }
  if (mkdir(folder, 0777) != 0 && errno != EEXIST) {
    return psac_fail(PSAC_ERR_INPUT, "cannot create the folder %.200s: %s", folder, strerror(errno));
  }
  struct timespec now;
  char second[21];
  clock_gettime(CLOCK_REALTIME, &now);
  psac_clock_utc_at(now.tv_sec, second);
  const int n = snprintf(table->path, sizeof table->path, "%s/%s-%09ld-%s-%ld.h5", folder, second, (long)now.tv_nsec,
                         host, (long)getpid());
  if (n < 0 || (size_t)n >= sizeof table->path) return psac_fail(PSAC_ERR_INPUT, "--out is too long");
  for (char *c = table->path + strlen(folder); *c; c++) {
    if (*c == ':') *c = '.';  // colons are awkward in file names
  }
  int exists;
  return psac_disk_check(table->path, &exists);
}

psac_status psac_table_prepare(psac_table *table, const psac_session *session, const char *folder) {
  const psac_status status = session->ranks->rank == 0 ? prepare(table, session->ranks->host, folder) : PSAC_OK;
  PSAC_TRY(psac_ranks_agree(session->ranks, status));
  return psac_ranks_broadcast(session->ranks, table->path, sizeof table->path);
}

static psac_status write_column(const psac_table *table, const struct column *column, int is_root, psac_h5_file *file) {
  const size_t element = column->type == PSAC_TEXT ? PSAC_ROW_TEXT : sizeof(double);  // numbers have eight bytes
  const size_t row_bytes = element * (size_t)(column->width > 0 ? column->width : 1);
  char path[64], *values = malloc(row_bytes * (size_t)table->n);
  if (!values) return psac_fail(PSAC_ERR_MEMORY, "out of memory writing %d rows", table->n);
  for (int k = 0; k < table->n; k++) {
    memcpy(values + (size_t)k * row_bytes, (const char *)&table->row[k] + column->offset, row_bytes);
  }
  snprintf(path, sizeof path, "/rows/%s", column->name);
  const psac_field field = {
      .path = path,
      .type = column->type,
      .n_dims = column->width > 0 ? 2 : 1,
      .dims = {table->n, column->width},
      .n_rows = is_root ? table->n : 0,
      .data = values,
      .text_bytes = element,
      .units = column->units,
  };
  const psac_status status = psac_h5_write(file, &field);
  free(values);
  return status;
}

static psac_status write_all(const psac_table *table, const psac_session *session, psac_h5_file *file) {
  const int is_root = session->ranks->rank == 0;
  PSAC_TRY(psac_h5_write_text(file, "/", "program", "psac_dist"));
  PSAC_TRY(psac_h5_write_text(file, "/", "content", "scaling"));
  PSAC_TRY(psac_h5_write_text(file, "/", "program_version", PSAC_VERSION));
  PSAC_TRY(psac_h5_write_text(file, "/", "git_revision", PSAC_GIT_REVISION));
  PSAC_TRY(psac_h5_write_text(file, "/", "command_line", session->options->command_line));
  PSAC_TRY(psac_h5_write_text(file, "/", "configuration", session->config_text));
  char names[PSAC_N_STAGES][PSAC_ROW_TEXT] = {{0}};
  for (int s = 0; s < PSAC_N_STAGES; s++) snprintf(names[s], PSAC_ROW_TEXT, "%s", psac_stage_name((psac_stage)s));
  const psac_field stages = {"/stages", PSAC_TEXT,     1,   {PSAC_N_STAGES}, 0, is_root ? PSAC_N_STAGES : 0,
                             names,     PSAC_ROW_TEXT, NULL};
  PSAC_TRY(psac_h5_write(file, &stages));
  for (size_t c = 0; c < sizeof columns / sizeof *columns; c++)
    PSAC_TRY(write_column(table, &columns[c], is_root, file));
  return PSAC_OK;
}

psac_status psac_table_add(psac_table *table, const psac_session *session, const psac_row *row) {
  psac_row *grown = realloc(table->row, sizeof *grown * (size_t)(table->n + 1));
  if (grown) table->row = grown;  // even if another rank is out of memory: the old rows may have moved
  PSAC_TRY(psac_ranks_agree(session->ranks, grown ? PSAC_OK : psac_fail(PSAC_ERR_MEMORY, "out of memory for a row")));
  table->row[table->n++] = *row;
  const psac_access access = psac_session_access(session);
  psac_h5_file *file = NULL;
  PSAC_TRY(psac_ranks_agree(session->ranks, psac_h5_create(&access, table->path, 1, &file)));
  const psac_status status = write_all(table, session, file);
  if (status != PSAC_OK) {
    psac_h5_abandon(&file);
    return status;
  }
  return psac_h5_commit(&file);
}

void psac_table_free(psac_table *table) {
  free(table->row);
  table->row = NULL;
}
