/* pareto_nbd_lognormal with spend as the third dimension. Given his amounts, a customer's rates are bivariate
 * normal before his purchases are looked at, so whatever is asked of them is answered by the model of two
 * dimensions with other parameters. theta are the ten parameters. */
#include <math.h>
#include <string.h>

#include "engine/models/lognormal_amounts.h"
#include "engine/models/lognormal_rates.h"
#include "engine/models/pareto_nbd_lognormal.h"
#include "engine/numerics/pinned.h"

enum { N = 3, N_PARAMETER = 10, TWO = 5 /* parameters of the rates alone */ };

static const char *const PARAMETER[] = {
    "mean_log_lambda", "mean_log_mu", "mean_log_spend",           "sd_log_lambda",        "sd_log_mu",
    "sd_log_spend",    "correlation", "correlation_lambda_spend", "correlation_mu_spend", "sd_log_amount"};
static const char *const LATENT[] = {"lambda", "mu", "eta"};

/* Covariates move the means of the logarithms. */
static const clv_effect EFFECT[] = {{.on = CLV_ON_PURCHASES, .direction = {[0] = 1.0}, .adds = true},
                                    {.on = CLV_ON_DROPOUT, .direction = {[1] = 1.0}, .adds = true},
                                    {.on = CLV_ON_SPEND, .direction = {[2] = 1.0}, .adds = true}};

#define RATES (&CLV_PARETO_NBD_LOGNORMAL_PROCESS)

static clv_lognormal_amounts amounts_of(const clv_customer *who) {
  return (clv_lognormal_amounts){
      .n = who->n_spend, .mean_log = who->n_spend > 0 ? who->log_spend : 0.0, .ss = who->log_spend_ss};
}

static void rates_write(const clv_lognormal_prior *prior, double *rates) {
  rates[0] = prior->mean[0], rates[1] = prior->mean[1];
  rates[2] = prior->sd[0], rates[3] = prior->sd[1], rates[4] = prior->rho;
}

/* Parameters [TWO] of the rates given a customer's amounts. @param at  NULL: not wanted
 * @return false, and NaN, where theta are no parameters */
static bool rates_of(const double *theta, const clv_customer *who, clv_lognormal_point *at, double *rates) {
  const clv_lognormal_amounts amounts = amounts_of(who);
  clv_lognormal_point         here;
  for (size_t k = 0; k < TWO; k++) rates[k] = NAN;
  if (!clv_lognormal_population_of_values(N, theta, &here)) return false;
  const clv_lognormal_prior prior = clv_lognormal_amounts_prior(&here, here.mean, &amounts);
  rates_write(&prior, rates);
  if (at != NULL) *at = here;
  return true;
}

/* Of somebody of whom no amount is known. */
static void rates_new(const double *theta, double *rates) {
  static const clv_customer NOBODY;
  (void)rates_of(theta, &NOBODY, NULL, rates);
}

/* ---- purchases ---- */

/* Purchases alone, amounts summed out: what they add is the spend's. */
static double process_log_likelihood(const double *theta, const clv_customer *who) {
  double rates[TWO];
  rates_new(theta, rates);
  return RATES->log_likelihood(rates, who);
}

static double process_p_alive(const double *theta, const clv_customer *who) {
  double rates[TWO];
  (void)rates_of(theta, who, NULL, rates);
  return RATES->p_alive(rates, who);
}

static void process_update(const double *theta, const clv_customer *who, double *updated) {
  double rates[TWO];
  (void)rates_of(theta, who, NULL, rates);
  RATES->update(rates, who, updated);
}

static double process_expected(const double *updated, double t) { return RATES->expected(updated, t); }

static double process_discounted(const double *updated, double delta, double t) {
  return RATES->discounted(updated, delta, t);
}

static double process_pmf(const double *updated, uint32_t n, double t) { return RATES->pmf(updated, n, t); }

static double new_expected(const double *theta, double t) {
  double rates[TWO];
  rates_new(theta, rates);
  return RATES->expected_new(rates, t);
}

static double new_discounted(const double *theta, double delta, double t) {
  double rates[TWO];
  rates_new(theta, rates);
  return RATES->discounted_new(rates, delta, t);
}

static double new_pmf(const double *theta, uint32_t n, double t) {
  double rates[TWO];
  rates_new(theta, rates);
  return RATES->pmf_new(rates, n, t);
}

/* The rates, then eta given them and the amounts. */
static int process_customer_draw(const double *theta, const clv_customer *who, clv_rng *rng, double *latent) {
  const clv_lognormal_amounts amounts = amounts_of(who);
  clv_lognormal_point         at;
  double                      rates[TWO];
  latent[0] = latent[1] = latent[2] = NAN;
  if (!rates_of(theta, who, &at, rates)) return 0;
  const int                  alive = RATES->customer_draw(rates, who, rng, latent);
  const clv_lognormal_median eta   = clv_lognormal_amounts_median(&at, at.mean, &amounts);
  double                     mean  = eta.constant;
  for (size_t k = 0; k < 2; k++) mean += eta.slope[k] * (clv_log(latent[k]) - at.mean[k]);
  latent[2] = clv_exp(mean + sqrt(eta.variance) * clv_rng_normal(rng));
  return alive;
}

static size_t process_simulate(const double *theta, double length, clv_rng *rng, double *time, size_t most) {
  double rates[TWO];
  rates_new(theta, rates);
  return RATES->simulate(rates, length, rng, time, most);
}

static size_t process_simulate_alive(const double *updated, double length, clv_rng *rng, double *time,
                                     size_t most) {
  return RATES->simulate_alive(updated, length, rng, time, most);
}

const clv_process_ops CLV_LOGNORMAL_SPEND_PROCESS = {
    .name           = "pareto_nbd_lognormal",
    .n_parameter    = N_PARAMETER,
    .parameter      = PARAMETER,
    .n_latent       = 3,
    .latent         = LATENT,
    .by_recency     = true,
    .by_amounts     = true,
    .n_effect       = sizeof EFFECT / sizeof *EFFECT,
    .effect         = EFFECT,
    .log_likelihood = process_log_likelihood,
    .p_alive        = process_p_alive,
    .update         = process_update,
    .expected       = process_expected,
    .discounted     = process_discounted,
    .pmf            = process_pmf,
    .expected_new   = new_expected,
    .discounted_new = new_discounted,
    .pmf_new        = new_pmf,
    .customer_draw  = process_customer_draw,
    .simulate       = process_simulate,
    .simulate_alive = process_simulate_alive,
};

/* ---- spend ---- */

/* Of the amounts given the purchases: of both, less that of the purchases. */
static double spend_log_likelihood(const double *theta, const clv_customer *who) {
  const clv_lognormal_amounts amounts = amounts_of(who);
  clv_lognormal_point         at;
  double                      rates[TWO];
  if (who->n_spend == 0) return 0.0;
  if (!rates_of(theta, who, &at, rates)) return NAN;
  return RATES->log_likelihood(rates, who) - process_log_likelihood(theta, who) +
         clv_lognormal_amounts_density(&at, at.mean[2], &amounts, 1.0);
}

/* The mean amount is eta e^(within²/2), and given the rates eta's mean is an exponential of their logarithms,
 * by which a normal density keeps its shape and moves: to parameters `moved`, with this factor in front
 * (its log). So E[eta f(rates)] is the factor times an integral over the rates there. */
static double moved_of(const double *theta, const clv_customer *who, const double *rates, double *moved) {
  const clv_lognormal_amounts amounts = amounts_of(who);
  clv_lognormal_point         at;
  double                      by[2], log_factor;
  memcpy(moved, rates, TWO * sizeof *rates);
  if (!clv_lognormal_population_of_values(N, theta, &at)) return NAN;
  const clv_lognormal_median eta = clv_lognormal_amounts_median(&at, at.mean, &amounts);
  for (size_t k = 0; k < 2; k++) by[k] = eta.slope[k] * rates[2 + k];
  moved[0] += rates[2] * (by[0] + rates[4] * by[1]);
  moved[1] += rates[3] * (by[1] + rates[4] * by[0]);
  log_factor = eta.constant + 0.5 * (eta.variance + at.within * at.within) +
               0.5 * (by[0] * by[0] + 2.0 * rates[4] * by[0] * by[1] + by[1] * by[1]);
  for (size_t k = 0; k < 2; k++) log_factor += eta.slope[k] * (rates[k] - at.mean[k]);
  return log_factor;
}

static double spend_expected(const double *theta, const clv_customer *who) {
  double       rates[TWO], moved[TWO];
  const bool   fine       = rates_of(theta, who, NULL, rates);
  const double log_factor = moved_of(theta, who, rates, moved);
  if (!fine) return NAN;
  return clv_exp(log_factor + RATES->log_likelihood(moved, who) - RATES->log_likelihood(rates, who));
}

static double spend_expected_new(const double *theta) {
  return clv_exp(theta[2] + 0.5 * (theta[5] * theta[5] + theta[9] * theta[9]));
}

static void spend_worth(const double *theta, const clv_customer *who, const clv_spans *over, double *worth) {
  double rates[TWO], moved[TWO], updated[CLV_PARAMETER_MAX], alive;
  (void)rates_of(theta, who, NULL, rates);
  const double log_factor     = moved_of(theta, who, rates, moved),
               log_likelihood = clv_lognormal_log_likelihood(moved, who, &alive);
  worth[0]                    = clv_exp(log_factor + log_likelihood - RATES->log_likelihood(rates, who));
  RATES->update(moved, who, updated);
  clv_lognormal_discounted(updated, over, worth + 1);
  for (size_t h = 0; h < over->n; h++) worth[1 + h] *= worth[0] * alive;
}

static void spend_worth_new(const double *theta, const clv_spans *over, double *worth) {
  static const clv_customer NOBODY;
  double                    rates[TWO], moved[TWO];
  rates_new(theta, rates);
  (void)moved_of(theta, &NOBODY, rates, moved);
  worth[0] = spend_expected_new(theta);
  for (size_t h = 0; h < over->n; h++)
    worth[1 + h] = worth[0] * RATES->discounted_new(moved, over->delta, over->length[h]);
}

static double spend_customer_draw(const double *theta, const clv_customer *who, clv_rng *rng) {
  double latent[N];
  (void)process_customer_draw(theta, who, rng, latent);
  return latent[2] * clv_exp(0.5 * theta[9] * theta[9]);
}

static void spend_simulate(const double *theta, size_t n, clv_rng *rng, double *amount) {
  const double log_eta = theta[2] + theta[5] * clv_rng_normal(rng);
  for (size_t i = 0; i < n; i++) amount[i] = clv_exp(log_eta + theta[9] * clv_rng_normal(rng));
}

const clv_spend_ops CLV_LOGNORMAL_SPEND = {
    .name           = "lognormal",
    .n_parameter    = N_PARAMETER,
    .parameter      = PARAMETER,
    .by_amounts     = true,
    .n_effect       = sizeof EFFECT / sizeof *EFFECT,
    .effect         = EFFECT,
    .process        = &CLV_LOGNORMAL_SPEND_PROCESS,
    .log_likelihood = spend_log_likelihood,
    .expected       = spend_expected,
    .expected_new   = spend_expected_new,
    .worth          = spend_worth,
    .worth_new      = spend_worth_new,
    .customer_draw  = spend_customer_draw,
    .simulate       = spend_simulate,
};
