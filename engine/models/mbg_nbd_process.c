#include <math.h>

#include "engine/models/bg_family.h"
#include "engine/numerics/pinned.h"

/* A customer who did not leave after his first purchase is one of the BG/NBD with a chance survived: b + 1.
 */
enum { R, ALPHA, A, B, N_PARAMETER };

static const char *const PARAMETER[] = {"r", "alpha", "a", "b"};
static const char *const LATENT[]    = {"lambda", "p"};

/* Batislam, Denizel & Filiztekin 2007, eq. 4. */
static double process_log_likelihood(const double *theta, const clv_customer *who) {
  const double r = theta[R], alpha = theta[ALPHA], a = theta[A], b = theta[B], x = (double)who->x;
  const double before = clv_lgamma(r + x) - clv_lgamma(r) + r * clv_log(alpha) - clv_lbeta(a, b);
  const double alive  = clv_lbeta(a, b + x + 1.0) - (r + x) * clv_log(alpha + who->T);
  const double dead   = clv_lbeta(a + 1.0, b + x) - (r + x) * clv_log(alpha + who->t_x);
  return before + clv_log_sum_exp(alive, dead);
}

static double process_p_alive(const double *theta, const clv_customer *who) {
  const double x             = (double)who->x;
  const double log_odds_dead = clv_log(theta[A] / (theta[B] + x)) +
                               (theta[R] + x) * clv_log1p((who->T - who->t_x) / (theta[ALPHA] + who->t_x));
  return clv_sigmoid(-log_odds_dead);
}

static void process_p_alive_draws(const double *theta, size_t stride, size_t n_draw, const clv_customer *who,
                                  double *alive) {
  clv_bg_alive_draws(theta, stride, n_draw, who, true, alive);
}

static double process_gradient(const double *theta, const clv_customer *who, double *by_theta) {
  const double r = theta[R], alpha = theta[ALPHA], a = theta[A], b = theta[B], x = (double)who->x;
  const double alive = process_p_alive(theta, who), dead = 1.0 - alive;
  const double by_ab = clv_digamma(a + b) - clv_digamma(a + b + x + 1.0);
  by_theta[R] = clv_digamma(r + x) - clv_digamma(r) + clv_log(alpha) - alive * clv_log(alpha + who->T) -
                dead * clv_log(alpha + who->t_x);
  by_theta[ALPHA] = r / alpha - (r + x) * (alive / (alpha + who->T) + dead / (alpha + who->t_x));
  by_theta[A]     = by_ab + dead / a;
  by_theta[B]     = by_ab + clv_digamma(b + x + 1.0) - clv_digamma(b) - dead / (b + x);
  return process_log_likelihood(theta, who);
}

static void process_update(const double *theta, const clv_customer *who, double *updated) {
  updated[R]     = theta[R] + (double)who->x;
  updated[ALPHA] = theta[ALPHA] + who->T;
  updated[A]     = theta[A];
  updated[B]     = theta[B] + (double)who->x + 1.0;
}

/* P(a new customer stays after his first purchase), and the process of those who do. */
static double stayers(const double *theta, double *updated) {
  for (int i = 0; i < N_PARAMETER; i++) updated[i] = theta[i];
  updated[B] += 1.0;
  return theta[B] / (theta[A] + theta[B]);
}

static double process_expected(const double *theta, double t) {
  return CLV_BG_NBD_PROCESS.expected(theta, t);
}

static double process_discounted(const double *theta, double delta, double t) {
  return CLV_BG_NBD_PROCESS.discounted(theta, delta, t);
}

static double process_pmf(const double *theta, uint32_t n, double t) {
  return CLV_BG_NBD_PROCESS.pmf(theta, n, t);
}

static double process_expected_new(const double *theta, double t) {
  double       updated[N_PARAMETER];
  const double stay = stayers(theta, updated);
  return stay * process_expected(updated, t);
}

static double process_discounted_new(const double *theta, double delta, double t) {
  double       updated[N_PARAMETER];
  const double stay = stayers(theta, updated);
  return stay * process_discounted(updated, delta, t);
}

static double process_pmf_new(const double *theta, uint32_t n, double t) {
  double       updated[N_PARAMETER];
  const double stay = stayers(theta, updated);
  return stay * process_pmf(updated, n, t) + (n == 0 ? 1.0 - stay : 0.0);
}

static int process_customer_draw(const double *theta, const clv_customer *who, clv_rng *rng, double *latent) {
  const double x     = (double)who->x;
  const int    alive = clv_rng_uniform(rng) < process_p_alive(theta, who);
  latent[0]          = clv_rng_gamma(rng, theta[R] + x, theta[ALPHA] + (alive ? who->T : who->t_x));
  latent[1]          = alive ? clv_rng_beta(rng, theta[A], theta[B] + x + 1.0)
                             : clv_rng_beta(rng, theta[A] + 1.0, theta[B] + x);
  return alive;
}

static size_t process_simulate(const double *theta, double T, clv_rng *rng, double *time, size_t most) {
  const double lambda = clv_rng_gamma(rng, theta[R], theta[ALPHA]), p = clv_rng_beta(rng, theta[A], theta[B]);
  double       now = 0.0;
  size_t       n   = 0;
  while (clv_rng_uniform(rng) >= p) {
    now += clv_rng_exponential(rng) / lambda;
    if (!(now <= T)) return n;
    if (n < most) time[n] = now;
    n++;
  }
  return n;
}

static size_t process_simulate_alive(const double *theta, double T, clv_rng *rng, double *time, size_t most) {
  return CLV_BG_NBD_PROCESS.simulate(theta, T, rng, time, most);
}

const clv_process_ops CLV_MBG_NBD_PROCESS = {
    .name           = "mbg_nbd",
    .n_parameter    = N_PARAMETER,
    .coordinates    = &CLV_BG_COORDINATES,
    .parameter      = PARAMETER,
    .n_latent       = 2,
    .latent         = LATENT,
    .n_effect       = CLV_BG_EFFECTS,
    .effect         = CLV_BG_EFFECT,
    .log_likelihood = process_log_likelihood,
    .gradient       = process_gradient,
    .p_alive        = process_p_alive,
    .p_alive_draws  = process_p_alive_draws,
    .update         = process_update,
    .expected       = process_expected,
    .discounted     = process_discounted,
    .pmf            = process_pmf,
    .expected_new   = process_expected_new,
    .discounted_new = process_discounted_new,
    .pmf_new        = process_pmf_new,
    .customer_draw  = process_customer_draw,
    .simulate       = process_simulate,
    .simulate_alive = process_simulate_alive,
};
