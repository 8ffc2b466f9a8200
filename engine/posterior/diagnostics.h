#ifndef CLV_ENGINE_POSTERIOR_DIAGNOSTICS_H
#define CLV_ENGINE_POSTERIOR_DIAGNOSTICS_H

#include "comm/status.h"

/** Draws of one scalar: value of chain c, draw d at data[c * chain_stride + d * draw_stride]. Borrowed. */
typedef struct clv_series {
  const double *data;
  size_t        n_chain;
  size_t        n_draw;
  size_t        chain_stride;
  size_t        draw_stride;
} clv_series;

/** Vehtari, Gelman, Simpson, Carpenter & Bürkner 2021, as R's posterior package computes them. NaN where
 * undefined (constant draws, fewer than 4 draws). Not collective. */
typedef struct clv_summary {
  double mean, sd;
  double q05, q50, q95;
  double mcse_mean, mcse_sd;
  double ess_bulk, ess_tail;
  double r_hat; /* max of rank-normalised split and folded split */
} clv_summary;

clv_status clv_summarise(const clv_series *series, clv_summary *out);

/** The single statistics, for tests and for reports. Each returns NaN where undefined and allocates its own
 * scratch; NaN too where memory is refused. */
double clv_rhat_rank(const clv_series *series);
double clv_rhat_raw(const clv_series *series); /* neither split nor rank-normalised */
double clv_ess_bulk(const clv_series *series);
double clv_ess_tail(const clv_series *series);
double clv_ess_mean(const clv_series *series);
double clv_ess_sd(const clv_series *series);
double clv_ess_median(const clv_series *series);
double clv_ess_raw(const clv_series *series); /* no split */
double clv_ess_quantile(const clv_series *series, double probability);
double clv_mcse_mean(const clv_series *series);
double clv_mcse_sd(const clv_series *series);
double clv_mcse_quantile(const clv_series *series, double probability);
/** Betancourt 2016: mean of squared energy differences over variance of the energy, of one chain. */
double clv_e_bfmi(const double *energy, size_t n);
/** Type-7 quantile of n values (R's default); sorts a copy. */
double clv_quantile(const double *value, size_t n, double probability);

#endif
