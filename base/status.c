#include "base/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static _Thread_local char fail_message[1024];

psac_status(psac_fail)(psac_status status, const char *format, ...) {
  char text[sizeof fail_message];  // arguments may point into the message that is being replaced
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  for (char *c = text; *c; c++) {
    if ((unsigned char)*c < ' ') *c = '?';  // a name with a newline in it must not break the line
  }
  memcpy(fail_message, text, sizeof text);
  return status;
}

const char *psac_fail_message(void) { return fail_message; }

int psac_status_exit_code(psac_status status) {
  switch (status) {
#define X(name, exit_code, text) \
  case name: return exit_code;
    PSAC_STATUS_LIST(X)
#undef X
  }
  return 1;
}

const char *psac_status_text(psac_status status) {
  switch (status) {
#define X(name, exit_code, text) \
  case name: return text;
    PSAC_STATUS_LIST(X)
#undef X
  }
  return "unknown status";
}
