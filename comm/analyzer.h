#ifndef CLV_COMM_ANALYZER_H
#define CLV_COMM_ANALYZER_H

#include <stdlib.h> /* included by status.h, behind what it declares */

/** For static analysis alone, which looks at one file at a time: what functions of this library do to their
 * arguments and how their status depends on them. Without it every array might be NULL after its allocation
 * succeeded. */

static inline clv_status clv_analyzer_alloc(size_t count, size_t size, void **out) {
  void *memory = malloc(count * size + 1);
  if (memory == NULL) return CLV_ENOMEM;
  *out = memory;
  return CLV_OK;
}

static inline clv_status clv_analyzer_calloc(size_t count, size_t size, void **out) {
  void *memory = calloc(count + 1, size);
  if (memory == NULL) return CLV_ENOMEM;
  *out = memory;
  return CLV_OK;
}

static inline clv_status clv_analyzer_realloc(size_t count, size_t size, void **inout) {
  void *memory = realloc(*inout, count * size + 1);
  if (memory == NULL) return CLV_ENOMEM;
  *inout = memory;
  return CLV_OK;
}

/* What another rank says; nobody defines it. */
clv_status clv_analyzer_other(void);

static inline clv_status clv_analyzer_agree(const void *comm, clv_status mine) {
  (void)comm;
  return mine != CLV_OK ? mine : clv_analyzer_other();
}

static inline clv_status clv_analyzer_code(clv_status said, clv_status code) {
  (void)said;
  return code;
}

/* A status is never positive. */
#define CLV_TRY(call)                      \
  do {                                     \
    if ((st = (call)) != CLV_OK) goto out; \
  } while (0)

#define clv_alloc(count, size, out) clv_analyzer_alloc(count, size, out)
#define clv_calloc(count, size, out) clv_analyzer_calloc(count, size, out)
#define clv_realloc(count, size, inout) clv_analyzer_realloc(count, size, inout)
#define CLV_ANALYZER_AGREE(self, mine) clv_analyzer_agree(self, mine)
#define clv_fail(code, ...) clv_analyzer_code(clv_fail(code, __VA_ARGS__), code)

#endif
