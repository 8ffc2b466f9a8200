#include <math.h>

#include "engine/models/gamma_value.h"
#include "engine/models/gamma_value_rule.h"
#include "engine/numerics/pinned.h"

enum { N_PARAMETER = 5 };

static const char *const PARAMETER[N_PARAMETER] = {"shape", "mean_amount", "sd_log_shape", "sd_log_mean",
                                                   "correlation_ratio"};

/* Covariates multiply the mean amount and leave shapes as they are. */
static const clv_effect EFFECT[] = {{.on = CLV_ON_SPEND, .direction = {[1] = 1.0}}};

static clv_gamma_value_result integrate(const double *theta, const clv_customer *who) {
  const clv_gamma_value_prior  prior = clv_gamma_value_prior_of(theta);
  const clv_gamma_value_record record =
      clv_gamma_value_record_of(who->n_spend, who->positive_spend, who->log_spend);
  clv_gamma_value_result out;
  clv_gamma_value_alone(&prior, &record, clv_isa_best(), &out);
  return out;
}

static double spend_log_likelihood(const double *theta, const clv_customer *who) {
  if (who->n_spend == 0) return 0.0;
  return integrate(theta, who).log_likelihood - who->n_spend * who->log_spend;
}

static double spend_gradient(const double *theta, const clv_customer *who, double *by_theta) {
  for (int i = 0; i < N_PARAMETER; i++) by_theta[i] = 0.0;
  if (who->n_spend == 0) return 0.0;
  const clv_gamma_value_prior  p = clv_gamma_value_prior_of(theta);
  const clv_gamma_value_result r = integrate(theta, who);
  const double a = r.moment[0], e = r.moment[1], aa = r.moment[2] - 1.0, ee = r.moment[3] - 1.0,
               ae = r.moment[4] - p.rho;
  by_theta[0]     = (a - p.rho * e) / (p.rest * p.sd[0] * theta[0]);
  by_theta[1]     = (e - p.rho * a) / (p.rest * p.sd[1] * theta[1]);
  by_theta[2]     = (aa - p.rho * ae) / (p.rest * p.sd[0]);
  by_theta[3]     = (ee - p.rho * ae) / (p.rest * p.sd[1]);
  by_theta[4]     = 0.5 * (ae - p.rho * (aa - 2.0 * p.rho * ae + ee) / p.rest) / theta[4];
  return r.log_likelihood - who->n_spend * who->log_spend;
}

/* A log-normal's mean: it always exists. */
static double spend_expected_new(const double *theta) {
  return theta[1] * clv_exp(0.5 * theta[3] * theta[3]);
}

static double spend_expected(const double *theta, const clv_customer *who) {
  return who->n_spend == 0 ? spend_expected_new(theta) : integrate(theta, who).mean_amount;
}

static void population_draw(const clv_gamma_value_prior *p, clv_rng *rng, double *latent) {
  const double A = clv_rng_normal(rng), E = p->rho * A + sqrt(p->rest) * clv_rng_normal(rng);
  latent[0] = p->mean[0] + p->sd[0] * A, latent[1] = p->mean[1] + p->sd[1] * E;
}

static double spend_customer_draw(const double *theta, const clv_customer *who, clv_rng *rng) {
  const clv_gamma_value_prior prior = clv_gamma_value_prior_of(theta);
  double                      latent[2];
  if (who->n_spend == 0) {
    population_draw(&prior, rng, latent);
  } else {
    const clv_gamma_value_record record =
        clv_gamma_value_record_of(who->n_spend, who->positive_spend, who->log_spend);
    clv_gamma_value_draw(&prior, &record, clv_isa_best(), rng, latent);
  }
  return clv_exp(latent[1]);
}

static void spend_simulate(const double *theta, size_t n, clv_rng *rng, double *amount) {
  const clv_gamma_value_prior prior = clv_gamma_value_prior_of(theta);
  double                      latent[2];
  population_draw(&prior, rng, latent);
  const double shape = clv_exp(latent[0]), rate = clv_exp(latent[0] - latent[1]);
  for (size_t i = 0; i < n; i++) amount[i] = clv_rng_gamma(rng, shape, rate);
}

const clv_spend_ops CLV_GAMMA_VALUE_SPEND = {
    .name           = "gamma_value",
    .n_parameter    = N_PARAMETER,
    .parameter      = PARAMETER,
    .by_amounts     = true,
    .n_effect       = sizeof EFFECT / sizeof *EFFECT,
    .effect         = EFFECT,
    .coordinates    = &CLV_GAMMA_VALUE_COORDINATES,
    .log_likelihood = spend_log_likelihood,
    .gradient       = spend_gradient,
    .expected       = spend_expected,
    .expected_new   = spend_expected_new,
    .customer_draw  = spend_customer_draw,
    .simulate       = spend_simulate,
};
