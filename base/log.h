// Messages of the program. All of them go to standard error; standard output is for results.
#ifndef PSAC_BASE_LOG_H
#define PSAC_BASE_LOG_H

// Enables (rank 0) or disables (other ranks) the messages of this process. Enabled initially. Not collective.
void psac_log_enable(int enabled);

// One line of information (printf format without newline) on standard error.
void psac_log(const char *format, ...) __attribute__((format(printf, 1, 2)));

// One line "psac_dist: warning: ..." on standard error.
void psac_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
