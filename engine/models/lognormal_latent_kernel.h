#ifndef CLV_ENGINE_MODELS_LOGNORMAL_LATENT_KERNEL_H
#define CLV_ENGINE_MODELS_LOGNORMAL_LATENT_KERNEL_H

#include <stddef.h>

#include "engine/numerics/isa.h"

/** Histories of one block. Arrays [n], n a multiple of 8; places without a customer hold zeros. */
typedef struct clv_lognormal_histories {
  size_t        n;
  const double *x, *t_x, *rest; /* rest: T - t_x */
  const float  *centring;       /* [CLV_CENTRING_TERMS][n] */
} clv_lognormal_histories;

/** The population: log lambda = mean[0] + sd[0] u_0, log mu = mean[1] + sd[1] (rho u_0 + root u_1); and how
 * far phi is from the centring's phi_0. */
typedef struct clv_lognormal_scales {
  double mean[2], sd[2], rho, root; /* root: √(1 - rho²) */
  double moved[5];                  /* phi - phi_0 */
} clv_lognormal_scales;

enum { CLV_LOGNORMAL_LATENT_SUMS = 6 };

/** Adds to sum [0] log L - (u_0² + u_1²) / 2 + log d u_1 / d z_1 with L the individual Pareto/NBD likelihood,
 * and [1 … 5] its derivatives in phi (means, log deviations, inverse tanh of rho) at fixed z; writes those in
 * z.
 *  @param z, gradient  [2][n] */
CLV_KERNEL_DECLARE(void, clv_lognormal_latent,
                   (const clv_lognormal_histories *rows, const clv_lognormal_scales *to, const double *z,
                    double *gradient, double *sum));

#endif
