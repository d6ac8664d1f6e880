#include "jobs/wrapped.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { LINE_COLUMNS = 79, TEXT_BYTES = 4096 };

void psac_print_wrapped(int indent, const char *format, ...) {
  char buffer[TEXT_BYTES];
  va_list args;
  va_start(args, format);
  vsnprintf(buffer, sizeof buffer, format, args);
  va_end(args);
  int column = indent;
  for (const char *text = buffer; *text;) {
    const int n = (int)strcspn(text, " \n"), starts = column == indent;
    if (!starts && column + 1 + n > LINE_COLUMNS) {
      printf("\n%*s", indent, "");
      column = indent;
    } else if (!starts && n > 0) {
      putchar(' ');
      column++;
    }
    printf("%.*s", n, text);
    column += n;
    text += n;
    if (*text == '\n') {
      printf("\n%*s", text[1] == '\n' ? 0 : indent, "");
      column = indent;
    }
    if (*text) text++;
  }
  putchar('\n');
}
