#include <math.h>
#include <stdbool.h>

#include "engine/models/pareto_nbd.h"
#include "engine/models/pareto_nbd_ending.h"
#include "engine/numerics/pinned.h"

enum { R, ALPHA, S, BETA, N_PARAMETER };

static const char *const PARAMETER[] = {"r", "alpha", "s", "beta"};
static const char *const LATENT[]    = {"lambda", "mu"};
/* alpha exp(-gamma'w), beta exp(-gamma'w). */
static const clv_effect EFFECT[] = {{.on = CLV_ON_PURCHASES, .direction = {[ALPHA] = -1.0}},
                                    {.on = CLV_ON_DROPOUT, .direction = {[BETA] = -1.0}}};

static double process_gradient(const double *theta, const clv_customer *who, double *by_theta) {
  const double          r = theta[R], s = theta[S], x = (double)who->x;
  const double          log_alpha = clv_log(theta[ALPHA]), log_beta = clv_log(theta[BETA]);
  clv_pareto_nbd_ending end;
  clv_pareto_nbd_ending_of(theta, who, &end);
  if (by_theta != NULL) {
    by_theta[R]     = clv_digamma(r + x) - clv_digamma(r) + log_alpha - end.log_alpha;
    by_theta[ALPHA] = r / theta[ALPHA] - end.rate_alpha;
    by_theta[S]     = end.dead / s + log_beta - end.log_beta;
    by_theta[BETA]  = s / theta[BETA] - end.rate_beta;
  }
  return clv_lgamma(r + x) - clv_lgamma(r) + r * log_alpha + s * log_beta + end.log_mass;
}

static double process_log_likelihood(const double *theta, const clv_customer *who) {
  return process_gradient(theta, who, NULL);
}

static double process_p_alive(const double *theta, const clv_customer *who) {
  clv_pareto_nbd_ending end;
  clv_pareto_nbd_ending_of(theta, who, &end);
  return end.alive;
}

static void process_update(const double *theta, const clv_customer *who, double *updated) {
  updated[R]     = theta[R] + (double)who->x;
  updated[ALPHA] = theta[ALPHA] + who->T;
  updated[S]     = theta[S];
  updated[BETA]  = theta[BETA] + who->T;
}

/* (e^y - 1) / y, which is 1 at 0. */
static double growth_over(double y) { return fabs(y) < 1e-300 ? 1.0 : clv_expm1(y) / y; }

/* Purchases while alive, r / alpha a unit, times the expected time alive in (0, t]: beta L (1 - e^(-(s-1) L))
 * / ((s-1) L), L = log(1 + t / beta); s = 1 is nothing special. Schmittlein, Morrison & Colombo 1987. */
static double process_expected(const double *theta, double t) {
  if (!(t > 0.0)) return 0.0;
  const double span = clv_log1p(t / theta[BETA]);
  return theta[R] / theta[ALPHA] * theta[BETA] * span * growth_over((1.0 - theta[S]) * span);
}

/* Integral over v = log(1 + tau / beta) in (0, span) of exp((1-s) v - z (e^v - 1)), z = delta beta: panels no
 * longer than 1, and at least so many that none is steep, up to where nothing is left. */
static double discounted_time(double s, double z, double span) {
  enum { PANELS_MOST = 800 };
  const double rise = fmax((1.0 - s) * clv_log(fmax(1.0, (1.0 - s) / z)), 0.0); /* the mode, from above */
  const double end  = fmin(span, clv_log1p((40.0 + rise) / z));
  double       node[CLV_GAUSS_POINTS], weight[CLV_GAUSS_POINTS], sum = 0.0;
  clv_gauss_legendre(node, weight);
  const double slope = fabs(1.0 - s) + z, last = s > 1.0 ? fmin(end, 40.0 / slope) : end;
  const double panels = ceil(fmin(fmax(fmax(last, last * slope / 10.0), 4.0), PANELS_MOST));
  for (int panel = 0; panel < (int)panels; panel++)
    for (int k = 0; k < CLV_GAUSS_POINTS; k++) {
      const double v = last * ((double)panel + node[k]) / panels;
      sum += weight[k] * clv_exp((1.0 - s) * v - z * clv_expm1(v));
    }
  return sum * last / panels;
}

/* DERT (Fader, Hardie & Lee 2005, JMR 42(4)) as an integral, which holds for s on both sides of 1. */
static double process_discounted(const double *theta, double delta, double t) {
  const double s = theta[S];
  if (!(t > 0.0)) return 0.0;
  if (!(delta > 0.0)) {
    if (t < INFINITY) return process_expected(theta, t);
    return s > 1.0 ? theta[R] / theta[ALPHA] * theta[BETA] / (s - 1.0) : INFINITY;
  }
  return theta[R] / theta[ALPHA] * theta[BETA] *
         discounted_time(s, delta * theta[BETA], clv_log1p(t / theta[BETA]));
}

typedef struct pmf_terms {
  double r, n, s, log_lead, alpha_over_t, beta_over_t, log_alpha_over_t, log_beta_over_t;
} pmf_terms;

/* n purchases by the end of a life that ends at the share p of the horizon. */
static double pmf_integrand(const void *context, const clv_unit_point *at) {
  const pmf_terms *m     = context;
  const double     alpha = clv_log(m->alpha_over_t + at->p), beta = clv_log(m->beta_over_t + at->p);
  return clv_exp(m->log_lead - (m->r + m->n) * (alpha - m->log_alpha_over_t) +
                 m->n * (at->log_p - m->log_alpha_over_t) - (m->s + 1.0) * (beta - m->log_beta_over_t));
}

/* Alive to the end and n purchases, or n purchases before an earlier end: both terms positive (Fader &
 * Hardie, note on the pmf, as the sum that it starts from). */
static double process_pmf(const double *theta, uint32_t count, double t) {
  const double r = theta[R], alpha = theta[ALPHA], s = theta[S], beta = theta[BETA], n = (double)count;
  if (!(t > 0.0)) return count == 0 ? 1.0 : 0.0;
  const double choose = clv_lgamma(r + n) - clv_lgamma(r) - clv_lgamma(n + 1.0);
  const double log_z  = clv_log(t / alpha) - clv_log1p(t / alpha);
  const double alive =
      clv_exp(choose - r * clv_log1p(t / alpha) + (count == 0 ? 0.0 : n * log_z) - s * clv_log1p(t / beta));
  const pmf_terms terms = {.r                = r,
                           .n                = n,
                           .s                = s,
                           .log_lead         = choose + clv_log(s * t / beta),
                           .alpha_over_t     = alpha / t,
                           .beta_over_t      = beta / t,
                           .log_alpha_over_t = clv_log(alpha / t),
                           .log_beta_over_t  = clv_log(beta / t)};
  return alive + clv_unit_integral(pmf_integrand, &terms);
}

/* y = log((m+tau)/(m+t_x)) of a dead customer, by rejection from Devroye's envelope of a log-concave density
 * f with mode at y0: f(y) <= M min(1, e^(1 - M |y - y0|)), M = f(y0) (Devroye 1984, Computing 33). Four tries
 * on average at most. */
static double ending_draw(const clv_pareto_nbd_curve *c, double integral, clv_rng *rng) {
  const double share = -c->near / c->far;
  double       mode  = 0.0;
  if (share > 0.0 && c->z < share) /* x = 0 and r < 1: the density rises first */
    mode = fmin(clv_log(share * (1.0 - c->z) / (c->z * (1.0 - share))), c->length);
  const double at_mode = c->near * mode + c->far * clv_log(1.0 + c->z * clv_expm1(mode));
  const double scale   = integral * clv_exp(at_mode);
  for (;;) {
    const double tail = clv_rng_uniform(rng) < 0.5 ? clv_rng_exponential(rng) : 0.0;
    const double away = (tail > 0.0 ? 1.0 + tail : clv_rng_uniform(rng)) * scale;
    const double y    = mode > 0.0 && clv_rng_uniform(rng) < 0.5 ? mode - away : mode + away;
    if (!(y >= 0.0 && y <= c->length)) continue;
    const double drop = c->near * y + c->far * clv_log(1.0 + c->z * clv_expm1(y)) - at_mode;
    if (clv_rng_exponential(rng) >= drop - tail) return y;
  }
}

static int process_customer_draw(const double *theta, const clv_customer *who, clv_rng *rng, double *latent) {
  const double          n = theta[R] + (double)who->x;
  clv_pareto_nbd_ending end;
  clv_pareto_nbd_curve  curve;
  clv_pareto_nbd_ending_of(theta, who, &end);
  const bool alive = !(clv_rng_uniform(rng) < end.dead);
  double     tau   = who->T;
  if (!alive) {
    clv_pareto_nbd_curve_of(theta, who, &curve);
    const double near = fmin(theta[ALPHA], theta[BETA]) + who->t_x;
    tau               = fmin(who->t_x + near * clv_expm1(ending_draw(&curve, end.integral, rng)), who->T);
  }
  latent[0] = clv_rng_gamma(rng, n, theta[ALPHA] + tau);
  latent[1] = clv_rng_gamma(rng, theta[S] + (alive ? 0.0 : 1.0), theta[BETA] + tau);
  return alive;
}

static size_t process_simulate(const double *theta, double T, clv_rng *rng, double *time, size_t most) {
  const double lambda = clv_rng_gamma(rng, theta[R], theta[ALPHA]);
  const double mu     = clv_rng_gamma(rng, theta[S], theta[BETA]);
  const double end    = fmin(clv_rng_exponential(rng) / mu, T);
  double       now    = 0.0;
  for (size_t n = 0;; n++) {
    now += clv_rng_exponential(rng) / lambda;
    if (!(now <= end)) return n;
    if (n < most) time[n] = now;
  }
}

const clv_process_ops CLV_PARETO_NBD_PROCESS = {
    .name           = "pareto_nbd",
    .n_parameter    = N_PARAMETER,
    .coordinates    = &CLV_PARETO_COORDINATES,
    .parameter      = PARAMETER,
    .n_latent       = 2,
    .latent         = LATENT,
    .n_effect       = sizeof EFFECT / sizeof *EFFECT,
    .effect         = EFFECT,
    .log_likelihood = process_log_likelihood,
    .gradient       = process_gradient,
    .p_alive        = process_p_alive,
    .update         = process_update,
    .expected       = process_expected,
    .discounted     = process_discounted,
    .pmf            = process_pmf,
    /* a new customer is an alive one at his first purchase */
    .expected_new   = process_expected,
    .discounted_new = process_discounted,
    .pmf_new        = process_pmf,
    .customer_draw  = process_customer_draw,
    .simulate       = process_simulate,
    .simulate_alive = process_simulate,
};
