#include <math.h>
#include <stdbool.h>

#include "engine/models/bg_expected_kernel.h"
#include "engine/models/bg_family.h"
#include "engine/numerics/pinned.h"
#include "engine/numerics/quadrature.h"

enum { R, ALPHA, A, B, N_PARAMETER };

static const char *const PARAMETER[] = {"r", "alpha", "a", "b"};
static const char *const LATENT[]    = {"lambda", "p"};

static double process_log_likelihood(const double *theta, const clv_customer *who) {
  const double r = theta[R], alpha = theta[ALPHA], a = theta[A], b = theta[B], x = (double)who->x;
  const double before = clv_lgamma(r + x) - clv_lgamma(r) + r * clv_log(alpha) - clv_lbeta(a, b);
  const double alive  = clv_lbeta(a, b + x) - (r + x) * clv_log(alpha + who->T);
  if (who->x == 0) return before + alive;
  const double dead = clv_lbeta(a + 1.0, b + (x - 1.0)) - (r + x) * clv_log(alpha + who->t_x);
  return before + clv_log_sum_exp(alive, dead);
}

static double process_p_alive(const double *theta, const clv_customer *who) {
  const double x = (double)who->x;
  if (who->x == 0) return 1.0;
  const double log_odds_dead = clv_log(theta[A] / (theta[B] + (x - 1.0))) +
                               (theta[R] + x) * clv_log1p((who->T - who->t_x) / (theta[ALPHA] + who->t_x));
  return clv_sigmoid(-log_odds_dead);
}

static void process_p_alive_draws(const double *theta, size_t stride, size_t n_draw, const clv_customer *who,
                                  double *alive) {
  if (who->x > 0) {
    clv_bg_alive_draws(theta, stride, n_draw, who, false, alive);
    return;
  }
  for (size_t s = 0; s < n_draw; s++) alive[s] = 1.0;
}

static double process_gradient(const double *theta, const clv_customer *who, double *by_theta) {
  const double r = theta[R], alpha = theta[ALPHA], a = theta[A], b = theta[B], x = (double)who->x;
  const double alive = process_p_alive(theta, who), dead = 1.0 - alive;
  const double by_ab = clv_digamma(a + b) - clv_digamma(a + b + x);
  by_theta[R] = clv_digamma(r + x) - clv_digamma(r) + clv_log(alpha) - alive * clv_log(alpha + who->T) -
                dead * clv_log(alpha + who->t_x);
  by_theta[ALPHA] = r / alpha - (r + x) * (alive / (alpha + who->T) + dead / (alpha + who->t_x));
  by_theta[A]     = by_ab + dead / a;
  by_theta[B]     = by_ab + clv_digamma(b + x) - clv_digamma(b) - (dead > 0.0 ? dead / (b + (x - 1.0)) : 0.0);
  return process_log_likelihood(theta, who);
}

static void process_update(const double *theta, const clv_customer *who, double *updated) {
  updated[R]     = theta[R] + (double)who->x;
  updated[ALPHA] = theta[ALPHA] + who->T;
  updated[A]     = theta[A];
  updated[B]     = theta[B] + (double)who->x;
}

/* A function of the dropout probability, to be averaged over p ~ Beta(a, b). */
typedef struct beta_mean {
  double r, alpha, a, b, log_beta, t, delta;
  double (*given)(const struct beta_mean *m, double p);
  double at_zero, at_one; /* its limits */
  int    split;
} beta_mean;

static double beta_integrand(const void *context, const clv_unit_point *at) {
  const beta_mean *m       = context;
  const double     density = clv_exp((m->a - 1.0) * at->log_p + (m->b - 1.0) * at->log_rest - m->log_beta);
  if (density * at->p * at->rest < 1e-17) return 0.0; /* spares the function where nobody is */
  double value = m->given(m, at->p);
  if (m->split) value = (value - m->at_zero * at->rest - m->at_one * at->p) / (at->p * at->rest);
  return value * density;
}

/* E f(p). With a or b near 0 the density does not fade within the range of doubles: then f = f(0) (1 - p) +
 * f(1) p + p (1 - p) g(p), and g is averaged over Beta(a + 1, b + 1), which is tame. */
static double beta_average(beta_mean m) {
  const double a = m.a, b = m.b, ab = a + b;
  double       lead = 0.0, weight = 1.0;
  m.split = a < 0.1 || b < 0.1;
  if (m.split) {
    m.at_one = m.given(&m, 1.0);
    lead     = (m.at_zero * b + m.at_one * a) / ab;
    weight   = a / ab * b / (ab + 1.0);
    m.a += 1.0;
    m.b += 1.0;
  }
  m.log_beta = clv_lbeta(m.a, m.b);
  /* beyond these the density alone is below e^-40 of the whole */
  const double low = (m.log_beta - 40.0) / m.a, high = (40.0 - m.log_beta) / m.b;
  return lead + weight * clv_unit_integral_between(beta_integrand, &m, low, high);
}

/* A customer with dropout probability p buys (1 - (alpha / (alpha + p t))^r) / p times in (0, t]. */
static double expected_given_p(const beta_mean *m, double p) {
  return -clv_expm1(-m->r * clv_log1p(p * m->t / m->alpha)) / p;
}

static double expected_by_quadrature(const double *theta, double t) {
  const beta_mean m = {.r       = theta[R],
                       .alpha   = theta[ALPHA],
                       .a       = theta[A],
                       .b       = theta[B],
                       .t       = t,
                       .given   = expected_given_p,
                       .at_zero = theta[R] * t / theta[ALPHA]};
  return beta_average(m);
}

/* Times whose number of purchases without dropout, NB(r, z) with z = t / (alpha + t), is worth a sum over all
 * counts: few terms, and P(none) that does not underflow. @return log P(none), or NAN */
static double log_none(const double *theta, double t) {
  const double log_first = theta[R] * clv_log1p(-t / (theta[ALPHA] + t));
  return log_first > -600.0 && theta[R] * t / theta[ALPHA] < CLV_BG_MEAN_MOST ? log_first : NAN;
}

/* E at several times; see clv_bg_expected. @param t  [n <= CLV_BG_TIMES_MOST], positive */
static void expected_at(const double *theta, size_t n, const double *t, double *expected) {
  clv_bg_times times = {.n = n};
  bool         fits  = true;
  for (size_t i = 0; i < n; i++) {
    const double none = log_none(theta, t[i]);
    fits              = fits && none == none;
    times.z[i]        = t[i] / (theta[ALPHA] + t[i]);
    times.none[i]     = fits ? clv_exp(none) : 0.0;
  }
  if (fits && CLV_KERNEL_PICK(clv_bg_expected, clv_isa_best())(theta, &times, expected)) return;
  for (size_t i = 0; i < n; i++) {
    if (n > 1)
      expected_at(theta, 1, &t[i], &expected[i]);
    else
      expected[i] = expected_by_quadrature(theta, t[i]);
  }
}

static double process_expected(const double *theta, double t) {
  double expected = 0.0;
  if (t > 0.0) expected_at(theta, 1, &t, &expected);
  return expected;
}

/* e^y E_n(y) by its continued fraction (Abramowitz & Stegun 5.1.22), numerators and denominators by Wallis'
 * recurrence: no division but one in ten steps, where they are brought back into range. */
static double exponential_integral_scaled(double n, double y) {
  double b = y + n, a_before = 1.0, a = b, b_before = 0.0, below = 1.0, last = 0.0;
  for (int i = 1; i < 10000;) {
    for (const int end = i + 10; i < end; i++) {
      const double step = -(double)i * (n - 1.0 + (double)i);
      b += 2.0;
      const double a_next = b * a + step * a_before, below_next = b * below + step * b_before;
      a_before = a, a = a_next;
      b_before = below, below = below_next;
    }
    const double scale = 1.0 / a;
    below *= scale, b_before *= scale, a_before *= scale, a = 1.0;
    if (fabs(below - last) <= 1e-12 * fabs(below)) break;
    last = below;
  }
  return below;
}

/* E[lambda / (lambda p + delta)] given p, lambda ~ Gamma(r, alpha): r / (alpha delta) y e^y E_{r+1}(y) with y
 * = alpha delta / p. */
static double discounted_given_p(const beta_mean *m, double p) {
  const double y    = m->alpha * m->delta / p;
  const double tail = y < 1e8 ? y * exponential_integral_scaled(m->r + 1.0, y) : 1.0;
  return m->r / (m->alpha * m->delta) * tail;
}

/* Integral of e^(-delta s) dE(s) over (0, t] = e^(-delta t) E(t) + delta * integral of e^(-delta s) E(s),
 * Gauss-Legendre in log(alpha + s), where E is smooth on the scale of its own growth. */
static double discounted_finite(const double *theta, double delta, double t) {
  double       node[CLV_GAUSS_POINTS], weight[CLV_GAUSS_POINTS], s[CLV_GAUSS_POINTS], e[CLV_GAUSS_POINTS];
  double       sum     = 0.0;
  const double span    = clv_log1p(t / theta[ALPHA]);
  const int    n_panel = (int)fmin(ceil(fmax(span, delta * t) / 1.5), 64.0);
  clv_gauss_legendre(node, weight);
  for (int panel = 0; delta > 0.0 && panel < n_panel; panel++) {
    for (int k = 0; k < CLV_GAUSS_POINTS; k++)
      s[k] = theta[ALPHA] * clv_expm1(span * ((double)panel + node[k]) / (double)n_panel);
    expected_at(theta, CLV_GAUSS_POINTS, s, e);
    for (int k = 0; k < CLV_GAUSS_POINTS; k++)
      sum += weight[k] * (theta[ALPHA] + s[k]) * clv_exp(-delta * s[k]) * e[k];
  }
  return clv_exp(-delta * t) * process_expected(theta, t) + delta * sum * span / (double)n_panel;
}

static double process_discounted(const double *theta, double delta, double t) {
  if (!(t > 0.0)) return 0.0;
  if (t < INFINITY) return discounted_finite(theta, delta, t);
  /* without discounting: E[1 / p], finite for a > 1 */
  if (!(delta > 0.0)) return theta[A] > 1.0 ? (theta[A] + theta[B] - 1.0) / (theta[A] - 1.0) : INFINITY;
  const beta_mean m = {.r       = theta[R],
                       .alpha   = theta[ALPHA],
                       .a       = theta[A],
                       .b       = theta[B],
                       .delta   = delta,
                       .given   = discounted_given_p,
                       .at_zero = theta[R] / (theta[ALPHA] * delta)};
  return beta_average(m);
}

/* P(N = n) and P(N >= n) of the count without dropout. */
static void count_probabilities(double r, double z, double n, double *here, double *at_least) {
  const double log_here =
      clv_lgamma(r + n) - clv_lgamma(r) - clv_lgamma(n + 1.0) + r * clv_log1p(-z) + n * clv_log(z);
  double term = clv_exp(log_here), sum = 0.0;
  *here = term;
  if (n > r * z / (1.0 - z)) { /* upper tail: add up what is left */
    for (double k = n; term > 1e-18 * sum && k < n + 1e6; k += 1.0)
      sum += term, term *= z * (r + k) / (k + 1.0);
    *at_least = sum;
    return;
  }
  for (double k = n - 1.0; k >= 0.0; k -= 1.0) {
    term *= (k + 1.0) / (z * (r + k));
    sum += term;
    if (term < 1e-18 * sum) break;
  }
  *at_least = 1.0 - sum;
}

static double process_pmf(const double *theta, uint32_t count, double t) {
  const double n = (double)count, a = theta[A], b = theta[B];
  if (!(t > 0.0)) return count == 0 ? 1.0 : 0.0;
  const double z = t / (theta[ALPHA] + t);
  if (count == 0) return clv_exp(theta[R] * clv_log1p(-z));
  double here, at_least;
  count_probabilities(theta[R], z, n, &here, &at_least);
  const double log_beta = clv_lbeta(a, b);
  return clv_exp(clv_lbeta(a, b + n) - log_beta) * here +
         clv_exp(clv_lbeta(a + 1.0, b + n - 1.0) - log_beta) * at_least;
}

static int process_customer_draw(const double *theta, const clv_customer *who, clv_rng *rng, double *latent) {
  const double x     = (double)who->x;
  const int    alive = clv_rng_uniform(rng) < process_p_alive(theta, who);
  latent[0]          = clv_rng_gamma(rng, theta[R] + x, theta[ALPHA] + (alive ? who->T : who->t_x));
  latent[1]          = alive ? clv_rng_beta(rng, theta[A], theta[B] + x)
                             : clv_rng_beta(rng, theta[A] + 1.0, theta[B] + (x - 1.0));
  return alive;
}

static size_t process_simulate(const double *theta, double T, clv_rng *rng, double *time, size_t most) {
  const double lambda = clv_rng_gamma(rng, theta[R], theta[ALPHA]), p = clv_rng_beta(rng, theta[A], theta[B]);
  double       now = 0.0;
  size_t       n   = 0;
  for (;;) {
    now += clv_rng_exponential(rng) / lambda;
    if (!(now <= T)) return n;
    if (n < most) time[n] = now;
    n++;
    if (clv_rng_uniform(rng) < p) return n;
  }
}

const clv_process_ops CLV_BG_NBD_PROCESS = {
    .name           = "bg_nbd",
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
    /* a new customer is an alive one at his first purchase: dropout needs a repeat purchase */
    .expected_new   = process_expected,
    .discounted_new = process_discounted,
    .pmf_new        = process_pmf,
    .customer_draw  = process_customer_draw,
    .simulate       = process_simulate,
    .simulate_alive = process_simulate,
};
