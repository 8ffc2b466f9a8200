#define CLV_ANALYZED_ITSELF /* see analyzer.h */
#include "comm/status.h"

#include <mpi.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The one mutable static of the project: like errno, so that a sentence survives the unwinding of the stack.
 */
static char slot[CLV_MESSAGE_MAX];

clv_status clv_fail(clv_status code, const char *format, ...) {
  va_list args;
  CLV_CHECK(code < 0);
  if (slot[0] != '\0') return code;
  va_start(args, format);
  (void)vsnprintf(slot, sizeof slot, format, args);
  va_end(args);
  return code;
}

const char *clv_message(void) { return slot; }

void clv_message_clear(void) { slot[0] = '\0'; }

void clv_message_set(const char *text) {
  if (text != slot) (void)snprintf(slot, sizeof slot, "%s", text);
}

int clv_status_exit_code(clv_status status) {
  switch (status) {
    case CLV_OK:
      return 0;
    case CLV_EUSAGE:
      return 2;
    case CLV_EDATA:
      return 3;
    case CLV_ECONVERGE:
      return 4;
    case CLV_EINTERRUPT:
      return 75;
    case CLV_EFAULT:
    case CLV_EIO:
    case CLV_ENOMEM:
    default:
      return 1;
  }
}

/* PTRDIFF_MAX, not SIZE_MAX: no object may be larger, and sanitizers end the program on a larger request. */
static clv_status bytes_of(size_t count, size_t size, size_t *bytes) {
  if (__builtin_mul_overflow(count, size, bytes) || *bytes > PTRDIFF_MAX)
    return clv_fail(CLV_ENOMEM,
                    "memory for %zu items of %zu bytes was refused: more than an address can reach", count,
                    size);
  if (*bytes == 0) *bytes = 1; /* a valid pointer, so that NULL means refusal only */
  return CLV_OK;
}

static clv_status refused(size_t bytes) {
  return clv_fail(CLV_ENOMEM,
                  "%zu bytes of memory were refused: use more ranks or nodes, or ask for more memory", bytes);
}

clv_status clv_alloc(size_t count, size_t size, void **out) {
  size_t bytes;
  if (bytes_of(count, size, &bytes) < 0) return CLV_ENOMEM;
  void *memory = malloc(bytes);
  if (memory == NULL) return refused(bytes);
  *out = memory;
  return CLV_OK;
}

clv_status clv_calloc(size_t count, size_t size, void **out) {
  size_t bytes;
  if (bytes_of(count, size, &bytes) < 0) return CLV_ENOMEM;
  void *memory = calloc(bytes, 1);
  if (memory == NULL) return refused(bytes);
  *out = memory;
  return CLV_OK;
}

clv_status clv_realloc(size_t count, size_t size, void **inout) {
  size_t bytes;
  if (bytes_of(count, size, &bytes) < 0) return CLV_ENOMEM;
  void *memory = realloc(*inout, bytes);
  if (memory == NULL) return refused(bytes);
  *inout = memory;
  return CLV_OK;
}

void clv_check_failed(const char *condition, const char *file, int line) {
  int up = 0, down = 0;
  fprintf(stderr, "clv: %s:%d: check failed: %s\n", file, line, condition);
  fflush(stderr);
  MPI_Initialized(&up);
  MPI_Finalized(&down);
  if (up && !down) MPI_Abort(MPI_COMM_WORLD, 1);
  _Exit(1);
}
