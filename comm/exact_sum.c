#include "comm/exact_sum.h"

#include <stdlib.h>
#include <string.h>

#include "comm/digits.h"

struct clv_exact_sum {
  clv_digits mine;    /* owned: this rank's addends */
  clv_digits reduced; /* owned: what a total works on, so that `mine` can go on growing */
};

clv_status clv_exact_sum_new(size_t width, clv_exact_sum **out) {
  clv_exact_sum *self = NULL;
  clv_status     st   = CLV_OK;
  CLV_TRY(clv_calloc(1, sizeof *self, (void **)&self));
  CLV_TRY(clv_digits_new(width, &self->mine));
  CLV_TRY(clv_digits_new(width, &self->reduced));
  *out = self, self = NULL;
out:
  clv_exact_sum_free(&self);
  return st;
}

void clv_exact_sum_free(clv_exact_sum **self) {
  if (self == NULL || *self == NULL) return;
  clv_digits_free(&(*self)->mine);
  clv_digits_free(&(*self)->reduced);
  free(*self);
  *self = NULL;
}

void clv_exact_sum_clear(clv_exact_sum *self) { clv_digits_reset(&self->mine, self->mine.width); }

void clv_exact_sum_add(clv_exact_sum *self, const double *value) { clv_digits_add(&self->mine, value); }

void clv_exact_sum_add_at(clv_exact_sum *self, size_t j, double value) {
  clv_digits_add_at(&self->mine, j, value);
}

clv_status clv_exact_sum_total(clv_exact_sum *self, const clv_comm *comm, double *total) {
  const size_t width = self->mine.width;
  size_t       first = 0;
  memcpy(self->reduced.plane, self->mine.plane, CLV_DIGIT_PLANES * width * sizeof *self->mine.plane);
  const size_t n_outside = clv_digits_total(&self->reduced, comm, total, &first);
  if (n_outside == 0) return CLV_OK;
  return clv_fail(
      CLV_EFAULT,
      "sum %zu of %zu (and %zu more) left the range of exact sums: addends must be below 2^60 and sums below "
      "2^80 in magnitude; use a larger unit (rescale_factor)",
      first, width, n_outside - 1);
}
