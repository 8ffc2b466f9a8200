#ifndef CLV_ENGINE_MODELS_GAMMA_VALUE_GRID_H
#define CLV_ENGINE_MODELS_GAMMA_VALUE_GRID_H

#include "engine/numerics/isa.h"
#include "engine/numerics/rng.h"

/** Population of (a, e), a customer's log shape and log mean amount: bivariate normal. */
typedef struct clv_gamma_value_prior {
  double mean[2], sd[2], rho;
  double rest; /* 1 - rho^2, without cancellation */
} clv_gamma_value_prior;

/** What a customer's amounts say: their number, the log of their mean, and by how much that lies above the
 * mean of their logs (>= 0; 0 for equal amounts). */
typedef struct clv_gamma_value_record {
  double n, log_mean, gap;
} clv_gamma_value_record;

/** What the population and the amounts together say. */
typedef struct clv_gamma_value_result {
  double log_likelihood; /* of all amounts, but for the sum of their logs */
  double moment[5];      /* expected A, E, A^2, E^2, A E, standardised by the population */
  double mean_amount;    /* expected e^e */
} clv_gamma_value_result;

/** theta: median shape, median mean amount, sd of a, sd of e, (1 + rho) / (1 - rho). Pure. */
clv_gamma_value_prior clv_gamma_value_prior_of(const double *theta);

/** n > 0 amounts, their mean, and the mean of their logs. Pure. */
clv_gamma_value_record clv_gamma_value_record_of(double n, double mean, double mean_log);

/** alpha log alpha - log Gamma(alpha) - alpha. Pure. */
double clv_gamma_value_peak(double alpha);

/** How far rows reach from their mode in a, downwards and upwards. @param sd  by the curvature there. Pure.
 */
void clv_gamma_value_row_ends(const clv_gamma_value_prior *prior, const clv_gamma_value_record *record,
                              double mode, double sd, double ends[2]);

/** A row's integral over u, given y = kappa e^-mode s^2, with s the sd of e given a: it is normal about the
 * mode, with sd = s / sqrt(1 + y), but for a factor. With t = u - mode. Pure.
 *  @param[out] value [3] log of the factor, E t / s^2, E t^2 / sd^2 */
void clv_gamma_value_factor(double s, double y, clv_isa isa, unsigned refine, double value[3]);

/** Both integrals by the trapezoid rule, on lattices through the conditional modes, no step longer than 0.65
 * conditional standard deviations. Pure.
 *  @param refine  halves the steps so many times, over the same range */
void clv_gamma_value_integrate(const clv_gamma_value_prior *prior, const clv_gamma_value_record *record,
                               clv_isa isa, unsigned refine, clv_gamma_value_result *out);

/** A draw of the customer's (a, e), by inverse CDF on a grid of a sixth of a standard deviation. Pure.
 *  @param[out] latent [2] */
void clv_gamma_value_draw(const clv_gamma_value_prior *prior, const clv_gamma_value_record *record,
                          clv_isa isa, clv_rng *rng, double *latent);

#endif
