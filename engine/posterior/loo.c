#include "engine/posterior/loo.h"

#include <math.h>
#include <stdlib.h>

struct clv_loo {
  clv_loo_plan     plan;
  clv_theta_draws *theta_draws, *spend_draws; /* owned; the latter NULL without a spend model */
  clv_theta_view   theta;                     /* of the history at hand */
  clv_psis        *psis;                      /* owned */
  double          *purchases; /* owned [n_draw] log-likelihoods of the history at hand, its litt left out */
  double          *value;     /* owned [n_draw] */
};

clv_status clv_loo_new(const clv_loo_plan *plan, clv_loo **out) {
  clv_loo   *self = NULL;
  clv_status st   = CLV_OK;
  CLV_TRY(clv_calloc(1, sizeof *self, (void **)&self));
  self->plan                 = *plan;
  const clv_theta_plan theta = {plan->n_draw, plan->n_segment, plan->process->n_parameter, plan->theta,
                                plan->shift};
  CLV_TRY(clv_theta_draws_new(&theta, &self->theta_draws));
  if (plan->spend != NULL)
    CLV_TRY(clv_theta_draws_new(&(clv_theta_plan){plan->n_draw, plan->n_segment, plan->spend->n_parameter,
                                                  plan->spend_theta, plan->spend_shift},
                                &self->spend_draws));
  CLV_TRY(clv_psis_new(plan->n_draw, plan->r_eff, &self->psis));
  CLV_TRY(clv_alloc(plan->n_draw, sizeof *self->purchases, (void **)&self->purchases));
  CLV_TRY(clv_alloc(plan->n_draw, sizeof *self->value, (void **)&self->value));
  *out = self, self = NULL;
out:
  clv_loo_free(&self);
  return st;
}

void clv_loo_free(clv_loo **self) {
  if (self == NULL || *self == NULL) return;
  clv_theta_draws_free(&(*self)->theta_draws);
  clv_theta_draws_free(&(*self)->spend_draws);
  clv_psis_free(&(*self)->psis);
  free((*self)->purchases);
  free((*self)->value);
  free(*self);
  *self = NULL;
}

static int row_covariates_compare(const clv_loo_row *x, const clv_loo_row *y) {
  return x->covariate == NULL || y->covariate == NULL
             ? 0
             : clv_vector_compare(x->covariate, y->covariate, x->n_covariate);
}

static int row_compare(const void *a, const void *b) {
  const clv_loo_row *x = a, *y = b;
  if (x->segment != y->segment) return x->segment < y->segment ? -1 : 1;
  if (x->who.x != y->who.x) return x->who.x < y->who.x ? -1 : 1;
  if (x->who.t_x != y->who.t_x) return x->who.t_x < y->who.t_x ? -1 : 1;
  if (x->who.T != y->who.T) return x->who.T < y->who.T ? -1 : 1;
  const int covariates = row_covariates_compare(x, y);
  if (covariates != 0) return covariates;
  return x->place < y->place ? -1 : x->place > y->place;
}

static bool is_same_history(const clv_loo_row *a, const clv_loo_row *b) {
  return a->segment == b->segment && a->who.x == b->who.x && a->who.t_x == b->who.t_x &&
         a->who.T == b->who.T && row_covariates_compare(a, b) == 0;
}

static const double *theta_at(const clv_loo *self, size_t draw) {
  return self->theta.at + draw * self->theta.stride;
}

/* Gaps between purchases enter by a factor that no parameter moves (clv_customer's litt): it is added
 * afterwards, so that customers with one history share the rest. */
static clv_psis_result purchases_of(clv_loo *self, const clv_loo_row *row) {
  clv_customer who = row->who;
  who.litt         = 0.0;
  self->theta      = clv_theta_draws_of(self->theta_draws, row->segment, row->covariate);
  for (size_t s = 0; s < self->plan.n_draw; s++)
    self->purchases[s] = self->plan.process->log_likelihood(theta_at(self, s), &who);
  return clv_psis_loo(self->psis, self->purchases);
}

static double gaps_of(const clv_loo *self, const clv_loo_row *row) {
  clv_customer  who   = row->who;
  const double *theta = theta_at(self, 0);
  who.litt            = 0.0;
  if (row->who.litt == 0.0) return 0.0;
  return self->plan.process->log_likelihood(theta, &row->who) -
         self->plan.process->log_likelihood(theta, &who);
}

static clv_psis_result moved(clv_psis_result r, double by) {
  r.elpd += by;
  r.lpd += by;
  return r;
}

static void spend_of(clv_loo *self, const clv_loo_row *row, double gaps, clv_psis_result *out) {
  const clv_theta_view theta = clv_theta_draws_of(self->spend_draws, row->segment, row->covariate);
  for (size_t s = 0; s < self->plan.n_draw; s++)
    self->value[s] = self->plan.spend->log_likelihood(theta.at + s * theta.stride, &row->who);
  out[CLV_LOO_SPEND] = clv_psis_loo(self->psis, self->value);
  for (size_t s = 0; s < self->plan.n_draw; s++) self->value[s] += self->purchases[s];
  out[CLV_LOO_TOTAL] = moved(clv_psis_loo(self->psis, self->value), gaps);
}

void clv_loo_customers(clv_loo *self, size_t n, clv_loo_row *row, clv_psis_result *result) {
  clv_psis_result history = {NAN, NAN, NAN};
  qsort(row, n, sizeof *row, row_compare);
  for (size_t i = 0; i < n; i++) {
    clv_psis_result *out = result + (size_t)row[i].place * CLV_LOO_PARTS;
    if (i == 0 || !is_same_history(&row[i - 1], &row[i])) history = purchases_of(self, &row[i]);
    const double gaps      = gaps_of(self, &row[i]);
    out[CLV_LOO_PURCHASES] = moved(history, gaps);
    out[CLV_LOO_SPEND]     = (clv_psis_result){NAN, NAN, NAN};
    out[CLV_LOO_TOTAL]     = out[CLV_LOO_PURCHASES];
    if (self->plan.spend != NULL && row[i].informs_spend) spend_of(self, &row[i], gaps, out);
  }
}
