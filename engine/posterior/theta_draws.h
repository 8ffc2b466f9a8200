#ifndef CLV_ENGINE_POSTERIOR_THETA_DRAWS_H
#define CLV_ENGINE_POSTERIOR_THETA_DRAWS_H

#include "engine/models/process.h"
#include "engine/models/shifts.h"
#include "engine/models/vector_set.h"

/** Posterior draws of how covariates shift parameters. Borrowed. */
typedef struct clv_draw_shift {
  const clv_shifts *shifts; /* NULL: covariates do not act */
  const double     *gamma;  /* [n_draw][n_coefficient] per unit of the user's columns */
} clv_draw_shift;

/** Posterior draws of natural parameters. Borrowed. */
typedef struct clv_theta_plan {
  size_t         n_draw, n_segment, n_parameter;
  const double  *theta; /* [n_draw][n_segment][n_parameter] where covariates are at their centres */
  clv_draw_shift shift;
} clv_theta_plan;

/** One customer's parameters under every draw, `stride` numbers apart. Borrowed. */
typedef struct clv_theta_view {
  const double *at;
  size_t        stride;
} clv_theta_view;

/** Makes customers' parameters out of the segments'. Customers who follow each other with the same segment
 * and covariates share them. */
typedef struct clv_theta_draws clv_theta_draws;

/** @param plan  copied; what it points to is borrowed. Not collective. */
clv_status clv_theta_draws_new(const clv_theta_plan *plan, clv_theta_draws **out);
void       clv_theta_draws_free(clv_theta_draws **self);

/** Good until the next call. Not collective.
 *  @param w  covariates less their centres; NULL: at their centres */
clv_theta_view clv_theta_draws_of(clv_theta_draws *self, size_t segment, const double *w);

/** P(alive) of the customer whose parameters these are, under each of n draws. Pure. @param[out] alive [n] */
void clv_draws_p_alive(const clv_theta_view *theta, size_t n, const clv_process_ops *process,
                       const clv_customer *who, double *alive);

/** E[spend per purchase | data] likewise. @param[out] spend [n] */
void clv_draws_spend(const clv_theta_view *theta, size_t n, const clv_spend_ops *model,
                     const clv_customer *who, double *spend);

#endif
