#ifndef CLV_ENGINE_MODELS_PARETO_NBD_LOGNORMAL_H
#define CLV_ENGINE_MODELS_PARETO_NBD_LOGNORMAL_H

#include "engine/models/process.h"
#include "engine/models/purchases.h"

/** Pareto/NBD with log-normal customers, integrated out on a grid (Abe 2009, Marketing Science 28(3)): (log
 * lambda, log mu) is bivariate normal, its correlation LKJ(2). The likelihood of a customer given both is
 * Fader & Hardie 2005's, alive or dead summed out. Covariates move the means. Overrides of priors by
 * mean_log_lambda, mean_log_mu, sd_log_lambda, sd_log_mu, correlation, gamma_purchases, gamma_dropout. As
 * clv_purchases_new; ops->refined halves the grid's steps. */
clv_status clv_pareto_nbd_lognormal_new(const clv_purchase_data *data, clv_model *out);

/** Forecasts and draws given the five parameters. */
extern const clv_process_ops CLV_PARETO_NBD_LOGNORMAL_PROCESS;

#endif
