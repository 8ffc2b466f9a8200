/* pareto_nbd_lognormal with spend: what a customer's integrals come to agrees with sums over a wide fine
 * lattice in three dimensions; the model keeps the promises of model.h, and its customers' likelihoods add
 * up. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "comm/accumulator.h"
#include "comm/exact_sum.h"
#include "engine/models/conformance.h"
#include "engine/models/pareto_nbd_lognormal.h"
#include "engine/models/shifts.h"

enum { N_THETA = 10, N = 48, COLUMNS = 3 };

static const double       THETA[][N_THETA] = {{-2.5, -4.0, 3.3, 0.9, 1.2, 0.5, -0.3, 0.4, -0.2, 0.45},
                                              {-1.5, -3.0, 2.0, 0.6, 0.8, 0.9, 0.5, -0.6, 0.1, 0.8}};
static const clv_customer WHO[]            = {
               {.x = 0, .t_x = 0.0, .T = 30.0},
               {.x = 3, .t_x = 12.5, .T = 31.0, .n_spend = 3, .log_spend = 3.9, .log_spend_ss = 0.7},
               {.x = 9, .t_x = 28.0, .T = 28.0, .n_spend = 8, .log_spend = 1.4, .log_spend_ss = 3.1},
               {.x = 1, .t_x = 2.0, .T = 50.0, .n_spend = 1, .log_spend = 5.5, .log_spend_ss = 0.0}};

/* ---- sums ---- */

static const double STEP = 0.25, FAR = 7.0, DELTA = 0.002, LENGTH = 40.0;

typedef struct sums {
  double all, alive, purchases, spend, worth, eta_log;
} sums;

/* One node, standard normal coordinates: what it weighs and what it knows. */
static void node_add(const clv_lognormal_point *at, const clv_customer *who, const double z[3], sums *s) {
  double own[3];
  for (size_t i = 0; i < 3; i++) {
    own[i] = at->mean[i];
    for (size_t k = 0; k <= i; k++) own[i] += at->sd[i] * at->root[i][k] * z[k];
  }
  const double lambda = exp(own[0]), mu = exp(own[1]), both = lambda + mu, x = who->x;
  const double off     = who->n_spend > 0 ? (who->log_spend - own[2]) / at->within : 0.0;
  const double density = exp(-0.5 * (z[0] * z[0] + z[1] * z[1] + z[2] * z[2] + who->n_spend * off * off));
  const double there   = density * exp(x * own[0] - both * who->T);
  const double amount = exp(own[2] + 0.5 * at->within * at->within), rate = mu + DELTA;
  const double weight = there * lambda / both + density * mu / both * exp(x * own[0] - both * who->t_x);
  s->all += weight;
  s->alive += there;
  s->purchases += there * lambda * -expm1(-mu * LENGTH) / mu;
  s->spend += weight * amount;
  s->worth += there * amount * lambda * -expm1(-rate * LENGTH) / rate;
  s->eta_log += weight * own[2];
}

static sums sums_of(const clv_lognormal_point *at, const clv_customer *who) {
  sums s = {0};
  for (double a = -FAR; a <= FAR; a += STEP)
    for (double b = -FAR; b <= FAR; b += STEP)
      for (double c = -FAR; c <= FAR; c += STEP) node_add(at, who, (double[]){a, b, c}, &s);
  return s;
}

static clv_status is_near(const char *what, size_t k, double found, double wanted) {
  if (fabs(found - wanted) <= 2e-7 * (1.0 + fabs(wanted))) return CLV_OK; /* the lattices' errors are 1e-8 */
  return clv_fail(CLV_EFAULT, "customer %zu: %s is %.12g, sums say %.12g", k, what, found, wanted);
}

static clv_status customer_check(const double *theta, size_t k) {
  static const double    two_pi = 6.283185307179586;
  const clv_process_ops *p      = &CLV_LOGNORMAL_SPEND_PROCESS;
  const clv_spend_ops   *m      = &CLV_LOGNORMAL_SPEND;
  const clv_customer    *who    = &WHO[k];
  const double           within = theta[9] * theta[9], n = who->n_spend;
  const clv_spans        over = {DELTA, 1, &LENGTH};
  double                 updated[CLV_PARAMETER_MAX], worth[2];
  clv_lognormal_point    at;
  clv_status             st = CLV_OK;
  if (!clv_lognormal_population_of_values(3, theta, &at)) return clv_fail(CLV_EFAULT, "no parameters");
  const sums   s      = sums_of(&at, who);
  const double volume = STEP * STEP * STEP / pow(two_pi, 1.5);
  const double joint  = log(s.all * volume) - 0.5 * n * log(two_pi * within) -
                       0.5 * who->log_spend_ss / within - n * who->log_spend;
  CLV_TRY(
      is_near("the log-likelihood", k, p->log_likelihood(theta, who) + m->log_likelihood(theta, who), joint));
  CLV_TRY(is_near("P(alive)", k, p->p_alive(theta, who), s.alive / s.all));
  p->update(theta, who, updated);
  CLV_TRY(is_near("expected purchases", k, p->expected(updated, LENGTH), s.purchases / s.alive));
  CLV_TRY(is_near("expected spend", k, m->expected(theta, who), s.spend / s.all));
  m->worth(theta, who, &over, worth);
  CLV_TRY(is_near("spend with worth", k, worth[0], s.spend / s.all));
  CLV_TRY(is_near("worth", k, worth[1], s.worth / s.all));
  if (k > 0) goto out; /* somebody new is nobody's history */
  const sums fresh = sums_of(&at, &(clv_customer){.T = 0.0});
  m->worth_new(theta, &over, worth);
  CLV_TRY(is_near("a new customer's spend", k, worth[0], fresh.spend / fresh.all));
  CLV_TRY(is_near("a new customer's worth", k, worth[1], fresh.worth / fresh.all));
out:
  return st;
}

/* ---- draws ---- */

/* The mean of log eta over draws of a customer. */
static clv_status draws_check(const double *theta, size_t k) {
  enum { DRAWS = 400 };
  const clv_customer *who = &WHO[k];
  clv_lognormal_point at;
  double              sum = 0.0, square = 0.0;
  (void)clv_lognormal_population_of_values(3, theta, &at);
  const sums   s      = sums_of(&at, who);
  const double wanted = s.eta_log / s.all;
  for (uint32_t i = 0; i < DRAWS; i++) {
    clv_rng rng = clv_rng_at(5, CLV_RNG_CUSTOMER, k, 0, i);
    double  latent[3];
    (void)CLV_LOGNORMAL_SPEND_PROCESS.customer_draw(theta, who, &rng, latent);
    sum += log(latent[2]) / DRAWS, square += log(latent[2]) * log(latent[2]) / DRAWS;
  }
  const double error = sqrt((square - sum * sum) / DRAWS);
  if (fabs(sum - wanted) < 4.0 * error) return CLV_OK; /* four standard errors, numbers that never change */
  return clv_fail(CLV_EFAULT, "customer %zu: draws of log eta have mean %g, not %g", k, sum, wanted);
}

/* ---- the model ---- */

typedef enum way { FORWARD, BACKWARD, WAYS } way;

typedef struct customers {
  uint32_t              x[N], segment[N];
  double                t_x[N], T[N], w[N][COLUMNS], scale[COLUMNS];
  clv_lognormal_amounts amounts[N];
  clv_covariates        covariates;
} customers;

static void customer_fill(customers *c, size_t i, size_t k) {
  c->x[i]       = (uint32_t)(k % 3 == 0 ? 0 : k % 11);
  c->T[i]       = 26.0 + (double)(k % 13);
  c->t_x[i]     = c->x[i] == 0 ? 0.0 : c->T[i] * (0.2 + 0.8 * (double)(k % 7) / 6.0);
  c->segment[i] = k < 30;
  c->w[i][0]    = k % 2 == 0 ? 1.0 : 0.0;
  c->w[i][1]    = (double)(k / 2 % 3) - 1.0;
  c->w[i][2]    = k % 5 == 0 ? 1.0 : 0.0;
  c->amounts[i] = (clv_lognormal_amounts){0};
  if (c->x[i] > 0 && k % 10 != 9) /* one in ten has paid nothing that is known */
    c->amounts[i] =
        (clv_lognormal_amounts){c->x[i], 3.0 + 0.1 * (double)(k % 17) - 0.8 * (double)(k % 4 == 1),
                                c->x[i] > 1 ? 0.3 * (double)(k % 5) : 0.0};
}

static clv_cells cells_make(const clv_comm *comm, way order, size_t n_segment, customers *c) {
  static const uint32_t PURCHASES[] = {0, 1}, DROPOUT[] = {1}, SPEND[] = {2, 0};
  const clv_blocks      b = clv_blocks_of(N, clv_comm_rank(comm), clv_comm_size(comm));
  for (size_t i = 0; i < N; i++) customer_fill(c, i, order == BACKWARD ? N - 1 - i : i);
  for (size_t k = 0; k < COLUMNS; k++) c->scale[k] = 1.0;
  c->covariates = (clv_covariates){.n        = COLUMNS,
                                   .n_all    = COLUMNS,
                                   .value    = c->w[b.first],
                                   .scale    = c->scale,
                                   .n_column = {2, 1, 2},
                                   .column   = {PURCHASES, DROPOUT, SPEND}};
  return (clv_cells){.blocks     = b,
                     .segment    = n_segment == 1 ? NULL : c->segment + b.first,
                     .x          = c->x + b.first,
                     .t_x        = c->t_x + b.first,
                     .T          = c->T + b.first,
                     .n_segment  = n_segment,
                     .pooled     = n_segment > 1,
                     .covariates = &c->covariates};
}

/* The customers' own likelihoods add up to the model's, but for the lattices' errors of 5e-9 each. */
static clv_status customers_add_up(const clv_comm *comm, const clv_model *model, const clv_cells *cells,
                                   const clv_lognormal_amounts *amounts) {
  const size_t      n_sum = model->ops->n_sum(model->self), dim = model->ops->n_dim(model->self);
  const clv_shifts  shifts = clv_shifts_of(cells->covariates, N_THETA, CLV_LOGNORMAL_SPEND.effect, 3);
  const clv_summand what   = {model->self, model->ops->n_block(model->self), n_sum, dim, model->ops->block};
  double            sum[64], phi[64], value[64], total;
  clv_accumulator  *sums_all = NULL;
  clv_exact_sum    *all      = NULL;
  clv_status        st       = CLV_OK;
  CLV_TRY(clv_exact_sum_new(1, &all));
  clv_model_start(model, 1, 0, phi);
  model->ops->constrain(model->self, phi, value);
  for (size_t i = 0; i < (size_t)(cells->blocks.last - cells->blocks.first); i++) {
    const clv_customer who = {.x            = cells->x[i],
                              .t_x          = cells->t_x[i],
                              .T            = cells->T[i],
                              .n_spend      = (uint32_t)amounts[i].n,
                              .log_spend    = amounts[i].mean_log,
                              .log_spend_ss = amounts[i].ss};
    double             own[N_THETA];
    clv_shifts_theta(&shifts, phi + dim - shifts.n_coefficient, cells->covariates->value + i * COLUMNS, value,
                     own);
    total =
        CLV_LOGNORMAL_SPEND_PROCESS.log_likelihood(own, &who) + CLV_LOGNORMAL_SPEND.log_likelihood(own, &who);
    clv_exact_sum_add(all, &total);
  }
  CLV_TRY(clv_exact_sum_total(all, comm, &total));
  CLV_TRY(clv_accumulator_new(comm, &what, 1, &sums_all));
  CLV_TRY(clv_accumulator_evaluate(sums_all, 1, phi, sum));
  const double found = model->ops->log_likelihood(model->self, phi, sum);
  if (!(fabs(found - total) < 5e-8 * N))
    st = clv_fail(CLV_EFAULT, "customers add up to %.12g, the model says %.12g", total, found);
out:
  clv_exact_sum_free(&all);
  clv_accumulator_free(&sums_all);
  return st;
}

static clv_status model_check(const clv_comm *comm, size_t n_segment) {
  static const clv_prior_text PRIOR[]     = {{"sd_log_amount", "lognormal(-1, 0.5)"},
                                             {"mean_log_spend", "normal(3, 1)"},
                                             {"correlation_mu_spend", "uniform(-1, 1)"},
                                             {"gamma_spend", "normal(0, 0.5)"}};
  const clv_prior_texts       priors      = {PRIOR, sizeof PRIOR / sizeof *PRIOR};
  clv_model                   model[WAYS] = {{0}};
  clv_conformance             found       = {0};
  clv_status                  st          = CLV_OK;
  for (int order = WAYS; order-- > 0 && st == CLV_OK;) {
    customers                    c;
    const clv_cells              cells   = cells_make(comm, (way)order, n_segment, &c);
    const clv_lognormal_amounts *amounts = c.amounts + cells.blocks.first;
    const clv_purchase_data      data    = {comm, &cells, n_segment > 1 ? &priors : NULL};
    st                                   = clv_pareto_nbd_lognormal_spend_new(&data, amounts, &model[order]);
    if (st == CLV_OK && n_segment == 1) st = customers_add_up(comm, &model[order], &cells, amounts);
  }
  if (st == CLV_OK) st = clv_conformance_check(comm, model, WAYS, &found);
  if (st == CLV_OK && !(found.gradient > 0.0)) st = clv_fail(CLV_EFAULT, "nothing was compared");
  for (int order = 0; order < WAYS; order++) clv_model_free(&model[order]);
  return st;
}

int main(int argc, char **argv) {
  clv_comm  *comm = NULL;
  clv_status st   = clv_comm_init(&argc, &argv);
  if (st < 0) return 1;
  CLV_TRY(clv_comm_world(&comm));
  for (size_t k = 0; clv_comm_size(comm) == 1 && k < sizeof WHO / sizeof *WHO; k++) {
    for (size_t i = 0; i < sizeof THETA / sizeof *THETA; i++) CLV_TRY(customer_check(THETA[i], k));
    CLV_TRY(draws_check(THETA[0], k));
  }
  CLV_TRY(model_check(comm, 1));
  CLV_TRY(model_check(comm, 2));
out:
  if (st < 0 && clv_comm_rank(comm) == 0) fprintf(stderr, "%s\n", clv_message());
  clv_comm_free(&comm);
  clv_comm_finalize();
  return st < 0;
}
