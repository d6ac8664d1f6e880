// Messages for messages. All of them go to standard error; standard output is for results.
#ifndef PSAC_BASE_LOG_H
#define PSAC_BASE_LOG_H

// Makes this process speak (rank 0) or keep silent (the other ranks). Not collective. Initially it speaks.
void psac_log_enable(int enabled);

// One line of information (printf format without newline) on standard error.
void psac_log(const char *format, ...) __attribute__((format(printf, 1, 2)));

// One line "psac_dist: warning: ..." on standard error.
void psac_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
