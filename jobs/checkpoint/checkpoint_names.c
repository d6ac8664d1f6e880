#include "checkpoint/checkpoint_names.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MARK ".ckpt-"
#define ENDING ".h5"
#define PARTIAL ".partial"

static size_t stem_length(const char *out) {
  const size_t n = strlen(out), ending = strlen(ENDING);
  return n > ending && strcmp(out + n - ending, ENDING) == 0 ? n - ending : n;
}

void psac_checkpoint_name(const char *out, int64_t trials, char path[PSAC_CHECKPOINT_PATH_BYTES]) {
  snprintf(path, PSAC_CHECKPOINT_PATH_BYTES, "%.*s" MARK "%012" PRId64 ENDING, (int)stem_length(out), out, trials);
}

int psac_checkpoint_owner(const char *path, char out[PSAC_CHECKPOINT_PATH_BYTES]) {
  char again[PSAC_CHECKPOINT_PATH_BYTES];
  const char *mark = NULL;
  for (const char *next = path; (next = strstr(next, MARK)) != NULL; next++) mark = next;
  if (!mark || mark == path || strlen(path) >= PSAC_CHECKPOINT_PATH_BYTES - 64) return 0;
  snprintf(out, PSAC_CHECKPOINT_PATH_BYTES, "%.*s" ENDING, (int)(mark - path), path);
  psac_checkpoint_name(out, strtoll(mark + strlen(MARK), NULL, 10), again);
  return strcmp(again, path) == 0;
}

static int by_falling_number(const void *a, const void *b) {
  const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return (x < y) - (x > y);
}

// The number in a name of this run's checkpoints with this ending, -1 for any other name.
static int64_t number_of(const char *name, const char *base, const char *ending) {
  const size_t n = strlen(base);
  if (strncmp(name, base, n) != 0 || strncmp(name + n, MARK, strlen(MARK)) != 0) return -1;
  char *end;
  const char *digits = name + n + strlen(MARK);
  if (*digits < '0' || *digits > '9') return -1;
  const long long number = strtoll(digits, &end, 10);
  return strcmp(end, ending) == 0 ? number : -1;
}

// The same with what was left incomplete, if `ending` says so.
static psac_status list(const char *out, const char *ending, int64_t **trials, int64_t *n) {
  char copy[2][PSAC_CHECKPOINT_PATH_BYTES];
  *trials = NULL;
  *n = 0;
  for (int k = 0; k < 2; k++) snprintf(copy[k], sizeof copy[k], "%.*s", (int)stem_length(out), out);
  const char *folder = dirname(copy[0]), *base = basename(copy[1]);
  DIR *place = opendir(folder);
  if (!place) return psac_fail(PSAC_ERR_INPUT, "cannot look for checkpoints in %s: %s", folder, strerror(errno));
  psac_status status = PSAC_OK;
  for (const struct dirent *entry; status == PSAC_OK && (entry = readdir(place)) != NULL;) {
    const int64_t number = number_of(entry->d_name, base, ending);
    if (number < 0) continue;
    int64_t *grown = realloc(*trials, sizeof *grown * (size_t)(*n + 1));
    if (grown) *trials = grown, grown[(*n)++] = number;
    else status = psac_fail(PSAC_ERR_MEMORY, "out of memory looking for checkpoints");
  }
  closedir(place);
  if (*n > 0) qsort(*trials, (size_t)*n, sizeof **trials, by_falling_number);
  return status;
}

psac_status psac_checkpoint_list(const char *out, int64_t **trials, int64_t *n) { return list(out, ENDING, trials, n); }

void psac_checkpoint_prune(const char *out, int64_t trials, int64_t keep) {
  static const char *const ending[] = {ENDING, ENDING PARTIAL};
  for (int e = 0; e < 2; e++) {
    int64_t *found, n, seen = 0;
    const psac_status status = list(out, ending[e], &found, &n);
    for (int64_t k = 0; status == PSAC_OK && k < n; k++) {
      char path[PSAC_CHECKPOINT_PATH_BYTES + sizeof PARTIAL];
      if (e == 0 && (found[k] > trials || seen++ < keep)) continue;
      psac_checkpoint_name(out, found[k], path);
      if (e == 1) strcat(path, PARTIAL);
      unlink(path);
    }
    free(found);
  }
}
