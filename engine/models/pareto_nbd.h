#ifndef CLV_ENGINE_MODELS_PARETO_NBD_H
#define CLV_ENGINE_MODELS_PARETO_NBD_H

#include "engine/models/likelihood.h"
#include "engine/models/process.h"
#include "engine/models/purchases.h"

/** Pareto/NBD, customers integrated out (Schmittlein, Morrison & Colombo 1987, Management Science 33(1)):
 * purchases at rate lambda ~ Gamma(r, alpha) during a lifetime of rate mu ~ Gamma(s, beta), unobserved.
 * Overrides of priors by r, alpha, s, beta. As clv_purchases_new. */
clv_status clv_pareto_nbd_new(const clv_purchase_data *data, clv_model *out);

extern const clv_coordinates CLV_PARETO_COORDINATES;

extern const clv_process_ops CLV_PARETO_NBD_PROCESS;

#endif
