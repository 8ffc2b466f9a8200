#ifndef CLV_ENGINE_POSTERIOR_PSIS_H
#define CLV_ENGINE_POSTERIOR_PSIS_H

#include "comm/status.h"

/** What Pareto-smoothed importance sampling says of one observation. */
typedef struct clv_psis_result {
  double elpd; /* leave-one-out log predictive density */
  double lpd;  /* log predictive density with the observation included; lpd - elpd is its share of p_loo */
  double k;    /* Pareto shape of the importance ratios' tail; INFINITY where the tail is too short to fit */
} clv_psis_result;

/** Workspace for observations with the same number of posterior draws. */
typedef struct clv_psis clv_psis;

/** @param n_draw  S >= 2  @param r_eff  relative efficiency ESS / S of the draws, in (0, 1] or a little above
 *  Not collective. */
clv_status clv_psis_new(size_t n_draw, double r_eff, clv_psis **out);
void       clv_psis_free(clv_psis **self);

/** Leave-one-out from the marginal log-likelihoods of one observation under every draw [n_draw]. Not
 * collective. Source: Vehtari, Simpson, Gelman, Yao & Gabry 2024 (JMLR 25), section 2; the generalised Pareto
 * fit is Zhang & Stephens 2009. */
clv_psis_result clv_psis_loo(clv_psis *self, const double *log_likelihood);

/** Shape above which an estimate is not to be trusted: min(1 - 1 / log10 S, 0.7). Not collective. */
double clv_psis_threshold(size_t n_draw);

/** Shape and scale of a generalised Pareto distribution for n ascending exceedances (Zhang & Stephens 2009),
 * the shape shrunk towards 0.5 with the weight of ten observations. `scratch` holds 30 + sqrt(n) doubles. Not
 * collective. */
void clv_psis_fit(const double *exceedance, size_t n, double *scratch, double *k, double *sigma);

#endif
