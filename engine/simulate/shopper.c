#include "engine/simulate/shopper.h"

#include <math.h>

#include "engine/models/gamma_value_grid.h"
#include "engine/numerics/pinned.h"

static const clv_shop_model MODEL[] = {
    {"bg_nbd",
     CLV_LEAVE_AFTER_REPEAT,
     CLV_SPREAD_CONJUGATE,
     false,
     {"r", "alpha", "a", "b"},
     {0.25, 4.8, 0.72, 2.16},
     {"lambda", "p"}},
    {"mbg_nbd",
     CLV_LEAVE_AFTER_PURCHASE,
     CLV_SPREAD_CONJUGATE,
     false,
     {"r", "alpha", "a", "b"},
     {0.52, 6.2, 0.89, 1.61},
     {"lambda", "p"}},
    {"pareto_nbd",
     CLV_LEAVE_IN_TIME,
     CLV_SPREAD_CONJUGATE,
     false,
     {"r", "alpha", "s", "beta"},
     {0.55, 10.6, 0.61, 11.7},
     {"lambda", "mu"}},
    {"pareto_nbd_lognormal",
     CLV_LEAVE_IN_TIME,
     CLV_SPREAD_LOGNORMAL,
     false,
     {"mean_log_lambda", "mean_log_mu", "sd_log_lambda", "sd_log_mu", "correlation"},
     {-2.5, -4.0, 0.9, 1.2, -0.3},
     {"lambda", "mu"}},
    {"bg_cnbd_k",
     CLV_LEAVE_AFTER_REPEAT,
     CLV_SPREAD_CONJUGATE,
     true,
     {"r", "alpha", "a", "b"},
     {0.6, 2.0, 0.72, 2.16},
     {"lambda", "p"}},
    {"mbg_cnbd_k",
     CLV_LEAVE_AFTER_PURCHASE,
     CLV_SPREAD_CONJUGATE,
     true,
     {"r", "alpha", "a", "b"},
     {0.6, 2.0, 0.5, 2.16},
     {"lambda", "p"}},
    {"bg_bb",
     CLV_LEAVE_AT_OPPORTUNITY,
     CLV_SPREAD_CONJUGATE,
     false,
     {"alpha", "beta", "gamma", "delta"},
     {1.2, 5.0, 0.66, 12.0},
     {"p", "theta"}},
};

const clv_shop_model *clv_shop_models(size_t *n) {
  *n = sizeof MODEL / sizeof *MODEL;
  return MODEL;
}

static const clv_shop_spend SPEND[] = {
    {"gamma_gamma", false, {"p", "q", "v"}, {6.3, 3.6, 15.0}},
    {"gamma_value",
     true,
     {"shape", "mean_amount", "sd_log_shape", "sd_log_mean", "correlation_ratio"},
     {2.5, 30.0, 0.5, 0.5, 1.0}},
};

const clv_shop_spend *clv_shop_spends(size_t *n) {
  *n = sizeof SPEND / sizeof *SPEND;
  return SPEND;
}

size_t clv_shop_n_parameter(const char *const parameter[CLV_SHOP_PARAMETERS]) {
  size_t n = 0;
  while (n < CLV_SHOP_PARAMETERS && parameter[n] != NULL) n++;
  return n;
}

/* Of his amounts. */
static void amounts_draw(clv_shopper *self, const clv_shop *shop) {
  if (shop->spend->has_shapes) {
    const clv_gamma_value_prior p = clv_gamma_value_prior_of(shop->money);
    const double A = clv_rng_normal(&self->rng), E = p.rho * A + sqrt(p.rest) * clv_rng_normal(&self->rng);
    self->shape      = clv_exp(p.mean[0] + p.sd[0] * A);
    self->spend_rate = self->shape / clv_exp(p.mean[1] + p.sd[1] * E);
    return;
  }
  self->spend_rate = clv_rng_gamma(&self->rng, shop->money[1], shop->money[2]);
  self->shape      = shop->money[0];
}

/* The customer's own two parameters. */
static void traits_draw(clv_shopper *self, const clv_shop *shop) {
  const double *theta = shop->theta;
  if (shop->model->spread == CLV_SPREAD_LOGNORMAL) {
    const double one = clv_rng_normal(&self->rng), two = clv_rng_normal(&self->rng), rho = theta[4];
    self->buying  = clv_exp(theta[0] + theta[2] * one);
    self->leaving = clv_exp(theta[1] + theta[3] * (rho * one + sqrt((1.0 - rho) * (1.0 + rho)) * two));
    return;
  }
  self->buying  = shop->model->leaving == CLV_LEAVE_AT_OPPORTUNITY
                      ? clv_rng_beta(&self->rng, theta[0], theta[1])
                      : clv_rng_gamma(&self->rng, theta[0], theta[1]);
  self->leaving = shop->model->leaving == CLV_LEAVE_IN_TIME ? clv_rng_gamma(&self->rng, theta[2], theta[3])
                                                            : clv_rng_beta(&self->rng, theta[2], theta[3]);
}

clv_shopper clv_shopper_at(const clv_shop *shop, uint64_t customer) {
  clv_shopper self = {.rng      = clv_rng_at(shop->seed, CLV_RNG_SIMULATE, customer, 0, 0),
                      .end      = INFINITY,
                      .is_alive = true,
                      .is_first = true};
  self.first       = shop->acquisition * clv_rng_uniform(&self.rng);
  if (shop->model->leaving == CLV_LEAVE_AT_OPPORTUNITY) self.first = floor(self.first);
  traits_draw(&self, shop);
  amounts_draw(&self, shop);
  self.next = self.first;
  if (shop->model->leaving == CLV_LEAVE_IN_TIME)
    self.end = self.first + clv_rng_exponential(&self.rng) / self.leaving;
  return self;
}

double clv_shopper_mean_spend(const clv_shopper *self) { return self->shape / self->spend_rate; }

/* Opportunities come once a week: at each he leaves, or stays and may buy (Fader, Hardie & Shang 2010). */
static void opportunity_find(clv_shopper *self, double until) {
  for (self->next += 1.0; self->next < until; self->next += 1.0) {
    if (clv_rng_uniform(&self->rng) < self->leaving) {
      self->end      = self->next;
      self->is_alive = false;
      return;
    }
    if (clv_rng_uniform(&self->rng) < self->buying) return;
  }
}

static void purchase_find(clv_shopper *self, const clv_shop *shop) {
  const bool may_leave = shop->model->leaving == CLV_LEAVE_AFTER_PURCHASE ||
                         (shop->model->leaving == CLV_LEAVE_AFTER_REPEAT && !self->is_first);
  if (shop->model->leaving == CLV_LEAVE_AT_OPPORTUNITY) {
    opportunity_find(self, shop->weeks + shop->holdout);
    return;
  }
  if (may_leave && clv_rng_uniform(&self->rng) < self->leaving) {
    self->end      = self->next;
    self->is_alive = false;
  }
  for (int phase = 0; phase < shop->phases; phase++)
    self->next += clv_rng_exponential(&self->rng) / self->buying;
}

bool clv_shopper_buy(clv_shopper *self, const clv_shop *shop, double *time, double *amount) {
  if (!self->is_alive || !(self->next < shop->weeks + shop->holdout) || self->next > self->end) return false;
  *time   = self->next;
  *amount = clv_rng_gamma(&self->rng, self->shape, self->spend_rate);
  purchase_find(self, shop);
  self->is_first = false;
  return true;
}

bool clv_shopper_stays(const clv_shopper *self, const clv_shop *shop) { return !(self->end < shop->weeks); }
