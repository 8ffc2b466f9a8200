#ifndef CLV_ENGINE_MODELS_REGRESSION_H
#define CLV_ENGINE_MODELS_REGRESSION_H

#include "engine/models/hierarchy.h"
#include "engine/models/shifted.h"

/** Covariates for any model that is a hierarchy over a likelihood. The hierarchy is built on a likelihood
 * that stands for the shifted one, and then wrapped: the wrapped model has the hierarchy's coordinates,
 * variables and priors, and behind them coefficients that all segments share. */
typedef struct clv_regression clv_regression;

/** The model's part of a plan. Borrowed, during the constructor only, but for `effect` and `parameter`. */
typedef struct clv_regression_plan {
  const clv_covariates  *covariates; /* NULL, or none that act on it: no regression */
  const clv_prior_texts *priors;     /* overrides by gamma_purchases and so on; may be NULL */
  size_t                 n_parameter, n_effect;
  const char *const     *parameter;
  const clv_effect      *effect;
  clv_shifted_plan       data; /* its shifts and covariates are filled in */
} clv_regression_plan;

/** The likelihood that a model's hierarchy is built on: the shifted one where coefficients are 0. Without
 * covariates the model's own, and *regression stays NULL. Collective over the data's communicator.
 *  @param[out] out  borrows from *regression, which must outlive it
 *  @return CLV_EUSAGE for a prior that cannot be read */
clv_status clv_regression_likelihood(const clv_regression_plan *plan, clv_regression **regression,
                                     clv_likelihood *out);
void       clv_regression_free(clv_regression **self);

/** The hierarchy with coefficients. Not collective.
 *  @param regression  taken over (emptied); NULL: nothing is done  @param model  built on its likelihood;
 * replaced */
void clv_regression_wrap(clv_regression **regression, clv_model *model);

#endif
