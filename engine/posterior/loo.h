#ifndef CLV_ENGINE_POSTERIOR_LOO_H
#define CLV_ENGINE_POSTERIOR_LOO_H

#include <stdbool.h>

#include "engine/models/process.h"
#include "engine/posterior/psis.h"
#include "engine/posterior/theta_draws.h"

/** What is left out and predicted: a customer's purchases, his spend, or both. */
typedef enum clv_loo_part { CLV_LOO_PURCHASES, CLV_LOO_SPEND, CLV_LOO_TOTAL, CLV_LOO_PARTS } clv_loo_part;

/** With what customers are predicted. Everything is borrowed. */
typedef struct clv_loo_plan {
  const clv_process_ops *process;
  const clv_spend_ops   *spend; /* NULL: purchases only */
  size_t                 n_draw, n_segment;
  const double          *theta;              /* [n_draw][n_segment][process->n_parameter] */
  const double          *spend_theta;        /* [n_draw][n_segment][spend->n_parameter] */
  clv_draw_shift         shift, spend_shift; /* of covariates, where they act */
  double                 r_eff;              /* of the draws, in (0, 1] */
} clv_loo_plan;

/** One customer. */
typedef struct clv_loo_row {
  clv_customer who;
  uint32_t     segment;
  uint32_t     place;         /* which row of the result is his */
  bool         informs_spend; /* the spend model was fitted to him */
  /* less their centres [n_covariate], borrowed; NULL: none */
  const double *covariate;
  size_t        n_covariate;
} clv_loo_row;

/** Leave-one-customer-out by Pareto-smoothed importance sampling over the marginal likelihood, customers' own
 * parameters integrated out. */
typedef struct clv_loo clv_loo;

/** @param plan  copied. Not collective. */
clv_status clv_loo_new(const clv_loo_plan *plan, clv_loo **out);
void       clv_loo_free(clv_loo **self);

/** Those of one purchase history are computed once. The result is a pure function of a row. Not collective.
 * Reorders `row`.
 *  @param[out] result [n][CLV_LOO_PARTS], row `place` for each customer. NaN in the spend of one who does not
 * inform it; his total is that of his purchases */
void clv_loo_customers(clv_loo *self, size_t n, clv_loo_row *row, clv_psis_result *result);

#endif
