// Copies of the files of configs/, embedded at build time; cmake/embed.cmake writes config_builtin.c.
#ifndef PSAC_CONFIG_CONFIG_BUILTIN_H
#define PSAC_CONFIG_CONFIG_BUILTIN_H

#include <stddef.h>

typedef struct psac_builtin_file {
  const char *name;           // file name without directory and extension; NULL ends the list
  const unsigned char *text;  // [n_bytes], not NUL-terminated
  size_t n_bytes;
} psac_builtin_file;

extern const psac_builtin_file psac_builtin_files[];

#endif
