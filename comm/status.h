#ifndef CLV_COMM_STATUS_H
#define CLV_COMM_STATUS_H

#include <stddef.h>

/** What a fallible function returns: CLV_OK or one of the negative codes below.
 *  The mathematics (a divergence, a U-turn, a NaN) is never a status; see docs/architecture.md. */
typedef enum clv_status {
  CLV_OK = 0,
  CLV_EFAULT = -1,   /* an unexpected fault: the system, the disk, a library */
  CLV_EUSAGE = -2,   /* usage or configuration */
  CLV_EDATA = -3,    /* the data */
  CLV_ECONVERGE = -4, /* done, but not converged */
  CLV_EIO = -5,      /* a file could not be read or written */
  CLV_ENOMEM = -6,   /* memory was refused */
  CLV_EINTERRUPT = -75 /* interrupted, checkpoint written: run again */
} clv_status;

/** Longest message that clv_fail keeps, with its terminating zero. */
#define CLV_MESSAGE_MAX 2048

/** Record one sentence about what went wrong and return `code`.
 *  Not collective. The first message since the last clear is kept (it is nearest to the cause);
 *  nothing is printed here. clv_comm_agree carries the message to every rank, and the program prints
 *  it once, on rank 0, when it leaves. The slot is process-wide, like errno before threads: only the thread that
 *  communicates may use it. A failure that is handled and not passed on must be followed by clv_message_clear.
 *  @param code  a negative clv_status
 *  @param format  printf format of one sentence: file, line or key; what was expected; what to do */
clv_status clv_fail(clv_status code, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** The recorded message, "" where there is none. Not collective. Borrowed, valid until the next failure. */
const char *clv_message(void);

/** Forget the recorded message. Not collective. */
void clv_message_clear(void);

/** Replace the recorded message (used by clv_comm_agree). Not collective. */
void clv_message_set(const char *text);

/** The process's exit code for a status: 0, 1, 2, 3, 4 or 75 (README, "Exit codes"). Not collective. */
int clv_status_exit_code(clv_status status);

/** malloc / calloc / realloc that take count and size, check the product for overflow, and report refusal
 *  through clv_fail. Not collective. `*out` is touched only on success; free with free(). */
clv_status clv_alloc(size_t count, size_t size, void **out);
clv_status clv_calloc(size_t count, size_t size, void **out);
clv_status clv_realloc(size_t count, size_t size, void **inout);

#if defined(__clang_analyzer__) && !defined(CLV_ANALYZED_ITSELF)
#include "analyzer.h"
#endif

/** One exit: `st` holds the first failure, resources are released behind `out:`. */
#ifndef CLV_TRY
#define CLV_TRY(call)                  \
  do {                                 \
    if ((st = (call)) < 0) goto out;   \
  } while (0)
#endif

/** Our own mistake (never the input's): says where, and ends all ranks. On in every build. */
#define CLV_CHECK(condition) \
  ((condition) ? (void)0 : clv_check_failed(#condition, __FILE__, __LINE__))
void clv_check_failed(const char *condition, const char *file, int line) __attribute__((noreturn));

#endif
