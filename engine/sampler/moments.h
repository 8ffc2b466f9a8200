#ifndef CLV_ENGINE_SAMPLER_MOMENTS_H
#define CLV_ENGINE_SAMPLER_MOMENTS_H

#include <stdbool.h>

#include "engine/sampler/slab.h"

/** Running means and centred second moments of draws x and of their gradients g, added in draw order (Welford
 * 1962; dense: lower triangle): a view on a slab. */
typedef struct clv_moments {
  size_t  dim;
  bool    dense;
  double *n;      /* [1] draws */
  double *mean_x; /* [dim] */
  double *mean_g; /* [dim] */
  double *sum_x;  /* Σ (x - mean)(x - mean)': dense [dim][dim], lower; diagonal [dim] */
  double *sum_g;
} clv_moments;

void clv_moments_cut(clv_slab *slab, size_t dim, bool dense, clv_moments *out);
void clv_moments_clear(clv_moments *self);
void clv_moments_copy(const clv_moments *from, clv_moments *to);
void clv_moments_add(clv_moments *self, const double *x, const double *g);

/** Add another chain's moments within that chain: counts and centred sums, not the distance between the
 * means, so that chains that have not met do not widen the metric. The divisor of a covariance then is one
 * too large per further chain; it is the same for draws and gradients and cancels in the metric. */
void clv_moments_pool(clv_moments *self, const clv_moments *other);

#endif
