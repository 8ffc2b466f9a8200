#include "engine/sampler/metric.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/numerics/dense.h"

bool clv_metric_is_dense(size_t dim) { return dim <= CLV_METRIC_DENSE_MOST; }

static size_t metric_width(size_t dim) { return clv_metric_is_dense(dim) ? dim * dim : dim; }

void clv_metric_cut(clv_slab *slab, size_t dim, clv_metric *out) {
  out->dim     = dim;
  out->inverse = clv_slab_doubles(slab, metric_width(dim));
  out->factor  = clv_slab_doubles(slab, metric_width(dim));
}

void clv_metric_copy(const clv_metric *from, clv_metric *to) {
  const size_t bytes = metric_width(from->dim) * sizeof(double);
  memcpy(to->inverse, from->inverse, bytes);
  memcpy(to->factor, from->factor, bytes);
}

void clv_metric_set_diagonal(clv_metric *self, const double *variance) {
  const size_t width = metric_width(self->dim), step = clv_metric_is_dense(self->dim) ? self->dim + 1 : 1;
  memset(self->inverse, 0, width * sizeof *self->inverse);
  memset(self->factor, 0, width * sizeof *self->factor);
  for (size_t i = 0; i < self->dim; i++) {
    self->inverse[i * step] = variance[i];
    self->factor[i * step]  = sqrt(variance[i]);
  }
}

bool clv_metric_set(clv_metric *self, const double *inverse) {
  const size_t dim = self->dim, width = metric_width(dim);
  for (size_t i = 0; i < width; i++)
    if (!isfinite(inverse[i])) return false;
  if (clv_metric_is_dense(dim)) {
    if (!clv_dense_cholesky(dim, inverse, self->factor)) return false;
  } else {
    for (size_t i = 0; i < dim; i++) {
      if (!(inverse[i] > 0.0)) return false;
      self->factor[i] = sqrt(inverse[i]);
    }
  }
  memcpy(self->inverse, inverse, width * sizeof *inverse);
  return true;
}

void clv_metric_velocity(const clv_metric *self, const double *momentum, double *velocity) {
  const size_t dim = self->dim;
  if (!clv_metric_is_dense(dim)) {
    for (size_t i = 0; i < dim; i++) velocity[i] = self->inverse[i] * momentum[i];
    return;
  }
  memset(velocity, 0, dim * sizeof *velocity);
  for (size_t j = 0; j < dim;
       j++) { /* by columns, which are rows: the compiler may use vectors without changing the sums */
    const double *column = self->inverse + j * dim, p = momentum[j];
    for (size_t i = 0; i < dim; i++) velocity[i] += column[i] * p;
  }
}

void clv_metric_momentum(const clv_metric *self, clv_rng *rng, double *momentum) {
  const size_t dim = self->dim;
  for (size_t i = 0; i < dim; i++) momentum[i] = clv_rng_normal(rng);
  if (!clv_metric_is_dense(dim)) {
    for (size_t i = 0; i < dim; i++) momentum[i] /= self->factor[i];
    return;
  }
  for (size_t i = dim; i-- > 0;) { /* L' p = z, from the last row up */
    const double *row = self->factor + i * dim;
    momentum[i] /= row[i];
    for (size_t j = 0; j < i; j++) momentum[j] -= row[j] * momentum[i];
  }
}

void clv_metric_push(const clv_metric *self, const double *gradient, double *push) {
  const size_t dim   = self->dim;
  const bool   dense = clv_metric_is_dense(dim);
  for (size_t j = 0; j < dim; j++) push[j] = dense ? 0.0 : self->factor[j] * gradient[j];
  for (size_t i = 0; i < dim && dense; i++)
    for (size_t j = 0; j <= i; j++) push[j] += self->factor[i * dim + j] * gradient[i];
}

void clv_metric_drift(const clv_metric *self, const double *whitened, double *velocity) {
  const size_t dim   = self->dim;
  const bool   dense = clv_metric_is_dense(dim);
  for (size_t i = 0; i < dim; i++)
    velocity[i] =
        dense ? clv_dense_dot(i + 1, self->factor + i * dim, whitened) : self->factor[i] * whitened[i];
}

/* sigma_i² = √(Var x_i / Var g_i), or the present scale where a coordinate has no spread. */
static void metric_scale(const clv_metric *self, const clv_moments *moments, double *variance) {
  const size_t dim = self->dim, step = clv_metric_is_dense(dim) ? dim + 1 : 1;
  for (size_t i = 0; i < dim; i++) {
    const double fisher = sqrt(moments->sum_x[i * step] / moments->sum_g[i * step]);
    variance[i] = isfinite(fisher) && fisher > 1e-200 && fisher < 1e200 ? fisher : self->inverse[i * step];
  }
}

/* Both covariances in scaled coordinates, drawn towards the identity. sum: centred sums, lower; scale: [dim].
 */
static void metric_scaled(const clv_moments *moments, const double *sum, const double *scale, double *out) {
  const size_t dim = moments->dim;
  const double n = *moments->n, weight = n / (n + CLV_METRIC_PRIOR_DRAWS);
  for (size_t i = 0; i < dim; i++)
    for (size_t j = 0; j <= i; j++) {
      const double covariance = sum[i * dim + j] / (n - 1.0) * scale[i] * scale[j];
      const double value      = weight * covariance + (i == j ? 1.0 - weight : 0.0);
      out[i * dim + j] = out[j * dim + i] = value;
    }
}

struct clv_metric_room {
  double    *variance; /* owned, [dim]; all below only where the metric is dense */
  clv_dense *dense;    /* owned */
  double    *x;        /* owned, [dim][dim]: Cov(x), scaled */
  double    *g;        /* owned, [dim][dim]: Cov(g), scaled; then its inverse */
  double    *mean;     /* owned, [dim][dim] */
  double    *scale;    /* owned, [dim] */
};

clv_status clv_metric_room_new(size_t dim, clv_metric_room **out) {
  clv_metric_room *self = NULL;
  clv_status       st   = CLV_OK;
  CLV_TRY(clv_calloc(1, sizeof *self, (void **)&self));
  CLV_TRY(clv_calloc(dim, sizeof(double), (void **)&self->variance));
  if (clv_metric_is_dense(dim)) {
    CLV_TRY(clv_dense_new(dim, &self->dense));
    CLV_TRY(clv_calloc(dim, dim * sizeof(double), (void **)&self->x));
    CLV_TRY(clv_calloc(dim, dim * sizeof(double), (void **)&self->g));
    CLV_TRY(clv_calloc(dim, dim * sizeof(double), (void **)&self->mean));
    CLV_TRY(clv_calloc(dim, sizeof(double), (void **)&self->scale));
  }
  *out = self, self = NULL;
out:
  clv_metric_room_free(&self);
  return st;
}

void clv_metric_room_free(clv_metric_room **self) {
  if (self == NULL || *self == NULL) return;
  clv_dense_free(&(*self)->dense);
  free((*self)->variance), free((*self)->x), free((*self)->g), free((*self)->mean), free((*self)->scale);
  free(*self);
  *self = NULL;
}

/* M^-1 = S (Cov(g)^-1 # Cov(x)) S with S = diag(sigma); false where a matrix was not positive definite. */
static bool metric_fisher(clv_metric *self, const clv_moments *moments, clv_metric_room *at) {
  const size_t dim = self->dim;
  for (size_t i = 0; i < dim; i++) at->scale[i] = sqrt(at->variance[i]);
  metric_scaled(moments, moments->sum_g, at->scale, at->g);
  for (size_t i = 0; i < dim; i++) at->scale[i] = 1.0 / at->scale[i];
  metric_scaled(moments, moments->sum_x, at->scale, at->x);
  if (!clv_dense_cholesky(dim, at->g, at->mean)) return false;
  clv_dense_cholesky_inverse(dim, at->mean, at->g);
  if (!clv_dense_geometric_mean(at->dense, at->g, at->x, at->mean)) return false;
  for (size_t i = 0; i < dim; i++)
    for (size_t j = 0; j < dim; j++) at->mean[i * dim + j] /= at->scale[i] * at->scale[j];
  if (!clv_dense_cholesky(dim, at->mean, at->x)) return false;
  memcpy(self->inverse, at->mean, dim * dim * sizeof *at->mean);
  memcpy(self->factor, at->x, dim * dim * sizeof *at->x);
  return true;
}

bool clv_metric_adapt(clv_metric *self, const clv_moments *moments, clv_metric_room *room) {
  if (!(*moments->n >= CLV_METRIC_FEWEST)) return false;
  metric_scale(self, moments, room->variance);
  if (!clv_metric_is_dense(self->dim) || !metric_fisher(self, moments, room))
    clv_metric_set_diagonal(self, room->variance);
  return true;
}
