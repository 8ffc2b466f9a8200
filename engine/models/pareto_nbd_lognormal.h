#ifndef CLV_ENGINE_MODELS_PARETO_NBD_LOGNORMAL_H
#define CLV_ENGINE_MODELS_PARETO_NBD_LOGNORMAL_H

#include "engine/models/lognormal_amounts.h"
#include "engine/models/process.h"
#include "engine/models/purchases.h"

/** Pareto/NBD with log-normal customers, integrated out on a grid (Abe 2009, Marketing Science 28(3)): (log
 * lambda, log mu) is bivariate normal, its correlation LKJ(2). The likelihood of a customer given both is
 * Fader & Hardie 2005's, alive or dead summed out. Covariates move the means. Overrides of priors by
 * mean_log_lambda, mean_log_mu, sd_log_lambda, sd_log_mu, correlation, gamma_purchases, gamma_dropout. As
 * clv_purchases_new; ops->refined halves the grid's steps. */
clv_status clv_pareto_nbd_lognormal_new(const clv_purchase_data *data, clv_model *out);

/** The same with spend as the third dimension: (log lambda, log mu, log eta) is trivariate normal, eta the
 * median of a customer's amounts, whose logs are normal around log eta with one deviation for all customers
 * (after Abe 2015). Priors also by mean_log_spend, sd_log_spend, correlation_lambda_spend,
 * correlation_mu_spend, sd_log_amount, gamma_spend.
 *  @param data  customers one by one, without counts  @param amounts  one for each, borrowed during the call
 */
clv_status clv_pareto_nbd_lognormal_spend_new(const clv_purchase_data     *data,
                                              const clv_lognormal_amounts *amounts, clv_model *out);

/** Forecasts and draws of it, given the ten parameters: purchases, and spend that depends on them. */
extern const clv_process_ops CLV_LOGNORMAL_SPEND_PROCESS;
extern const clv_spend_ops   CLV_LOGNORMAL_SPEND;

/** Forecasts and draws given the five parameters. */
extern const clv_process_ops CLV_PARETO_NBD_LOGNORMAL_PROCESS;

#endif
