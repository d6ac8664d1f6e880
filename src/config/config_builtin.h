// The files of configs/ as they were when the program was built; cmake/embed.cmake writes config_builtin.c.
#ifndef PSAC_CONFIG_CONFIG_BUILTIN_H
#define PSAC_CONFIG_CONFIG_BUILTIN_H

#include <stddef.h>

typedef struct psac_builtin_file {
  const char *name;           // file name without folder and ending; NULL ends the list
  const unsigned char *text;  // not ended by a 0
  size_t n_bytes;
} psac_builtin_file;

extern const psac_builtin_file psac_builtin_files[];

#endif
