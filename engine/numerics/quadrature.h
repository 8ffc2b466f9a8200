#ifndef CLV_ENGINE_NUMERICS_QUADRATURE_H
#define CLV_ENGINE_NUMERICS_QUADRATURE_H

#include <stddef.h>

enum { CLV_GAUSS_POINTS = 16, CLV_GAUSS_POINTS_MOST = 20 };

/** Gauss-Legendre nodes and weights on [0, 1]. Exact for polynomials up to degree 31. Pure. */
void clv_gauss_legendre(double node[CLV_GAUSS_POINTS], double weight[CLV_GAUSS_POINTS]);

/** Gauss-Legendre with n nodes on [0, 1]; node and weight [n]. */
typedef struct clv_gauss_rule {
  int           n;
  const double *node, *weight;
} clv_gauss_rule;

/** The rule of 8, 12 or 20 nodes that has at least n_least, or else that of 20. Pure. */
const clv_gauss_rule *clv_gauss_rule_find(int n_least);

/** An integrand on (0, 1), given p and 1 - p, both without cancellation, and their logarithms. */
typedef struct clv_unit_point {
  double p, rest, log_p, log_rest;
} clv_unit_point;
typedef double (*clv_unit_integrand)(const void *context, const clv_unit_point *at);

/** Integral over (0, 1) by the tanh-sinh rule (Takahasi & Mori 1974): algebraic singularities at both ends
 * cost nothing. About 1e-12 relative where the integrand is analytic inside. Pure. */
double clv_unit_integral(clv_unit_integrand f, const void *context);

/** The same for an integrand that is nothing beyond these values of log(p / (1 - p)), which spares looking
 * there. */
double clv_unit_integral_between(clv_unit_integrand f, const void *context, double logit_low,
                                 double logit_high);

#endif
