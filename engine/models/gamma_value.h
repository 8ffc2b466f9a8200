#ifndef CLV_ENGINE_MODELS_GAMMA_VALUE_H
#define CLV_ENGINE_MODELS_GAMMA_VALUE_H

#include "comm/comm.h"
#include "engine/models/data.h"
#include "engine/models/likelihood.h"
#include "engine/models/model.h"
#include "engine/models/process.h"
#include "engine/models/slots.h"

/** Every amount of a customer ~ Gamma(alpha_i, rate beta_i), (log alpha_i, log alpha_i / beta_i) bivariate
 * normal over customers, who are integrated out on a grid (gamma_value_grid.h). Reports shape and mean_amount
 * (of the median customer, in the user's currency), sd_log_shape, sd_log_mean and correlation_ratio = (1 +
 * rho) / (1 - rho). Collective over `comm`.
 *  @param spends  with mean_log: x amounts, their mean and the mean of their logs */
clv_status clv_gamma_value_new(const clv_comm *comm, const clv_spends *spends, const clv_prior_texts *priors,
                               clv_model *out);
extern const clv_coordinates CLV_GAMMA_VALUE_COORDINATES;

/** The default priors in slots of these coordinates. Pure. @param typical  mean of customers' mean amounts
 *  @param[out] slot  [5] */
void clv_gamma_value_slots(double typical, clv_slot_default *slot);

extern const clv_spend_ops CLV_GAMMA_VALUE_SPEND;

#endif
