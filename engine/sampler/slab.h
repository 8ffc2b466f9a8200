#ifndef CLV_ENGINE_SAMPLER_SLAB_H
#define CLV_ENGINE_SAMPLER_SLAB_H

#include <stddef.h>

/** A cursor that cuts views out of one piece of memory. The memory holds no pointers, so that saving it is a
 * copy; the views that hold the pointers live beside it. With base NULL nothing is cut and only the size is
 * counted. */
typedef struct clv_slab {
  char  *base; /* borrowed; aligned for any type */
  size_t used; /* bytes cut so far, a multiple of 8 */
} clv_slab;

/** `bytes` bytes, rounded up to eight; NULL while counting. Not collective. */
static inline void *clv_slab_take(clv_slab *self, size_t bytes) {
  void *at = self->base == NULL ? NULL : self->base + self->used;
  self->used += (bytes + 7u) & ~(size_t)7u;
  return at;
}

/** n doubles. Not collective. */
static inline double *clv_slab_doubles(clv_slab *self, size_t n) {
  return (double *)clv_slab_take(self, n * sizeof(double));
}

#endif
