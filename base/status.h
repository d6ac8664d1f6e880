// Status codes and the error message of this rank.
//
// Every function that can fail returns a psac_status. The function that detects a failure describes it once with
// psac_fail; its callers pass it up with PSAC_TRY. Only main() and the watchdog end the program.
#ifndef PSAC_BASE_STATUS_H
#define PSAC_BASE_STATUS_H

#ifdef __cplusplus
extern "C" {
#endif

// X(name, process exit code, text)
#define PSAC_STATUS_LIST(X)                    \
  X(PSAC_OK, 0, "ok")                          \
  X(PSAC_ERR_INPUT, 2, "bad input")            \
  X(PSAC_ERR_IO, 1, "input/output failed")     \
  X(PSAC_ERR_MEMORY, 1, "out of memory")       \
  X(PSAC_ERR_MPI, 1, "message passing failed") \
  X(PSAC_ERR_DEVICE, 1, "device failed")       \
  X(PSAC_ERR_INTERNAL, 1, "internal error")    \
  X(PSAC_STOPPED, 75, "stopped on request")

typedef enum psac_status {
#define X(name, exit_code, text) name,
  PSAC_STATUS_LIST(X)
#undef X
} psac_status;

// Records the message of this thread's current failure (printf format, one line, no trailing newline: what, where,
// which value, what would be right) and returns `status`, so that `return psac_fail(PSAC_ERR_INPUT, ...)` reads as one
// statement.
psac_status psac_fail(psac_status status, const char *format, ...) __attribute__((format(printf, 2, 3)));
// Wraps psac_fail so that compilers and analyzers see which status it returns.
static inline psac_status psac_status_of(psac_status status, psac_status returned) {
  (void)returned;
  return status;
}
#define psac_fail(status, ...) psac_status_of(status, psac_fail(status, __VA_ARGS__))

// The message recorded by the last psac_fail; valid until the next one. "" if there was none.
const char *psac_fail_message(void);

// The process exit code of a status: 0 ok, 1 the run failed, 2 bad input, 75 (EX_TEMPFAIL, "try again") stopped on
// request with a checkpoint to resume from.
int psac_status_exit_code(psac_status status);

// The generic text of a status, for example "bad input".
const char *psac_status_text(psac_status status);

// Passes a failure up to the caller.
#define PSAC_TRY(call)                                        \
  do {                                                        \
    psac_status psac_try_status_ = (call);                    \
    if (psac_try_status_ != PSAC_OK) return psac_try_status_; \
  } while (0)

// Assigns the result to the caller's `psac_status status` and, on failure, jumps to its clean-up label `done`.
#define PSAC_TRY_OR_DONE(call)                   \
  do {                                           \
    if ((status = (call)) != PSAC_OK) goto done; \
  } while (0)

#ifdef __cplusplus
}
#endif
#endif
