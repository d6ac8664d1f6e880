#include "src/config/config.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "src/config/config_builtin.h"
#include "src/config/config_table.h"
#include "src/config/config_value.h"
#include "src/config/config_yaml.h"

static const psac_builtin_file *find_builtin(const char *name) {
  const psac_builtin_file *file = psac_builtin_files;
  name = psac_present_name(name);
  while (file->name != NULL && strcmp(file->name, name) != 0) file++;
  return file->name != NULL ? file : NULL;
}

static psac_status copy_builtin(const psac_builtin_file *file, psac_config_text *text) {
  snprintf(text->origin, sizeof text->origin, "configs/%s.yaml (built in)", file->name);
  text->n_bytes = file->n_bytes;
  text->bytes = malloc(file->n_bytes + 1);
  if (text->bytes == NULL) return psac_fail(PSAC_ERR_MEMORY, "%s: out of memory", text->origin);
  memcpy(text->bytes, file->text, file->n_bytes);
  return PSAC_OK;
}

psac_status psac_config_defaults(psac_config *config) {
  memset(config, 0, sizeof *config);
  const psac_builtin_file *file = find_builtin("psac");
  return psac_config_overlay(config, (const char *)file->text, file->n_bytes, "configs/psac.yaml (built in)");
}

// Whether `path` exists and is not a directory: a directory "quick" must not hide the built-in configuration "quick".
static bool is_file(const char *path) {
  struct stat info;
  return stat(path, &info) == 0 && !S_ISDIR(info.st_mode);
}

// Fails for a path that cannot be opened; suggests the nearest built-in name.
static psac_status refuse_name(const char *path, int reason) {
  enum { MOST_FILES = 32 };
  const char *names[MOST_FILES] = {NULL};
  for (int k = 0; k < MOST_FILES - 1 && psac_builtin_files[k].name != NULL; k++) names[k] = psac_builtin_files[k].name;
  const char *nearest = psac_nearest_of(path, strlen(path), names);
  const char *hint = nearest != NULL ? "; the nearest built-in name is " : "";
  return psac_fail(PSAC_ERR_INPUT,
                   "%s: cannot open: %s%s%s (built in are psac, classic, notebook and quick; studies: scaling; "
                   "machines: hardware)",
                   path, strerror(reason), hint, nearest != NULL ? nearest : "");
}

psac_status psac_config_text_read(const char *path, int may_be_pipe, psac_config_text *text) {
  *text = (psac_config_text){0};
  const psac_builtin_file *builtin = find_builtin(path);
  if (builtin != NULL && !is_file(path)) return copy_builtin(builtin, text);

  const size_t n_bytes_max = PSAC_YAML_BYTES_MAX + 1;  // one more than the limit, to detect a longer file
  snprintf(text->origin, sizeof text->origin, "%s", path);
  struct stat info;
  if (!may_be_pipe && stat(path, &info) == 0 && !S_ISREG(info.st_mode))
    return psac_fail(PSAC_ERR_INPUT, "%s is not a regular file; a YAML file is needed", path);
  FILE *file = fopen(path, "rb");
  if (file == NULL) return refuse_name(path, errno);
  text->bytes = malloc(n_bytes_max);
  text->n_bytes = text->bytes != NULL ? fread(text->bytes, 1, n_bytes_max, file) : 0;
  psac_status status = PSAC_OK;
  if (text->bytes == NULL) status = psac_fail(PSAC_ERR_MEMORY, "%s: out of memory", path);
  else if (ferror(file)) status = psac_fail(PSAC_ERR_INPUT, "%s: cannot read: %s", path, strerror(errno));
  fclose(file);
  return status;
}

void psac_config_text_free(psac_config_text *text) {
  free(text->bytes);
  *text = (psac_config_text){0};
}

psac_status psac_config_overlay_file(psac_config *config, const char *path) {
  psac_config_text text;
  psac_status status = psac_config_text_read(path, true, &text);
  if (status == PSAC_OK) status = psac_config_overlay(config, text.bytes, text.n_bytes, text.origin);
  psac_config_text_free(&text);
  return status;
}
