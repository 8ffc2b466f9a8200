#ifndef CLV_ENGINE_MODELS_GAMMA_VALUE_SHIFTED_H
#define CLV_ENGINE_MODELS_GAMMA_VALUE_SHIFTED_H

#include "engine/models/shifted.h"

/** What gamma_value is made of. Borrowed, during the constructors only. */
typedef struct clv_gamma_value_source {
  const clv_comm   *comm;
  const clv_spends *spends;
} clv_gamma_value_source;

/** gamma_value with covariates of the mean amount: one pass whatever the vectors are. Collective.
 *  @param plan  its context is a clv_gamma_value_source */
clv_status clv_gamma_value_shifted_new(const clv_shifted_plan *plan, clv_shifted *out);

#endif
