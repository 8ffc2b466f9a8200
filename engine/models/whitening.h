#ifndef CLV_ENGINE_MODELS_WHITENING_H
#define CLV_ENGINE_MODELS_WHITENING_H

#include "engine/models/likelihood.h"

/** Coordinates xi of one segment in which its posterior is about N(0, I), whatever the population is, and
 * however much or little is known of it: docs/pooling.md.
 *
 *  Let the segment's log-likelihood be about score'(u - estimate) - (u - estimate)' information
 * (u - estimate) / 2. Under u ~ N(m, diag(tau²)), its posterior is then normal, and xi standardises it:
 *
 *      u = m + T e,  e = P^-1 T (score + information (estimate - m)) + L^-T xi,
 *      T = diag(tau),  P = I + T information T = L L'.
 *
 *  Without information e = xi: the non-centred form. With much, u = estimate + information^-1/2 xi: the
 * centred form. Between them, and between coordinates, it is continuous. The three constants make the sampler
 * fast; any values leave the posterior as it is. A value type. */
typedef struct clv_whitening {
  double estimate[CLV_SEGMENT_PARAMETER_MAX];
  double score[CLV_SEGMENT_PARAMETER_MAX];
  double
      information[CLV_SEGMENT_PARAMETER_MAX * CLV_SEGMENT_PARAMETER_MAX]; /* [n][n], positive semidefinite */
} clv_whitening;

/** Where one point of a chain puts the segment, and what the gradient needs of the way there. */
typedef struct clv_whitened {
  double u[CLV_SEGMENT_PARAMETER_MAX]; /* the segment's coordinates */
  double e[CLV_SEGMENT_PARAMETER_MAX]; /* (u - m) / tau */
  /** log N(e; 0, I) + log |de / dxi|: log density of xi given m and tau, before any data */
  double log_prior;
  double centre[CLV_SEGMENT_PARAMETER_MAX]; /* e where xi = 0 */
  double pull[CLV_SEGMENT_PARAMETER_MAX];   /* score + information (estimate - m) */
  double factor[CLV_SEGMENT_PARAMETER_MAX * CLV_SEGMENT_PARAMETER_MAX]; /* L */
} clv_whitened;

/** xi -> u. Pure function. Not collective. */
void clv_whitening_apply(const clv_whitening *self, size_t n, const double *m, const double *tau,
                         const double *xi, clv_whitened *out);

/** (u - m) / tau -> xi: the inverse, for prior draws. Not collective. */
void clv_whitening_invert(const clv_whitening *self, size_t n, const double *m, const double *tau,
                          const double *e, double *xi);

/** Gradient of log_prior plus a function of u whose gradient is `by_u`. Not collective.
 *  @param at  of clv_whitening_apply at this point
 *  @param[out] by_xi [n]  @param[in,out] by_m, by_log_tau  [n], added to */
void clv_whitening_gradient(const clv_whitening *self, size_t n, const double *tau, const double *xi,
                            const clv_whitened *at, const double *by_u, double *by_xi, double *by_m,
                            double *by_log_tau);

#endif
