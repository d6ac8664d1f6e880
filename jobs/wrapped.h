// Text on standard output in lines of fewer than 80 columns.
#ifndef PSAC_JOBS_WRAPPED_H
#define PSAC_JOBS_WRAPPED_H

// Prints up to 4,095 bytes of text, broken into lines that begin at column `indent`, at which the cursor must already
// be. Keeps the line feeds of the text. Not collective.
void psac_print_wrapped(int indent, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
