#ifndef CLV_ENGINE_MODELS_PARETO_NBD_ENDING_H
#define CLV_ENGINE_MODELS_PARETO_NBD_ENDING_H

#include "engine/models/process.h"
#include "engine/numerics/quadrature.h"

/* The one integral of the Pareto/NBD, over the last moment tau in (t_x, T) of a customer who is dead:
 *
 *   L / (Gamma(r+x) / Gamma(r) alpha^r beta^s) = (alpha+T)^-(r+x) (beta+T)^-s
 *                                                + s int (alpha+tau)^-(r+x) (beta+tau)^-(s+1) dtau
 *
 * in y = log((m+tau) / (m+t_x)), m = min(alpha, beta), where it is the exponential of a concave function
 * that is analytic in a strip of half-width pi. docs/model_architecture.md has the error bounds. */

/** Beyond a log-drop of CUT nothing is left (e^-34 of the whole). A panel of Gauss-Legendre with 8, 12, 20
 * nodes is good to 1e-12 while steepness (length × slope) and length stay below these. */
#define CLV_PARETO_NBD_CUT 34.0
#define CLV_PARETO_NBD_STEEP_8 2.5
#define CLV_PARETO_NBD_LONG_8 1.0
#define CLV_PARETO_NBD_STEEP_12 10.0
#define CLV_PARETO_NBD_LONG_12 1.5
#define CLV_PARETO_NBD_STEEP_20 40.0
#define CLV_PARETO_NBD_LONG_20 3.0
enum { CLV_PARETO_NBD_PANELS_MOST = 64 };

/** Drop and slope of the integrand's logarithm at y: near · y + far · log(1 + z (e^y - 1)). */
typedef struct clv_pareto_nbd_curve {
  double z;         /* (m+t_x) / (M+t_x), M = max(alpha, beta); in (0, 1] */
  double near, far; /* exponents of m+tau (less one, for dtau = (m+tau) dy) and of M+tau */
  double length;    /* y at T */
} clv_pareto_nbd_curve;

/** How a curve is integrated: `panel` panels over (0, cut), each by `rule`. */
typedef struct clv_pareto_nbd_plan {
  double                cut;
  int                   n_panel;
  const clv_gauss_rule *rule;
} clv_pareto_nbd_plan;

/** By steepness and length of the part before the cut. Pure. */
clv_pareto_nbd_plan clv_pareto_nbd_plan_of(double cut, double steepness);
/** A closer cut, for where the curve is much steeper at its end than at its start; and its steepness. Pure.
 */
double clv_pareto_nbd_cut(const clv_pareto_nbd_curve *curve, double cut, double *steepness);

/** A customer's end of activity given his history: alive at T (weight P(alive)), or dead since tau. Means are
 * over both, with tau = T for the living. */
typedef struct clv_pareto_nbd_ending {
  double log_mass;              /* logarithm of the right-hand side above */
  double alive, dead;           /* P(alive), P(dead), both without cancellation */
  double log_alpha, log_beta;   /* E log(alpha+tau), E log(beta+tau) */
  double rate_alpha, rate_beta; /* E (r+x)/(alpha+tau), E (s + [dead])/(beta+tau) */
  double integral;              /* of exp(-drop) over y in (0, length) */
} clv_pareto_nbd_ending;

/** @param theta r, alpha, s, beta. Pure. */
void clv_pareto_nbd_curve_of(const double *theta, const clv_customer *who, clv_pareto_nbd_curve *out);
void clv_pareto_nbd_ending_of(const double *theta, const clv_customer *who, clv_pareto_nbd_ending *out);

#endif
