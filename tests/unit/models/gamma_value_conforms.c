/* gamma_value keeps the promises of model.h: the same posterior from customers in another order; a
 * customer's likelihood and gradient are the model's; covariates multiply his mean amount. */
#include <math.h>
#include <stdio.h>

#include "comm/accumulator.h"
#include "comm/exact_sum.h"
#include "engine/models/conformance.h"
#include "engine/models/conformance_forecast.h"
#include "engine/models/gamma_value.h"
#include "engine/models/shifts.h"

enum { N = 900, SEGMENTS = 2, WAYS = 2, COLUMNS = 2 };

typedef struct made {
  uint32_t     x[N], segment[N];
  double       mean[N], mean_log[N], w[N][COLUMNS];
  clv_customer who[N];
} made;

/* Some steady subscribers with equal amounts, whose likelihood has no mode in the shape. */
static void made_fill(made *m) {
  static const double THETA[SEGMENTS][5] = {{2.0, 30.0, 0.6, 0.5, 1.5}, {6.0, 80.0, 0.3, 0.4, 1.0}};
  for (size_t i = 0; i < N; i++) {
    double  amount[64], total = 0.0, logs = 0.0;
    clv_rng rng   = clv_rng_at(11, CLV_RNG_SIMULATE, i, 0, 0);
    m->segment[i] = i >= 2 * N / 3;
    m->w[i][0] = i % 3 == 0, m->w[i][1] = (double)(i * 7 % N) / N - 0.5; /* as many vectors as customers */
    m->x[i] = 1 + (uint32_t)(clv_rng_exponential(&rng) * 3.0) % 40;
    CLV_GAMMA_VALUE_SPEND.simulate(THETA[m->segment[i]], m->x[i], &rng, amount);
    for (uint32_t k = 0; k < m->x[i]; k++) {
      if (i % 50 == 0) amount[k] = amount[0];
      total += amount[k], logs += log(amount[k]);
    }
    m->mean[i] = total / m->x[i], m->mean_log[i] = logs / m->x[i];
    m->who[i] = (clv_customer){.x              = m->x[i],
                               .n_spend        = m->x[i],
                               .positive_spend = m->mean[i],
                               .spend          = m->mean[i],
                               .log_spend      = m->mean_log[i]};
  }
}

static void made_reverse(const made *from, made *to) {
  for (size_t i = 0; i < N; i++) {
    const size_t k = N - 1 - i;
    to->x[i] = from->x[k], to->segment[i] = from->segment[k], to->mean[i] = from->mean[k],
    to->mean_log[i] = from->mean_log[k], to->w[i][0] = from->w[k][0], to->w[i][1] = from->w[k][1];
  }
}

static clv_spends spends_of(const clv_comm *comm, const made *m, size_t n_segment) {
  const clv_blocks b = clv_blocks_of(N, clv_comm_rank(comm), clv_comm_size(comm));
  return (clv_spends){.blocks         = b,
                      .segment        = n_segment > 1 ? m->segment + b.first : NULL,
                      .x              = m->x + b.first,
                      .mean           = m->mean + b.first,
                      .mean_log       = m->mean_log + b.first,
                      .n_segment      = n_segment,
                      .rescale_factor = 1.0};
}

/* Of the spends' rows: both columns act on spend. */
static clv_covariates covariates_of(const clv_spends *spends, const made *m) {
  static const uint32_t BOTH[]         = {0, 1};
  static const double   SCALE[COLUMNS] = {1.0, 1.0};
  return (clv_covariates){.n        = COLUMNS,
                          .n_all    = COLUMNS,
                          .value    = m->w[spends->blocks.first],
                          .scale    = SCALE,
                          .n_column = {[CLV_ON_SPEND] = COLUMNS},
                          .column   = {[CLV_ON_SPEND] = BOTH}};
}

static clv_status conforms(const clv_comm *comm, const made *plain, const made *reversed, size_t n_segment,
                           bool has_covariates) {
  clv_model            model[WAYS] = {{0}};
  clv_conformance      found;
  clv_status           st;
  clv_spends           one = spends_of(comm, plain, n_segment), other = spends_of(comm, reversed, n_segment);
  const clv_covariates w = covariates_of(&one, plain), other_w = covariates_of(&other, reversed);
  if (has_covariates) one.covariates = &w, other.covariates = &other_w;
  CLV_TRY(clv_gamma_value_new(comm, &one, NULL, &model[0]));
  CLV_TRY(clv_gamma_value_new(comm, &other, NULL, &model[1]));
  CLV_TRY(clv_conformance_check(comm, model, WAYS, &found));
  printf("%zu segments%s: gradient %.2g and order %.2g of what is allowed\n", n_segment,
         has_covariates ? ", covariates" : "", found.gradient, found.variant);
out:
  for (int k = 0; k < WAYS; k++) clv_model_free(&model[k]);
  return st;
}

/* The customers' own likelihoods, their mean amounts multiplied, add up to the model's, finer or not. */
static clv_status customers_add_up(const clv_comm *alone, const made *m) {
  enum { DIM = 5 + COLUMNS };
  clv_spends           spends = spends_of(alone, m, 1);
  const clv_covariates w      = covariates_of(&spends, m);
  const clv_shifts     shifts =
      clv_shifts_of(&w, 5, CLV_GAMMA_VALUE_SPEND.effect, CLV_GAMMA_VALUE_SPEND.n_effect);
  const double     phi[DIM] = {0.8, 3.2, -0.6, -0.8, 0.2, 0.4, -0.9};
  double           value[DIM], total, sum[16];
  clv_model        model[WAYS] = {{0}};
  clv_accumulator *sums        = NULL;
  clv_exact_sum   *all         = NULL;
  clv_status       st          = CLV_OK;
  spends.covariates            = &w;
  CLV_TRY(clv_gamma_value_new(alone, &spends, NULL, &model[0]));
  CLV_TRY(model[0].ops->refined(model[0].self, &model[1]));
  CLV_TRY(clv_exact_sum_new(1, &all));
  model[0].ops->constrain(model[0].self, phi, value);
  for (size_t i = 0; i < N; i++) {
    double theta[5];
    clv_shifts_theta(&shifts, phi + 5, m->w[i], value, theta);
    const double own = CLV_GAMMA_VALUE_SPEND.log_likelihood(theta, &m->who[i]);
    clv_exact_sum_add(all, &own);
  }
  CLV_TRY(clv_exact_sum_total(all, alone, &total));
  for (int k = 0; k < WAYS; k++) {
    const clv_model_ops *ops  = model[k].ops;
    const clv_summand    what = {model[k].self, ops->n_block(model[k].self), ops->n_sum(model[k].self), DIM,
                                 ops->block};
    CLV_TRY(clv_accumulator_new(alone, &what, 1, &sums));
    CLV_TRY(clv_accumulator_evaluate(sums, 1, phi, sum));
    clv_accumulator_free(&sums);
    const double found = ops->log_likelihood(model[k].self, phi, sum);
    if (!(fabs(found - total) < 2e-8 * N)) /* what the two quadratures may differ by for a customer */
      CLV_TRY(clv_fail(CLV_EFAULT, "customers add up to %.12g, the model says %.12g", total, found));
  }
out:
  for (int k = WAYS; k-- > 0;) clv_model_free(&model[k]); /* the finer one borrows */
  clv_accumulator_free(&sums);
  clv_exact_sum_free(&all);
  return st;
}

static clv_status spend_belongs(const clv_comm *alone, const made *m) {
  clv_model              model  = {0};
  clv_conformance_report report = {.n = 0};
  const clv_spends       spends = spends_of(alone, m, 1);
  clv_status             st     = clv_gamma_value_new(alone, &spends, NULL, &model);
  if (st < 0) return st;
  const clv_forecast_trial trial = {
      .model = &model, .spend = &CLV_GAMMA_VALUE_SPEND, .who = m->who, .n = N, .is_all = true};
  st = clv_conformance_forecast(alone, &trial, &report);
  if (st == CLV_OK && report.n < 4) st = clv_fail(CLV_EFAULT, "too little was compared");
  clv_model_free(&model);
  return st;
}

int main(int argc, char **argv) {
  static made plain, reversed;
  clv_comm   *comm = NULL, *alone = NULL;
  clv_status  st = clv_comm_init(&argc, &argv);
  if (st < 0) return 1;
  made_fill(&plain);
  made_reverse(&plain, &reversed);
  CLV_TRY(clv_comm_world(&comm));
  CLV_TRY(clv_comm_self(&alone));
  for (size_t n_segment = 1; n_segment <= SEGMENTS; n_segment++) {
    CLV_TRY(conforms(comm, &plain, &reversed, n_segment, false));
    CLV_TRY(conforms(comm, &plain, &reversed, n_segment, true));
  }
  CLV_TRY(customers_add_up(alone, &plain));
  CLV_TRY(spend_belongs(alone, &plain));
out:
  if (st < 0) fprintf(stderr, "%s\n", clv_message());
  clv_comm_free(&alone);
  clv_comm_free(&comm);
  clv_comm_finalize();
  return st < 0;
}
