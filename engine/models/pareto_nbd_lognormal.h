#ifndef CLV_ENGINE_MODELS_PARETO_NBD_LOGNORMAL_H
#define CLV_ENGINE_MODELS_PARETO_NBD_LOGNORMAL_H

#include "engine/models/purchases.h"

/** Pareto/NBD with log-normal customers, integrated out on a grid (Abe 2009, Marketing Science 28(3), without
 * covariates): (log lambda, log mu) is bivariate normal, its correlation LKJ(2). The likelihood of a customer
 * given both is Fader & Hardie 2005's, alive or dead summed out. Overrides of priors by mean_log_lambda,
 * mean_log_mu, sd_log_lambda, sd_log_mu, correlation. As clv_purchases_new.
 *  @return CLV_EDATA for a customer with more purchases than the grid resolves (2000) */
clv_status clv_pareto_nbd_lognormal_new(const clv_purchase_data *data, clv_model *out);

/** The same on a grid of half the step, to see what the step costs; customers of up to 500 purchases. */
clv_status clv_pareto_nbd_lognormal_new_fine(const clv_purchase_data *data, clv_model *out);

#endif
