#ifndef CLV_ENGINE_MODELS_GAMMA_VALUE_LATENT_KERNEL_H
#define CLV_ENGINE_MODELS_GAMMA_VALUE_LATENT_KERNEL_H

#include <stddef.h>

#include "engine/numerics/isa.h"

/** phi: mean of a = log shape and of e = log mean amount, logs of their deviations, inverse tanh of their
 * correlation. A customer's terms: mean and log deviation of A, his standardised a, at phi_0, then the slopes
 * of either in phi. */
enum { CLV_GAMMA_LATENT_PHI = 5, CLV_GAMMA_LATENT_TERMS = 12, CLV_GAMMA_LATENT_SUMS = 6 };

/** Customers of one block, see clv_gamma_value_record. Arrays [n], n a multiple of 8; places without a
 * customer hold zeros. */
typedef struct clv_gamma_latent_rows {
  size_t        n;
  const double *number, *log_mean, *gap;
  const float  *centring; /* [CLV_GAMMA_LATENT_TERMS][n] */
} clv_gamma_latent_rows;

/** The population: a = mean[0] + sd[0] A, e = mean[1] + sd[1] (rho A + root B) with A, B ~ N(0, 1); and how
 * far phi is from phi_0. */
typedef struct clv_gamma_latent_scales {
  double mean[2], sd[2], rho, root; /* root: √(1 - rho²) */
  double moved[CLV_GAMMA_LATENT_PHI];
} clv_gamma_latent_scales;

/** Coordinates z of a customer: A = mean + deviation z_0, both following phi from phi_0 on; and e given a by
 * its mean and deviation were the amounts' likelihood normal, of precision kappa = n alpha around log_mean:
 *
 *     B = g D / s + h z_1,   s = sd[1] root,  q = kappa s²,  g = q / (1 + q),  h = 1 / √(1 + q),
 *     D = log_mean - (mean of e given a).
 *
 * So z_1 is about N(0, 1) whatever alpha is, though e is known to 1 / √kappa only.
 *
 * Adds to sum [0] log L (but for the logs of the amounts) - (A² + B²) / 2 - log(1 + q) / 2, the log-density
 * of z but for the deviations of A, and to [1 … 5] its derivatives in phi at fixed z; writes those in z.
 *  @param z, gradient  [2][n] */
CLV_KERNEL_DECLARE(void, clv_gamma_value_latent,
                   (const clv_gamma_latent_rows *rows, const clv_gamma_latent_scales *to, const double *z,
                    double *gradient, double *sum));

#endif
