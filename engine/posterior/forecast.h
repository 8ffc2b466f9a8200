#ifndef CLV_ENGINE_POSTERIOR_FORECAST_H
#define CLV_ENGINE_POSTERIOR_FORECAST_H

#include <stdbool.h>

#include "comm/comm.h"
#include "engine/models/process.h"
#include "engine/posterior/draw_summary.h"
#include "engine/posterior/theta_draws.h"

enum { CLV_HORIZON_MAX = 16 };

/** What is forecast, and with which posterior draws. Everything is borrowed. */
typedef struct clv_forecast_plan {
  const clv_process_ops *process;
  const clv_spend_ops   *spend; /* NULL: purchases only */
  size_t                 n_draw, n_segment;
  const double          *theta;              /* [n_draw][n_segment][process->n_parameter] */
  const double          *spend_theta;        /* [n_draw][n_segment][spend->n_parameter] */
  clv_draw_shift         shift, spend_shift; /* of covariates, where they act */
  size_t                 n_covariate;        /* of a row */
  /* With covariates: vectors of which there are so few that a table over T for each, with a segment and an x,
   * is cheaper than asking for every customer. NULL: everybody is asked for. */
  const double *vector; /* [n_vector][n_covariate] */
  size_t        n_vector;
  size_t        n_horizon, n_quantile;
  const double *horizon;  /* [n_horizon] in time units */
  const double *quantile; /* [n_quantile] ascending, in (0, 1) */
  double        delta;    /* continuous discount rate per time unit */
  double        margin;
  double        T_least, T_most; /* over the whole portfolio */
} clv_forecast_plan;

/** One customer. */
typedef struct clv_forecast_row {
  clv_customer who;
  uint32_t     segment;
  uint32_t     place; /* which row of the result is his */
  /* less their centres [n_covariate], borrowed; NULL: none, or all at their centres */
  const double *covariate;
  size_t        n_covariate;
} clv_forecast_row;

/** The forecast quantities, in the order of the result: p_alive; expected_purchases per horizon; with a spend
 * model expected_spend, clv per horizon, and clv_forever where delta > 0. Each is a mean, a standard
 * deviation and the quantiles over posterior draws. */
typedef struct clv_forecast clv_forecast;

/** @param plan  copied. Not collective. */
clv_status clv_forecast_new(const clv_forecast_plan *plan, clv_forecast **out);
void       clv_forecast_free(clv_forecast **self);

size_t                 clv_forecast_n_quantity(const clv_forecast *self);
size_t                 clv_forecast_n_draw(const clv_forecast *self);
const clv_process_ops *clv_forecast_process(const clv_forecast *self);
/** Numbers of one customer: quantities × (2 + quantiles). */
size_t clv_forecast_width(const clv_forecast *self);

/** Customers whose residual process differs in T alone. */
typedef struct clv_forecast_key {
  uint32_t segment, x;
  uint64_t n; /* how many distinct histories of the portfolio */
} clv_forecast_key;

/** Tabulate the alive customer's residual process over T, for every draw, for those of the keys where that is
 * cheaper than asking for every customer: the work is shared among the ranks. Keys that are not listed here
 * are tabulated when they are met. Without covariates only. Collective.
 *  @param key [n] ascending by segment and x, the same on every rank */
clv_status clv_forecast_tabulate(clv_forecast *self, const clv_comm *comm, const clv_forecast_key *key,
                                 size_t n);

/** Summaries of n customers, the same bits however customers are cut into calls and ranks. Not collective.
 * Reorders `row`.
 *  @param[out] result [n][width], row `place` for each customer */
clv_status clv_forecast_summarise(clv_forecast *self, size_t n, clv_forecast_row *row, double *result);

/** One customer's quantities under each draw. Not collective. @param[out] draws [n_quantity][n_draw] */
clv_status clv_forecast_draws(clv_forecast *self, const clv_forecast_row *row, double *draws);

/** Parameters of the last customer whose draws were asked for, under each draw; good until the next call. Not
 * collective. */
clv_theta_view clv_forecast_theta(const clv_forecast *self);

/** A customer of whom nothing is known but the segment, with covariates at their centres. Not collective.
 * @param[out] result [width] */
void clv_forecast_new_customer(clv_forecast *self, uint32_t segment, double *result);

#endif
