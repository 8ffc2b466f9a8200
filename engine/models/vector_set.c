#include "engine/models/vector_set.h"

#include <stdlib.h>
#include <string.h>

struct clv_vector_set {
  size_t  width, most, n;
  bool    is_void;
  double *vector; /* owned [most][width] */
};

clv_status clv_vector_set_new(size_t width, size_t most, clv_vector_set **out) {
  clv_vector_set *self = NULL;
  clv_status      st   = CLV_OK;
  CLV_TRY(clv_calloc(1, sizeof *self, (void **)&self));
  CLV_TRY(clv_alloc(most * width + 1, sizeof *self->vector, (void **)&self->vector));
  self->width = width, self->most = most;
  *out = self, self = NULL;
out:
  clv_vector_set_free(&self);
  return st;
}

void clv_vector_set_free(clv_vector_set **self) {
  if (self == NULL || *self == NULL) return;
  free((*self)->vector);
  free(*self);
  *self = NULL;
}

int clv_vector_compare(const double *a, const double *b, size_t width) {
  for (size_t k = 0; k < width; k++)
    if (a[k] < b[k] || a[k] > b[k]) return a[k] < b[k] ? -1 : 1;
  return 0;
}

/* Where it is, or belongs. */
static size_t place_of(const clv_vector_set *self, const double *vector) {
  size_t low = 0, high = self->n;
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    if (clv_vector_compare(self->vector + middle * self->width, vector, self->width) < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

bool clv_vector_set_add(clv_vector_set *self, const double *vector) {
  const size_t at = place_of(self, vector), width = self->width;
  double      *to = self->vector + at * width;
  if (self->is_void || (at < self->n && clv_vector_compare(to, vector, width) == 0)) return !self->is_void;
  self->is_void = self->n == self->most;
  if (self->is_void) return false;
  memmove(to + width, to, (self->n - at) * width * sizeof *to);
  memcpy(to, vector, width * sizeof *to);
  self->n++;
  return true;
}

clv_status clv_vector_set_unite(clv_vector_set *self, const clv_comm *comm) {
  double    *all     = NULL;
  size_t     bytes   = 0;
  int64_t    is_void = self->is_void;
  clv_status st      = CLV_OK;
  clv_comm_max_i64(comm, &is_void, 1);
  self->is_void = is_void != 0;
  if (self->is_void) return CLV_OK;
  CLV_TRY(clv_comm_allgatherv(comm, self->vector, self->n * self->width * sizeof *all, (void **)&all, &bytes,
                              NULL));
  for (size_t i = 0; i < bytes / (self->width * sizeof *all); i++)
    if (!clv_vector_set_add(self, all + i * self->width)) break;
out:
  free(all);
  return st;
}

size_t        clv_vector_set_n(const clv_vector_set *self) { return self->is_void ? 0 : self->n; }
const double *clv_vector_set_at(const clv_vector_set *self, size_t i) {
  return self->vector + i * self->width;
}
size_t clv_vector_set_find(const clv_vector_set *self, const double *vector) {
  return place_of(self, vector);
}
