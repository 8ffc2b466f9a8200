#include "engine/posterior/evaluation.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "comm/exact_sum.h"
#include "engine/numerics/pinned.h"
#include "engine/posterior/diagnostics.h"

enum { NORMAL_POINTS = 39 }; /* of the noise around an expected total */

/* Sums over customers that are one number each. */
enum {
  COUNT,
  ACTUAL,
  ACTUAL_SPEND,
  ABSOLUTE,
  SQUARE,
  ERROR,
  COVERED,
  BUCKETS,
  N_SUM = BUCKETS + 3 * CLV_EVALUATION_BUCKETS
};

struct clv_evaluation {
  clv_evaluation_plan plan;
  clv_theta_draws    *theta_draws, *spend_draws; /* owned; the latter NULL without a spend model */
  clv_theta_view      spend_theta;               /* of the history at hand */
  clv_exact_sum      *sums; /* owned: N_SUM, then n_draw purchases, n_draw spends, n_simulated counts */
  size_t              width;
  double             *block;    /* owned [width]: sums of one block */
  double             *alive;    /* owned [n_draw]: of the history at hand */
  double             *updated;  /* owned [n_draw][CLV_PARAMETER_MAX] */
  double             *expected; /* owned [n_draw] */
  double             *spend;    /* owned [n_draw]: of the customer at hand */
  double             *drawn;    /* owned [n_simulated]: one customer's simulated purchases */
};

clv_status clv_evaluation_new(const clv_evaluation_plan *plan, clv_evaluation **out) {
  clv_evaluation *self = NULL;
  clv_status      st   = CLV_OK;
  CLV_TRY(clv_calloc(1, sizeof *self, (void **)&self));
  self->plan                 = *plan;
  self->width                = N_SUM + 2 * plan->n_draw + plan->n_simulated;
  const clv_theta_plan theta = {plan->n_draw, plan->n_segment, plan->process->n_parameter, plan->theta,
                                plan->shift};
  CLV_TRY(clv_theta_draws_new(&theta, &self->theta_draws));
  if (plan->spend != NULL)
    CLV_TRY(clv_theta_draws_new(&(clv_theta_plan){plan->n_draw, plan->n_segment, plan->spend->n_parameter,
                                                  plan->spend_theta, plan->spend_shift},
                                &self->spend_draws));
  CLV_TRY(clv_exact_sum_new(self->width, &self->sums));
  CLV_TRY(clv_calloc(self->width, sizeof *self->block, (void **)&self->block));
  CLV_TRY(clv_calloc(plan->n_draw, sizeof *self->alive, (void **)&self->alive));
  CLV_TRY(clv_calloc(plan->n_draw, CLV_PARAMETER_MAX * sizeof *self->updated, (void **)&self->updated));
  CLV_TRY(clv_calloc(plan->n_draw, sizeof *self->expected, (void **)&self->expected));
  CLV_TRY(clv_calloc(plan->n_draw, sizeof *self->spend, (void **)&self->spend));
  CLV_TRY(clv_calloc(plan->n_simulated + 1, sizeof *self->drawn, (void **)&self->drawn));
  *out = self, self = NULL;
out:
  clv_evaluation_free(&self);
  return st;
}

void clv_evaluation_free(clv_evaluation **self) {
  if (self == NULL || *self == NULL) return;
  clv_exact_sum_free(&(*self)->sums);
  free((*self)->block);
  clv_theta_draws_free(&(*self)->theta_draws);
  clv_theta_draws_free(&(*self)->spend_draws);
  free((*self)->alive);
  free((*self)->updated);
  free((*self)->expected);
  free((*self)->spend);
  free((*self)->drawn);
  free(*self);
  *self = NULL;
}

static int row_covariates_compare(const clv_evaluation_row *x, const clv_evaluation_row *y) {
  return x->covariate == NULL || y->covariate == NULL
             ? 0
             : clv_vector_compare(x->covariate, y->covariate, x->n_covariate);
}

static int history_compare(const clv_evaluation_row *x, const clv_evaluation_row *y) {
  if (x->segment != y->segment) return x->segment < y->segment ? -1 : 1;
  const int covariates = row_covariates_compare(x, y);
  if (covariates != 0) return covariates;
  if (x->who.x != y->who.x) return x->who.x < y->who.x ? -1 : 1;
  if (x->who.T != y->who.T) return x->who.T < y->who.T ? -1 : 1;
  return x->who.t_x < y->who.t_x ? -1 : x->who.t_x > y->who.t_x;
}

/* Amounts are part of a history where purchases depend on them. */
static bool is_same_history(const clv_evaluation *self, const clv_evaluation_row *x,
                            const clv_evaluation_row *y) {
  return history_compare(x, y) == 0 &&
         (!self->plan.process->by_amounts ||
          (x->who.n_spend == y->who.n_spend && x->who.log_spend == y->who.log_spend));
}

static int row_compare(const void *a, const void *b) {
  const clv_evaluation_row *x = a, *y = b;
  const int                 history = history_compare(x, y);
  return history != 0 ? history : x->index < y->index ? -1 : x->index > y->index;
}

/* Forecasts under every draw, shared by all customers with this history. */
static void history_forecast(clv_evaluation *self, const clv_evaluation_row *row,
                             const clv_evaluation_row *before) {
  const clv_evaluation_plan *p             = &self->plan;
  const bool                 same_residual = before != NULL && before->segment == row->segment &&
                             row_covariates_compare(before, row) == 0 && before->who.x == row->who.x &&
                             before->who.T == row->who.T && !p->process->by_recency;
  const clv_theta_view view = clv_theta_draws_of(self->theta_draws, row->segment, row->covariate);
  if (p->spend != NULL)
    self->spend_theta = clv_theta_draws_of(self->spend_draws, row->segment, row->covariate);
  clv_draws_p_alive(&view, p->n_draw, p->process, &row->who, self->alive);
  for (size_t s = 0; s < p->n_draw && !same_residual; s++) {
    double *updated = self->updated + s * CLV_PARAMETER_MAX;
    p->process->update(view.at + s * view.stride, &row->who, updated);
    self->expected[s] = p->process->expected(updated, p->length);
  }
}

/* Share of draws that are below / at most what happened: inside the central 90 % unless what happened is in a
 * tail of 5 %. */
static bool is_covered(const double *drawn, size_t n, double bought) {
  size_t below = 0, above = 0;
  for (size_t s = 0; s < n; s++) below += drawn[s]<bought, above += drawn[s]> bought;
  return (double)below <= 0.95 * (double)n && (double)above <= 0.95 * (double)n;
}

static void purchases_simulate(clv_evaluation *self, const clv_evaluation_row *row) {
  const clv_evaluation_plan *p      = &self->plan;
  double                    *totals = self->block + N_SUM + 2 * p->n_draw;
  for (size_t s = 0; s < p->n_simulated; s++) {
    clv_rng    rng   = clv_rng_at(p->seed, CLV_RNG_PREDICTIVE, row->index, 0, (uint32_t)s);
    const bool alive = clv_rng_uniform(&rng) < self->alive[s];
    self->drawn[s]   = alive ? (double)p->process->simulate_alive(self->updated + s * CLV_PARAMETER_MAX,
                                                                  p->length, &rng, NULL, 0)
                             : 0.0;
    totals[s] += self->drawn[s];
  }
  self->block[COVERED] += is_covered(self->drawn, p->n_simulated, (double)row->bought);
}

/* Adds what the customer is expected to spend under each draw. */
static void spends_add(clv_evaluation *self, const clv_evaluation_row *row, double *spends) {
  const clv_evaluation_plan *p     = &self->plan;
  const clv_spans            spans = {.n = 1, .length = &p->length};
  double                     worth[2];
  if (p->spend->worth == NULL) {
    clv_draws_spend(&self->spend_theta, p->n_draw, p->spend, &row->who, self->spend);
    for (size_t s = 0; s < p->n_draw; s++) spends[s] += self->alive[s] * self->expected[s] * self->spend[s];
    return;
  }
  for (size_t s = 0; s < p->n_draw; s++) {
    p->spend->worth(self->spend_theta.at + s * self->spend_theta.stride, &row->who, &spans, worth);
    spends[s] += worth[1];
  }
}

/* Adds the customer to the draws' totals. @return the posterior mean of his purchases */
static double customer_expect(clv_evaluation *self, const clv_evaluation_row *row) {
  const clv_evaluation_plan *p         = &self->plan;
  double                    *purchases = self->block + N_SUM, mean = 0.0;
  for (size_t s = 0; s < p->n_draw; s++) {
    const double expected = self->alive[s] * self->expected[s];
    purchases[s] += expected;
    mean += expected;
  }
  if (p->spend != NULL) spends_add(self, row, purchases + p->n_draw);
  return mean / (double)p->n_draw;
}

static void customer_add(clv_evaluation *self, const clv_evaluation_row *row) {
  const double mean = customer_expect(self, row), bought = (double)row->bought, error = mean - bought;
  const size_t bucket = row->who.x < CLV_EVALUATION_BUCKETS - 1 ? row->who.x : CLV_EVALUATION_BUCKETS - 1;
  double      *b      = self->block;
  b[COUNT] += 1.0;
  b[ACTUAL] += bought;
  b[ACTUAL_SPEND] += row->spent;
  b[ABSOLUTE] += fabs(error);
  b[SQUARE] += error * error;
  b[ERROR] += error;
  b[BUCKETS + bucket] += 1.0;
  b[BUCKETS + CLV_EVALUATION_BUCKETS + bucket] += bought;
  b[BUCKETS + 2 * CLV_EVALUATION_BUCKETS + bucket] += mean;
  purchases_simulate(self, row);
}

void clv_evaluation_add(clv_evaluation *self, size_t n, clv_evaluation_row *row) {
  const clv_evaluation_row *before = NULL;
  memset(self->block, 0, self->width * sizeof *self->block);
  qsort(row, n, sizeof *row, row_compare);
  for (size_t i = 0; i < n; i++) {
    if (before == NULL || !is_same_history(self, before, &row[i])) history_forecast(self, &row[i], before);
    before = &row[i];
    customer_add(self, &row[i]);
  }
  clv_exact_sum_add(self->sums, self->block);
}

/* Quantile of the totals themselves: each draw's expectation, with normal noise of the variance that
 * simulation shows (a sum over customers who are independent given the draw). */
static double predictive_quantile(const double *expected, size_t n, double variance, double probability) {
  double *value = malloc(n * NORMAL_POINTS * sizeof *value), result;
  if (value == NULL) return NAN;
  for (size_t s = 0; s < n; s++)
    for (size_t k = 0; k < NORMAL_POINTS; k++)
      value[s * NORMAL_POINTS + k] =
          expected[s] + sqrt(variance) * clv_normal_quantile(((double)k + 0.5) / NORMAL_POINTS);
  result = clv_quantile(value, n * NORMAL_POINTS, probability);
  free(value);
  return result;
}

static double mean_of(const double *x, size_t n) {
  double sum = 0.0;
  for (size_t i = 0; i < n; i++) sum += x[i];
  return sum / (double)n;
}

static void totals_summarise(const clv_evaluation_plan *p, const double *total, clv_evaluation_result *out) {
  const double *purchases = total + N_SUM, *spends = purchases + p->n_draw, *simulated = spends + p->n_draw;
  double        variance = 0.0;
  for (size_t s = 0; s < p->n_simulated; s++)
    variance += (simulated[s] - purchases[s]) * (simulated[s] - purchases[s]);
  variance /= (double)p->n_simulated;
  out->expected        = mean_of(purchases, p->n_draw);
  out->low             = clv_quantile(purchases, p->n_draw, 0.05);
  out->high            = clv_quantile(purchases, p->n_draw, 0.95);
  out->predictive_low  = predictive_quantile(purchases, p->n_draw, variance, 0.05);
  out->predictive_high = predictive_quantile(purchases, p->n_draw, variance, 0.95);
  out->expected_spend = out->spend_low = out->spend_high = NAN;
  if (p->spend == NULL) return;
  out->expected_spend = mean_of(spends, p->n_draw);
  out->spend_low      = clv_quantile(spends, p->n_draw, 0.05);
  out->spend_high     = clv_quantile(spends, p->n_draw, 0.95);
}

clv_status clv_evaluation_finish(clv_evaluation *self, const clv_comm *comm, clv_evaluation_result *out) {
  double    *total = NULL;
  clv_status st    = clv_alloc(self->width, sizeof *total, (void **)&total);
  CLV_TRY(clv_comm_agree(comm, st));
  CLV_TRY(clv_exact_sum_total(self->sums, comm, total));
  const double n    = total[COUNT];
  out->n_customer   = n;
  out->actual       = total[ACTUAL];
  out->actual_spend = total[ACTUAL_SPEND];
  out->mae          = total[ABSOLUTE] / n;
  out->rmse         = sqrt(total[SQUARE] / n);
  out->bias         = total[ERROR] / n;
  out->coverage     = total[COVERED] / n;
  for (size_t k = 0; k < CLV_EVALUATION_BUCKETS; k++) {
    const double in         = total[BUCKETS + k];
    out->bucket_n[k]        = in;
    out->bucket_actual[k]   = in > 0.0 ? total[BUCKETS + CLV_EVALUATION_BUCKETS + k] / in : NAN;
    out->bucket_expected[k] = in > 0.0 ? total[BUCKETS + 2 * CLV_EVALUATION_BUCKETS + k] / in : NAN;
  }
  totals_summarise(&self->plan, total, out);
out:
  free(total);
  return st;
}
