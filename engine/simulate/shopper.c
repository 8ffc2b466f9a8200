#include "engine/simulate/shopper.h"

#include <math.h>
#include <string.h>

#include "engine/models/gamma_value_grid.h"
#include "engine/models/lognormal_population.h"
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
    {"gamma_gamma", false, false, {"p", "q", "v"}, {6.3, 3.6, 15.0}},
    {"gamma_value",
     true,
     false,
     {"shape", "mean_amount", "sd_log_shape", "sd_log_mean", "correlation_ratio"},
     {2.5, 30.0, 0.5, 0.5, 1.0}},
    {"lognormal",
     false,
     true,
     {"mean_log_spend", "sd_log_spend", "correlation_lambda_spend", "correlation_mu_spend", "sd_log_amount"},
     {3.3, 0.5, 0.4, -0.2, 0.45}},
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

void clv_shop_dimensions(const clv_shop *shop, double *theta) {
  const double *two = shop->theta, *third = shop->money;
  const double  all[] = {two[0],   two[1], third[0], two[2],   two[3],
                         third[1], two[4], third[2], third[3], third[4]};
  memcpy(theta, all, sizeof all);
}

/* Of his amounts, unless his logarithms have said it all. */
static void amounts_draw(clv_shopper *self, const clv_shop *shop) {
  if (shop->spend->is_dimension) return;
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

/* The customer's own parameters where their logarithms are normal. */
static void logs_draw(clv_shopper *self, const clv_shop *shop) {
  const size_t        n = shop->spend->is_dimension ? 3 : 2;
  clv_lognormal_point at;
  double              theta[CLV_LOGNORMAL_PARAMETERS], z[3], log_own[3];
  if (n == 3)
    clv_shop_dimensions(shop, theta);
  else
    memcpy(theta, shop->theta, sizeof shop->theta);
  CLV_CHECK(clv_lognormal_population_of_values(n, theta, &at));
  for (size_t i = 0; i < n; i++) {
    z[i]       = clv_rng_normal(&self->rng);
    log_own[i] = at.mean[i];
    for (size_t k = 0; k <= i; k++) log_own[i] += at.sd[i] * at.root[i][k] * z[k];
  }
  self->buying = clv_exp(log_own[0]), self->leaving = clv_exp(log_own[1]);
  if (n == 3) self->log_eta = log_own[2], self->within = at.within;
}

/* The customer's own two parameters. */
static void traits_draw(clv_shopper *self, const clv_shop *shop) {
  const double *theta = shop->theta;
  if (shop->model->spread == CLV_SPREAD_LOGNORMAL) {
    logs_draw(self, shop);
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

double clv_shopper_mean_spend(const clv_shopper *self) {
  return self->within > 0.0 ? clv_exp(self->log_eta + 0.5 * self->within * self->within)
                            : self->shape / self->spend_rate;
}

static double amount_draw(clv_shopper *self) {
  return self->within > 0.0 ? clv_exp(self->log_eta + self->within * clv_rng_normal(&self->rng))
                            : clv_rng_gamma(&self->rng, self->shape, self->spend_rate);
}

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
  *amount = amount_draw(self);
  purchase_find(self, shop);
  self->is_first = false;
  return true;
}

bool clv_shopper_stays(const clv_shopper *self, const clv_shop *shop) { return !(self->end < shop->weeks); }
