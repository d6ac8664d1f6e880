#include "src/run/checkpoint/checkpoint_names.h"

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
#define FINAL ".final"

void psac_checkpoint_name(const char *out, int64_t trials, char path[PSAC_CHECKPOINT_PATH_BYTES]) {
  snprintf(path, PSAC_CHECKPOINT_PATH_BYTES, "%.*s" MARK "%012" PRId64 ENDING, (int)psac_disk_stem(out), out, trials);
}

void psac_checkpoint_final_name(const char *out, char path[PSAC_CHECKPOINT_PATH_BYTES]) {
  snprintf(path, PSAC_CHECKPOINT_PATH_BYTES, "%.*s" FINAL ENDING, (int)psac_disk_stem(out), out);
}

void psac_recording_name(const char *out, char path[PSAC_CHECKPOINT_PATH_BYTES]) {
  snprintf(path, PSAC_CHECKPOINT_PATH_BYTES, "%.*s.spikes", (int)psac_disk_stem(out), out);
}

int psac_checkpoint_owner(const char *path, char out[PSAC_CHECKPOINT_PATH_BYTES]) {
  char again[PSAC_CHECKPOINT_PATH_BYTES];
  const char *mark = NULL;
  const size_t n = strlen(path), ending = strlen(FINAL ENDING);
  if (n >= PSAC_PATH_BYTES) return 0;
  if (n > ending && strcmp(path + n - ending, FINAL ENDING) == 0) {
    return snprintf(out, PSAC_CHECKPOINT_PATH_BYTES, "%.*s" ENDING, (int)(n - ending), path), 1;
  }
  for (const char *next = path; (next = strstr(next, MARK)) != NULL; next++) mark = next;
  if (!mark || mark == path) return 0;
  snprintf(out, PSAC_CHECKPOINT_PATH_BYTES, "%.*s" ENDING, (int)(mark - path), path);
  psac_checkpoint_name(out, strtoll(mark + strlen(MARK), NULL, 10), again);
  return strcmp(again, path) == 0;
}

static int by_falling_number(const void *a, const void *b) {
  const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return (x < y) - (x > y);
}

// Digits of the number of trials in a name: 12, more for larger numbers. A name is a checkpoint's only if it is exactly
// what psac_checkpoint_name writes.
enum { DIGITS = 12, MOST_DIGITS = 18 };

// Number of trials in the name of one of this run's checkpoints; -1 for any other name. *rest is what follows the
// ending.
static int64_t number_of(const char *name, const char *base, const char **rest) {
  const size_t n = strlen(base);
  if (strncmp(name, base, n) != 0 || strncmp(name + n, MARK, strlen(MARK)) != 0) return -1;
  const char *digits = name + n + strlen(MARK);
  const size_t n_digits = strspn(digits, "0123456789");
  if (n_digits < DIGITS || n_digits > MOST_DIGITS || (n_digits > DIGITS && *digits == '0')) return -1;
  *rest = digits + n_digits;
  return strncmp(*rest, ENDING, strlen(ENDING)) == 0 ? (*rest += strlen(ENDING), strtoll(digits, NULL, 10)) : -1;
}

// Called for every file of this run's checkpoints, with its number of trials and what follows the ending in its name.
typedef psac_status (*visitor)(void *self, int64_t trials, const char *rest);

static psac_status visit_all(const char *out, visitor visit, void *self) {
  char copy[2][PSAC_CHECKPOINT_PATH_BYTES];
  for (int k = 0; k < 2; k++) snprintf(copy[k], sizeof copy[k], "%.*s", (int)psac_disk_stem(out), out);
  const char *folder = dirname(copy[0]), *base = basename(copy[1]);
  DIR *place = opendir(folder);
  if (!place) return psac_fail(PSAC_ERR_INPUT, "cannot look for checkpoints in %s: %s", folder, strerror(errno));
  psac_status status = PSAC_OK;
  for (const struct dirent *entry; status == PSAC_OK && (entry = readdir(place)) != NULL;) {
    const char *rest;
    const int64_t number = number_of(entry->d_name, base, &rest);
    if (number >= 0) status = visit(self, number, rest);
  }
  closedir(place);
  return status;
}

typedef struct numbers {
  int64_t *trials, n;
} numbers;

static psac_status add_number(void *self, int64_t trials, const char *rest) {
  numbers *to = self;
  if (*rest) return PSAC_OK;
  int64_t *grown = realloc(to->trials, sizeof *grown * (size_t)(to->n + 1));
  if (!grown) return psac_fail(PSAC_ERR_MEMORY, "out of memory looking for checkpoints");
  to->trials = grown;
  grown[to->n++] = trials;
  return PSAC_OK;
}

psac_status psac_checkpoint_list(const char *out, int64_t **trials, int64_t *n) {
  numbers found = {0};
  const psac_status status = visit_all(out, add_number, &found);
  if (found.n > 0) qsort(found.trials, (size_t)found.n, sizeof *found.trials, by_falling_number);
  *trials = found.trials;
  *n = found.n;
  return status;
}

void psac_checkpoint_prune(const char *out, int64_t trials, int64_t keep) {
  int64_t *found, n, seen = 0;
  const psac_status status = psac_checkpoint_list(out, &found, &n);
  for (int64_t k = 0; status == PSAC_OK && k < n; k++) {
    char path[PSAC_CHECKPOINT_PATH_BYTES];
    if (found[k] > trials || seen++ < keep) continue;
    psac_checkpoint_name(out, found[k], path);
    unlink(path);
  }
  free(found);
}

static psac_status remove_partial(void *out, int64_t trials, const char *rest) {
  char path[PSAC_CHECKPOINT_PATH_BYTES];
  if (strncmp(rest, PSAC_PARTIAL, strlen(PSAC_PARTIAL)) != 0) return PSAC_OK;
  psac_checkpoint_name(out, trials, path);
  psac_disk_remove_partial(path);
  return PSAC_OK;
}

void psac_checkpoint_remove_partial(const char *out) {
  char path[PSAC_CHECKPOINT_PATH_BYTES];
  psac_checkpoint_final_name(out, path);
  psac_disk_remove_partial(path);
  psac_disk_remove_partial(out);
  visit_all(out, remove_partial, (char *)out);
}

void psac_recording_remove(const char *out) {
  char path[PSAC_CHECKPOINT_PATH_BYTES], final[PSAC_CHECKPOINT_PATH_BYTES];
  int64_t *trials, n;
  psac_recording_name(out, path);
  psac_checkpoint_final_name(out, final);
  if (access(path, F_OK) != 0 || access(final, F_OK) == 0) return;
  const psac_status status = psac_checkpoint_list(out, &trials, &n);
  free(trials);
  if (status == PSAC_OK && n == 0) unlink(path);
}
