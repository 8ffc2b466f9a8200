#include "engine/sampler/moments.h"

#include <string.h>

static size_t moments_width(const clv_moments *self) {
  return self->dense ? self->dim * self->dim : self->dim;
}

void clv_moments_cut(clv_slab *slab, size_t dim, bool dense, clv_moments *out) {
  out->dim    = dim;
  out->dense  = dense;
  out->n      = clv_slab_doubles(slab, 1);
  out->mean_x = clv_slab_doubles(slab, dim);
  out->mean_g = clv_slab_doubles(slab, dim);
  out->sum_x  = clv_slab_doubles(slab, moments_width(out));
  out->sum_g  = clv_slab_doubles(slab, moments_width(out));
}

/* The five pieces lie one after the other in the slab. */
static size_t moments_bytes(const clv_moments *self) {
  return (1 + 2 * self->dim + 2 * moments_width(self)) * sizeof(double);
}

void clv_moments_clear(clv_moments *self) { memset(self->n, 0, moments_bytes(self)); }

void clv_moments_copy(const clv_moments *from, clv_moments *to) {
  memcpy(to->n, from->n, moments_bytes(from));
}

/* sum += (n-1)/n d d' with d = x - the mean before; then the mean. */
static void moments_add_one(const clv_moments *self, const double *x, double *mean, double *sum) {
  const double n = *self->n, weight = (n - 1.0) / n;
  for (size_t i = 0; i < self->dim; i++) {
    const double d = weight * (x[i] - mean[i]);
    if (!self->dense) {
      sum[i] += d * (x[i] - mean[i]);
      continue;
    }
    double *row = sum + i * self->dim;
    for (size_t j = 0; j <= i; j++) row[j] += d * (x[j] - mean[j]);
  }
  for (size_t i = 0; i < self->dim; i++) mean[i] += (x[i] - mean[i]) / n;
}

void clv_moments_add(clv_moments *self, const double *x, const double *g) {
  *self->n += 1.0;
  moments_add_one(self, x, self->mean_x, self->sum_x);
  moments_add_one(self, g, self->mean_g, self->sum_g);
}

void clv_moments_pool(clv_moments *self, const clv_moments *other) {
  const size_t width = moments_width(self);
  *self->n += *other->n;
  for (size_t i = 0; i < width; i++) self->sum_x[i] += other->sum_x[i];
  for (size_t i = 0; i < width; i++) self->sum_g[i] += other->sum_g[i];
}
