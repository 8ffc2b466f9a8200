#ifndef CLV_ENGINE_MODELS_LOGNORMAL_RATES_H
#define CLV_ENGINE_MODELS_LOGNORMAL_RATES_H

#include "engine/models/process.h"

/** Of CLV_PARETO_NBD_LOGNORMAL_PROCESS, several answers from one grid: placing it is most of what they cost.
 */

/** @param[out] alive  its p_alive  @return its log_likelihood. Pure. */
double clv_lognormal_log_likelihood(const double *theta, const clv_customer *who, double *alive);

/** Its `discounted` over every span. @param updated  from its update  @param[out] purchases [n]. Pure. */
void clv_lognormal_discounted(const double *updated, const clv_spans *over, double *purchases);

#endif
