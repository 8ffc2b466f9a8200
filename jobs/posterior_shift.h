#ifndef CLV_JOBS_POSTERIOR_SHIFT_H
#define CLV_JOBS_POSTERIOR_SHIFT_H

#include "engine/posterior/theta_draws.h"
#include "io/trace.h"
#include "jobs/covariates.h"
#include "jobs/posterior_theta.h"

/** Posterior draws of the coefficients of a process or a spend model. `out` of the constructor must not be
 * moved afterwards. */
typedef struct clv_posterior_shift {
  clv_shifts     shifts;
  double        *gamma; /* owned [n_draw][n_coefficient] */
  clv_draw_shift shift; /* of the above; empty where no covariates act */
} clv_posterior_shift;

/** Of both, for the draws that clv_theta_take took. Columns are those of the portfolio. Not collective.
 *  @param spend  NULL: no spend model  @param theta  of the process: how many draws
 *  @return CLV_EDATA where the trace was fitted with other covariates */
clv_status clv_posterior_shifts_take(const clv_draws *draws, const clv_portfolio *portfolio,
                                     const clv_config *config, const clv_process_ops *process,
                                     const clv_spend_ops *spend, const clv_theta *theta,
                                     clv_posterior_shift out[2]);
void       clv_posterior_shifts_free(clv_posterior_shift self[2]);

/** Covariates of customers less their centres, in place. Not collective. */
void clv_covariates_center(const clv_portfolio *portfolio, clv_customer_columns *c);

#endif
