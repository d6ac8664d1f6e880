// Text on standard output in lines of less than 80 columns.
#ifndef PSAC_JOBS_WRAPPED_H
#define PSAC_JOBS_WRAPPED_H

// Prints `text`, broken into lines that begin at column `indent`; the first goes on where the cursor is, which has to be there. A line
// feed in the text stays one.
void psac_print_wrapped(int indent, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
