/* pareto_nbd_lognormal keeps the promises of model.h, the same from customers in another order, with priors
 * of the user's, and with covariates, whether customers share them or each has his own; and half the grid's
 * step changes next to nothing. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "comm/accumulator.h"
#include "comm/exact_sum.h"
#include "engine/models/conformance.h"
#include "engine/models/pareto_nbd_lognormal.h"

enum { N = 60, COLUMNS = 4, LAST = COLUMNS - 1 };
/* Those from OTHER_UNITS on differ with covariates alone. One by one, customers have other lattices. */
typedef enum way { FORWARD, BACKWARD, OTHER_UNITS, ONE_BY_ONE, WAYS } way;
static const clv_prior_text OVERRIDE[] = {{"mean_log_mu", "normal(-3, 1)"},
                                          {"sd_log_mu", "lognormal(0, 1)"},
                                          {"correlation", "uniform(-1, 1)"},
                                          {"tau_mean_log_mu", "lognormal(-1, 1)"},
                                          {"gamma_dropout", "cauchy(0.1, 0.5)"}};

/* One segment; three with parameters of their own; three pooled, of which the first is large. */
typedef enum layout { ONE, APART, POOLED, LAYOUTS } layout;

typedef struct customers {
  uint32_t       x[N], segment[N], count[N];
  double         t_x[N], T[N], w[N][COLUMNS], scale[COLUMNS];
  clv_covariates covariates;
} customers;

/* The last column acts on nothing: where a customer's is his own, nobody shares all covariates with him. */
static void covariates_make(customers *c, size_t first, way how) {
  static const uint32_t PURCHASES[] = {0, 1, 2}, DROPOUT[] = {1};
  for (size_t i = 0; i < N; i++) {
    const size_t k = how == BACKWARD ? N - 1 - i : i;
    c->w[i][0]     = k % 2 == 0 ? 1.0 : 0.0;
    c->w[i][1]     = (double)(k / 2 % 3) - 1.0;
    c->w[i][2]     = k % 5 == 0 ? 1.0 : 0.0;
    c->w[i][LAST]  = how == ONE_BY_ONE ? (double)k : 0.0;
  }
  for (size_t k = 0; k < COLUMNS; k++) c->scale[k] = how == OTHER_UNITS ? 365.25 : 1.0;
  c->covariates = (clv_covariates){.n        = COLUMNS,
                                   .n_all    = LAST,
                                   .value    = c->w[first],
                                   .scale    = c->scale,
                                   .n_column = {3, 1, 0},
                                   .column   = {PURCHASES, DROPOUT, NULL}};
}

static clv_cells cells_make(const clv_comm *comm, way order, layout how, customers *c) {
  const clv_blocks blocks = clv_blocks_of(N, clv_comm_rank(comm), clv_comm_size(comm));
  for (size_t i = 0; i < N; i++) {
    const size_t k = order == BACKWARD ? N - 1 - i : i;
    c->x[i]        = (uint32_t)(k % 3 == 0 ? 0 : k % 17);
    c->T[i]        = 26.0 + (double)(k % 13);
    c->t_x[i]      = c->x[i] == 0 ? 0.0 : c->T[i] * (0.2 + 0.8 * (double)(k % 7) / 6.0);
    c->segment[i]  = k < 30 ? 0 : k < 45 ? 1 : 2;
    c->count[i]    = c->segment[i] == 0 ? 5 : 1;
  }
  covariates_make(c, blocks.first, order);
  return (clv_cells){.blocks    = blocks,
                     .segment   = how == ONE ? NULL : c->segment + blocks.first,
                     .x         = c->x + blocks.first,
                     .t_x       = c->t_x + blocks.first,
                     .T         = c->T + blocks.first,
                     .count     = c->count + blocks.first,
                     .n_segment = how == ONE ? 1 : 3,
                     .pooled    = how == POOLED};
}

/* [0] log-likelihood at a point. */
static clv_status likelihood_of(const clv_comm *comm, const clv_model *model, const double *phi,
                                double *value) {
  double            sum[6];
  clv_accumulator  *sums = NULL;
  const clv_summand what = {model->self, model->ops->n_block(model->self), 6, 5, model->ops->block};
  clv_status        st   = CLV_OK;
  CLV_TRY(clv_accumulator_new(comm, &what, 1, &sums));
  CLV_TRY(clv_accumulator_evaluate(sums, 1, phi, sum));
  *value = model->ops->log_likelihood(model->self, phi, sum);
out:
  clv_accumulator_free(&sums);
  return st;
}

static clv_status steps_compare(const clv_comm *comm, const clv_model *model) {
  static const double POINT[][5] = {
      {-3.5, -3.6, 0.1, 0.4, 0.0}, {-3.0, -4.5, 0.0, 0.0, 0.3}, {-4, -3, 0.2, 0.6, -0.2}};
  clv_model  fine = {0};
  double     coarse_value, fine_value;
  clv_status st = CLV_OK;
  CLV_TRY(model->ops->refined(model->self, &fine));
  for (size_t k = 0; k < sizeof POINT / sizeof *POINT; k++) {
    CLV_TRY(likelihood_of(comm, model, POINT[k], &coarse_value));
    CLV_TRY(likelihood_of(comm, &fine, POINT[k], &fine_value));
    /* 2 exp(-2 pi^2 s^2 / h^2) is below 1e-6 a customer, for s > 0.85 h; single precision adds 1e-7 */
    if (!(fabs(coarse_value - fine_value) < 1e-6 * N * 3))
      st = clv_fail(CLV_EFAULT, "half the step changes the log-likelihood from %.12g to %.12g", coarse_value,
                    fine_value);
  }
out:
  clv_model_free(&fine);
  return st;
}

/* Coefficients are reported per unit of the user's columns, everything else does not know of units. */
static clv_status units_compare(const clv_model *model) {
  double       phi[64], value[2][64];
  clv_variable v;
  size_t       at = 0;
  clv_model_start(&model[FORWARD], 1, 0, phi);
  model[FORWARD].ops->constrain(model[FORWARD].self, phi, value[0]);
  model[OTHER_UNITS].ops->constrain(model[OTHER_UNITS].self, phi, value[1]);
  for (size_t i = 0; i < model->ops->n_variable(model->self); i++) {
    model->ops->variable(model->self, i, &v);
    const double units = strncmp(v.name, "gamma_", 6) == 0 ? 365.25 : 1.0;
    for (size_t k = 0; k < v.length; k++, at++)
      if (fabs(value[0][at] / (value[1][at] * units) - 1.0) > 1e-14)
        return clv_fail(CLV_EFAULT, "%s is not per unit of the user's column", v.name);
  }
  return at == clv_model_n_value(model) ? CLV_OK : clv_fail(CLV_EFAULT, "values and variables do not agree");
}

/* [0] log density, then the gradient, at a start point. */
static clv_status density_of(const clv_comm *comm, const clv_model *model, uint32_t chain, double *value) {
  const size_t      n_sum = model->ops->n_sum(model->self), dim = model->ops->n_dim(model->self);
  const clv_summand what = {model->self, model->ops->n_block(model->self), n_sum, dim, model->ops->block};
  double            sum[64], phi[64];
  clv_accumulator  *sums = NULL;
  clv_status        st   = CLV_OK;
  CLV_CHECK(n_sum <= 64 && dim < 64);
  clv_model_start(model, 1, chain, phi);
  CLV_TRY(clv_accumulator_new(comm, &what, 1, &sums));
  CLV_TRY(clv_accumulator_evaluate(sums, 1, phi, sum));
  model->ops->finish(model->self, phi, sum, &value[0], &value[1]);
out:
  clv_accumulator_free(&sums);
  return st;
}

/* The same customers on other lattices: each integral is off by 5e-9 relative at most, and so are the moments
 * that make the gradient, of up to 50 standard deviations. */
static clv_status lattices_compare(const clv_comm *comm, const clv_model *model) {
  const size_t dim = model->ops->n_dim(model->self);
  double       one[64], other[64];
  clv_status   st = CLV_OK;
  for (uint32_t chain = 0; chain < 4; chain++) {
    CLV_TRY(density_of(comm, &model[FORWARD], chain, one));
    CLV_TRY(density_of(comm, &model[ONE_BY_ONE], chain, other));
    for (size_t k = 0; k <= dim; k++)
      if (!(fabs(one[k] - other[k]) < 5e-9 * 5 * N * (k == 0 ? 1.0 : 50.0)))
        CLV_TRY(clv_fail(CLV_EFAULT, "customer by customer, number %zu is %.12g, not %.12g", k, other[k],
                         one[k]));
  }
out:
  return st;
}

/* The customers' own likelihoods, each at the parameters that his segment and covariates give him, add up to
 * the model's, but for the lattices' errors. */
static clv_status customers_add_up(const clv_comm *comm, const clv_model *model, const clv_cells *cells) {
  const size_t      n_sum = model->ops->n_sum(model->self), dim = model->ops->n_dim(model->self);
  const clv_shifts  shifts = clv_shifts_of(cells->covariates, 5, CLV_PARETO_NBD_LOGNORMAL_PROCESS.effect, 2);
  const size_t      first_gamma = dim - shifts.n_coefficient, segments = cells->segment == NULL ? 1 : 3;
  const clv_summand what = {model->self, model->ops->n_block(model->self), n_sum, dim, model->ops->block};
  double            sum[64], phi[64], value[64], total;
  clv_accumulator  *sums = NULL;
  clv_exact_sum    *all  = NULL;
  clv_status        st   = CLV_OK;
  CLV_TRY(clv_exact_sum_new(1, &all));
  clv_model_start(model, 1, 0, phi);
  model->ops->constrain(model->self, phi, value);
  for (size_t i = 0; i < (size_t)(cells->blocks.last - cells->blocks.first); i++) {
    const clv_customer who = {.x = cells->x[i], .t_x = cells->t_x[i], .T = cells->T[i]};
    double             theta[5], own[5];
    for (size_t k = 0; k < 5; k++) theta[k] = value[k * segments + (segments == 1 ? 0 : cells->segment[i])];
    clv_shifts_theta(&shifts, phi + first_gamma, cells->covariates->value + i * COLUMNS, theta, own);
    total = cells->count[i] * CLV_PARETO_NBD_LOGNORMAL_PROCESS.log_likelihood(own, &who);
    clv_exact_sum_add(all, &total);
  }
  CLV_TRY(clv_exact_sum_total(all, comm, &total));
  CLV_TRY(clv_accumulator_new(comm, &what, 1, &sums));
  CLV_TRY(clv_accumulator_evaluate(sums, 1, phi, sum));
  if (!(fabs(model->ops->log_likelihood(model->self, phi, sum) - total) < 5e-9 * 5 * N))
    st = clv_fail(CLV_EFAULT, "customers add up to %.12g, the model says %.12g", total,
                  model->ops->log_likelihood(model->self, phi, sum));
out:
  clv_accumulator_free(&sums);
  return st;
}

/* All ways of one layout. @param has_w  with covariates */
static clv_status layout_check(const clv_comm *comm, layout how, bool is_named, bool has_w) {
  const clv_prior_texts texts       = {OVERRIDE, sizeof OVERRIDE / sizeof *OVERRIDE};
  const int             ways        = has_w ? WAYS : OTHER_UNITS;
  clv_model             model[WAYS] = {{0}};
  clv_conformance       found       = {0};
  clv_status            st          = CLV_OK;
  for (int order = ways; order-- > 0 && st == CLV_OK;) {
    customers c;
    clv_cells cells              = cells_make(comm, (way)order, how, &c);
    cells.covariates             = has_w ? &c.covariates : NULL;
    const clv_purchase_data data = {comm, &cells, is_named ? &texts : NULL};
    st                           = clv_pareto_nbd_lognormal_new(&data, &model[order]);
    if (st == CLV_OK && order == 0 && how == ONE && !has_w) st = steps_compare(comm, &model[0]);
    if (st == CLV_OK && how != POOLED && has_w) st = customers_add_up(comm, &model[order], &cells);
  }
  if (st == CLV_OK) st = clv_conformance_check(comm, model, has_w ? ONE_BY_ONE : OTHER_UNITS, &found);
  if (st == CLV_OK && !(found.gradient > 0.0)) st = clv_fail(CLV_EFAULT, "nothing was compared");
  if (st == CLV_OK && has_w) st = units_compare(model);
  if (st == CLV_OK && has_w) st = lattices_compare(comm, model);
  for (int order = 0; order < ways; order++) clv_model_free(&model[order]);
  return st;
}

int main(int argc, char **argv) {
  clv_comm  *comm = NULL;
  clv_status st   = clv_comm_init(&argc, &argv);
  if (st < 0) return 1;
  CLV_TRY(clv_comm_world(&comm));
  for (int how = 0; how < 2 * LAYOUTS; how++) {
    CLV_TRY(layout_check(comm, (layout)(how / 2), how % 2 == 1, false));
    CLV_TRY(layout_check(comm, (layout)(how / 2), how % 2 == 1, true));
  }
out:
  if (st < 0 && clv_comm_rank(comm) == 0) fprintf(stderr, "%s\n", clv_message());
  clv_comm_free(&comm);
  clv_comm_finalize();
  return st < 0;
}
