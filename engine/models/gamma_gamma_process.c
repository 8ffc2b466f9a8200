#include <math.h>

#include "engine/models/gamma_gamma.h"
#include "engine/numerics/pinned.h"

enum { P, Q, V, N_PARAMETER };

static const char *const PARAMETER[] = {"p", "q", "v"};
/* v exp(gamma'w): the mean spend p v / (q - 1) of the like is multiplied, how single amounts and customers
 * vary about it stays. */
static const clv_effect EFFECT[] = {{.on = CLV_ON_SPEND, .direction = {[V] = 1.0}}};

/* Fader & Hardie 2013 (note 025), eq. 1a. */
static double spend_log_likelihood(const double *theta, const clv_customer *who) {
  const double p = theta[P], q = theta[Q], v = theta[V], x = (double)who->x, z = who->spend, px = p * x;
  if (who->x == 0) return 0.0;
  return -clv_lbeta(px, q) + q * clv_log(v) + (px - 1.0) * clv_log(z) + px * clv_log(x) -
         (px + q) * clv_log(x * z + v);
}

static double spend_gradient(const double *theta, const clv_customer *who, double *by_theta) {
  const double p = theta[P], q = theta[Q], v = theta[V], x = (double)who->x, px = p * x;
  const double total = x * who->spend, log_all = clv_log(total + v);
  for (int i = 0; i < N_PARAMETER; i++) by_theta[i] = 0.0;
  if (who->x == 0) return 0.0;
  const double both = clv_digamma(px + q);
  by_theta[P]       = x * (both - clv_digamma(px) + clv_log(total) - log_all);
  by_theta[Q]       = both - clv_digamma(q) + clv_log(v) - log_all;
  by_theta[V]       = q / v - (px + q) / (total + v);
  return spend_log_likelihood(theta, who);
}

static double spend_expected_new(const double *theta) {
  return theta[Q] > 1.0 ? theta[P] * theta[V] / (theta[Q] - 1.0) : INFINITY;
}

static double spend_expected(const double *theta, const clv_customer *who) {
  const double x = (double)who->x, below = theta[P] * x + theta[Q] - 1.0;
  if (who->x == 0) return spend_expected_new(theta);
  return below > 0.0 ? theta[P] * (theta[V] + x * who->spend) / below : INFINITY;
}

static void spend_expected_draws(const double *theta, size_t stride, size_t n_draw, const clv_customer *who,
                                 double *expected) {
  for (size_t s = 0; s < n_draw; s++) expected[s] = spend_expected(theta + s * stride, who);
}

static double spend_customer_draw(const double *theta, const clv_customer *who, clv_rng *rng) {
  const double x = (double)who->x, total = who->x == 0 ? 0.0 : x * who->spend;
  return theta[P] / clv_rng_gamma(rng, theta[P] * x + theta[Q], theta[V] + total);
}

static void spend_simulate(const double *theta, size_t n, clv_rng *rng, double *amount) {
  const double nu = clv_rng_gamma(rng, theta[Q], theta[V]);
  for (size_t i = 0; i < n; i++) amount[i] = clv_rng_gamma(rng, theta[P], nu);
}

const clv_spend_ops CLV_GAMMA_GAMMA_SPEND = {
    .name           = "gamma_gamma",
    .n_parameter    = N_PARAMETER,
    .coordinates    = &CLV_GAMMA_GAMMA_COORDINATES,
    .parameter      = PARAMETER,
    .n_effect       = 1,
    .effect         = EFFECT,
    .log_likelihood = spend_log_likelihood,
    .gradient       = spend_gradient,
    .expected       = spend_expected,
    .expected_draws = spend_expected_draws,
    .expected_new   = spend_expected_new,
    .customer_draw  = spend_customer_draw,
    .simulate       = spend_simulate,
};
