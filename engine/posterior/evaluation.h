#ifndef CLV_ENGINE_POSTERIOR_EVALUATION_H
#define CLV_ENGINE_POSTERIOR_EVALUATION_H

#include "comm/comm.h"
#include "engine/models/process.h"
#include "engine/posterior/theta_draws.h"

/** Customers are compared by how often they had bought: 0, 1, …, 6 and more. */
enum { CLV_EVALUATION_BUCKETS = 8 };

/** What forecasts are made with. Everything is borrowed. */
typedef struct clv_evaluation_plan {
  const clv_process_ops *process;
  const clv_spend_ops   *spend; /* NULL: no spend model */
  size_t                 n_draw, n_segment;
  const double          *theta;              /* [n_draw][n_segment][process->n_parameter] */
  const double          *spend_theta;        /* [n_draw][n_segment][spend->n_parameter] */
  clv_draw_shift         shift, spend_shift; /* of covariates, where they act */
  size_t                 n_simulated;        /* draws that purchases are simulated for, <= n_draw */
  double                 length;             /* of the holdout, in time units */
  uint64_t               seed;
} clv_evaluation_plan;

/** One customer and what he did in the holdout. */
typedef struct clv_evaluation_row {
  clv_customer who;
  uint64_t     index; /* in the portfolio's order: names the random numbers */
  uint32_t     segment, bought;
  double       spent;
  /* less their centres [n_covariate], borrowed; NULL: none */
  const double *covariate;
  size_t        n_covariate;
} clv_evaluation_row;

/** Forecast against holdout, over all customers of all ranks. */
typedef struct clv_evaluation_result {
  double n_customer;
  double actual, expected, low, high; /* purchases in all: posterior mean, 90 % interval of the expectation */
  double predictive_low, predictive_high;                     /* 90 % interval of the number itself */
  double actual_spend, expected_spend, spend_low, spend_high; /* NaN without a spend model */
  double mae, rmse, bias;                                     /* per customer, of the posterior mean */
  double coverage; /* share of customers inside their own 90 % predictive interval */
  double bucket_n[CLV_EVALUATION_BUCKETS], bucket_actual[CLV_EVALUATION_BUCKETS],
      bucket_expected[CLV_EVALUATION_BUCKETS];
} clv_evaluation_result;

typedef struct clv_evaluation clv_evaluation;

/** @param plan  copied; what it points to is borrowed. Not collective. */
clv_status clv_evaluation_new(const clv_evaluation_plan *plan, clv_evaluation **out);
void       clv_evaluation_free(clv_evaluation **self);

/** Take in one block of customers. Blocks must be cut alike for any number of ranks (comm/blocks.h). Not
 * collective. Reorders `row`. */
void clv_evaluation_add(clv_evaluation *self, size_t n, clv_evaluation_row *row);

/** Everything added by all ranks, the same bits on any number of them. Collective, synchronising. */
clv_status clv_evaluation_finish(clv_evaluation *self, const clv_comm *comm, clv_evaluation_result *out);

#endif
