#include "config/config.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "config/config_builtin.h"
#include "config/config_yaml.h"

static const psac_builtin_file *find_builtin(const char *name) {
  const psac_builtin_file *file = psac_builtin_files;
  while (file->name != NULL && strcmp(file->name, name) != 0) file++;
  return file->name != NULL ? file : NULL;
}

static psac_status overlay_builtin(psac_config *config, const psac_builtin_file *file) {
  char origin[64];
  snprintf(origin, sizeof origin, "configs/%s.yaml (built in)", file->name);
  return psac_config_overlay(config, (const char *)file->text, file->n_bytes, origin);
}

psac_status psac_config_defaults(psac_config *config) {
  memset(config, 0, sizeof *config);
  return overlay_builtin(config, find_builtin("psac"));
}

// Whether something that can be read as a file has this name: a folder "seed" must not hide the configuration "seed".
static bool is_file(const char *path) {
  struct stat info;
  return stat(path, &info) == 0 && !S_ISDIR(info.st_mode);
}

psac_status psac_config_overlay_file(psac_config *config, const char *path) {
  const psac_builtin_file *builtin = find_builtin(path);
  if (builtin != NULL && !is_file(path)) return overlay_builtin(config, builtin);

  const size_t n_bytes_max = PSAC_YAML_BYTES_MAX + 1;  // one more than is read, so that a longer file is noticed
  FILE *file = fopen(path, "rb");
  if (file == NULL)
    return psac_fail(PSAC_ERR_INPUT, "%s: cannot open: %s (built in are psac, seed and quick)", path, strerror(errno));
  char *text = malloc(n_bytes_max);
  const size_t n_bytes = text != NULL ? fread(text, 1, n_bytes_max, file) : 0;
  psac_status status;
  if (text == NULL)
    status = psac_fail(PSAC_ERR_MEMORY, "%s: out of memory", path);
  else if (ferror(file))
    status = psac_fail(PSAC_ERR_INPUT, "%s: cannot read: %s", path, strerror(errno));
  else
    status = psac_config_overlay(config, text, n_bytes, path);
  free(text);
  fclose(file);
  return status;
}
