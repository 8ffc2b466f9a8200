#include <math.h>

#include "engine/models/bg_bb.h"
#include "engine/numerics/beta_geometric.h"
#include "engine/numerics/pinned.h"

/* Updated parameters are those of Fader, Hardie & Shang 2010: alpha + x, beta + n - x, gamma, delta + n. */
enum { ALPHA, BETA, GAMMA, DELTA, N_PARAMETER };

static const char *const PARAMETER[] = {"alpha", "beta", "gamma", "delta"};
static const char *const LATENT[]    = {"p", "theta"};
/* gamma'w is added to the log-odds of the mean probability, the sum of each pair near its middle stays. */
static const clv_effect EFFECT[] = {{.on = CLV_ON_PURCHASES, .direction = {[ALPHA] = 0.5, [BETA] = -0.5}},
                                    {.on = CLV_ON_DROPOUT, .direction = {[GAMMA] = 0.5, [DELTA] = -0.5}}};

/* Opportunities in (0, t]; times that were divided and multiplied come back as they were. */
static double opportunities(double t) { return floor(t + 1e-9); }

/* log Gamma(a + n) - log Gamma(a): logs of products where n is small, so that nothing cancels. */
static double rising(double a, double n) {
  enum { FACTORS = 16 };
  double product = 1.0;
  if (n > FACTORS) return clv_lgamma(a + n) - clv_lgamma(a);
  for (double j = 0.0; j < n; j += 1.0) product *= a + j;
  return clv_log(product);
}

clv_bg_bb_silence clv_bg_bb_silence_of(const double *theta, double x, double t_x, double T) {
  const double      never = theta[BETA] + (t_x - x), trials = theta[ALPHA] + theta[BETA] + t_x;
  const double      lived = theta[DELTA] + t_x, life = theta[GAMMA] + theta[DELTA] + t_x;
  clv_bg_bb_silence s = {.chance = 1.0};
  /* From the last opportunity back: he leaves, or stays, does not buy and goes on. Each step is a mean of
   * numbers in (0, 1]: nothing cancels. */
  for (double i = T - t_x - 1.0; i >= 0.0; i -= 1.0) {
    const double leaves = theta[GAMMA] / (life + i), stays = (lived + i) / (life + i);
    const double idle = (never + i) / (trials + i), buys = (theta[ALPHA] + x) / (trials + i);
    const double rest = idle * s.chance, here = stays * rest;
    for (int k = 0; k < N_PARAMETER; k++) s.by_theta[k] *= stays * idle;
    s.by_theta[ALPHA] -= here / (trials + i);
    s.by_theta[BETA] += stays * buys / (trials + i) * s.chance;
    s.by_theta[GAMMA] += stays / (life + i) * (1.0 - rest);
    s.by_theta[DELTA] -= leaves / (life + i) * (1.0 - rest);
    s.chance = leaves + here;
  }
  for (int k = 0; k < N_PARAMETER; k++) s.by_theta[k] /= s.chance;
  return s;
}

/* Fader, Hardie & Shang 2010, eq. 5, the history up to t_x in front of the silence since. */
static double process_log_likelihood(const double *theta, const clv_customer *who) {
  const double x = (double)who->x, trials = theta[ALPHA] + theta[BETA], life = theta[GAMMA] + theta[DELTA];
  return rising(theta[ALPHA], x) + rising(theta[BETA], who->t_x - x) - rising(trials, who->t_x) +
         rising(theta[DELTA], who->t_x) - rising(life, who->t_x) +
         clv_log(clv_bg_bb_silence_of(theta, x, who->t_x, who->T).chance);
}

static double process_gradient(const double *theta, const clv_customer *who, double *by_theta) {
  const double x = (double)who->x, trials = theta[ALPHA] + theta[BETA], life = theta[GAMMA] + theta[DELTA];
  const double by_trials          = clv_digamma(trials + who->t_x) - clv_digamma(trials);
  const double by_life            = clv_digamma(life + who->t_x) - clv_digamma(life);
  const clv_bg_bb_silence silence = clv_bg_bb_silence_of(theta, x, who->t_x, who->T);
  by_theta[ALPHA] =
      clv_digamma(theta[ALPHA] + x) - clv_digamma(theta[ALPHA]) - by_trials + silence.by_theta[ALPHA];
  by_theta[BETA] = clv_digamma(theta[BETA] + (who->t_x - x)) - clv_digamma(theta[BETA]) - by_trials +
                   silence.by_theta[BETA];
  by_theta[GAMMA] = silence.by_theta[GAMMA] - by_life;
  by_theta[DELTA] =
      clv_digamma(theta[DELTA] + who->t_x) - clv_digamma(theta[DELTA]) - by_life + silence.by_theta[DELTA];
  return process_log_likelihood(theta, who);
}

/* The silence of those still there, as a share of all silence. */
static double process_p_alive(const double *theta, const clv_customer *who) {
  const double x = (double)who->x, idle = who->T - who->t_x;
  const double never = theta[BETA] + (who->t_x - x), trials = theta[ALPHA] + theta[BETA] + who->t_x;
  const double lived = theta[DELTA] + who->t_x, life = theta[GAMMA] + lived;
  const double stayed = rising(never, idle) - rising(trials, idle) + rising(lived, idle) - rising(life, idle);
  return fmin(clv_exp(stayed - clv_log(clv_bg_bb_silence_of(theta, x, who->t_x, who->T).chance)), 1.0);
}

static void process_update(const double *theta, const clv_customer *who, double *updated) {
  const double x = (double)who->x;
  updated[ALPHA] = theta[ALPHA] + x;
  updated[BETA]  = theta[BETA] + (who->T - x);
  updated[GAMMA] = theta[GAMMA];
  updated[DELTA] = theta[DELTA] + who->T;
}

static double mean_chance(const double *theta) { return theta[ALPHA] / (theta[ALPHA] + theta[BETA]); }

/* Sum over opportunities i <= n of u^i P(alive at i); all terms are positive. */
static double lives(const double *theta, double u, double n) {
  double term = 1.0, sum = 0.0;
  for (double i = 0.0; i < n && term > 1e-18 * sum; i += 1.0) {
    term *= u * (theta[DELTA] + i) / (theta[GAMMA] + theta[DELTA] + i);
    sum += term;
  }
  return sum;
}

static double process_expected(const double *theta, double t) {
  return mean_chance(theta) * lives(theta, 1.0, opportunities(t));
}

/* For ever: u S(1) 2F1(1, delta+1; gamma+delta+1; u), and undiscounted E[(1-theta) / theta], finite for gamma
 * > 1. */
static double process_discounted(const double *theta, double delta, double t) {
  const double u = clv_exp(-delta);
  if (t < INFINITY) return mean_chance(theta) * lives(theta, u, opportunities(t));
  if (!(delta > 0.0))
    return theta[GAMMA] > 1.0 ? mean_chance(theta) * theta[DELTA] / (theta[GAMMA] - 1.0) : INFINITY;
  return mean_chance(theta) * u * theta[DELTA] / (theta[GAMMA] + theta[DELTA]) *
         clv_beta_geometric_discounted(theta[GAMMA], theta[DELTA] + 1.0, u);
}

/* Fader, Hardie & Shang 2010, eq. 8: he leaves after i >= n opportunities with n purchases, or has them at
 * the end. */
static double process_pmf(const double *theta, uint32_t count, double t) {
  const double n = (double)count, most = opportunities(t), trials = theta[ALPHA] + theta[BETA];
  const double life = theta[GAMMA] + theta[DELTA];
  if (n > most) return 0.0;
  double bought = clv_exp(rising(theta[ALPHA], n) - rising(trials, n)); /* n purchases at i opportunities */
  double alive = clv_exp(rising(theta[DELTA], n) - rising(life, n)), sum = 0.0;
  for (double i = n; i < most; i += 1.0) {
    sum += bought * alive * theta[GAMMA] / (life + i);
    bought *= (i + 1.0) / (i + 1.0 - n) * (theta[BETA] + (i - n)) / (trials + i);
    alive *= (theta[DELTA] + i) / (life + i);
  }
  return sum + bought * alive;
}

/* The exact mixture: he left at one of the silent opportunities, or is there. */
static int process_customer_draw(const double *theta, const clv_customer *who, clv_rng *rng, double *latent) {
  const double x = (double)who->x, idle = who->T - who->t_x;
  const double never = theta[BETA] + (who->t_x - x), trials = theta[ALPHA] + theta[BETA] + who->t_x;
  const double lived = theta[DELTA] + who->t_x, life = theta[GAMMA] + lived;
  double left = clv_rng_uniform(rng) * clv_bg_bb_silence_of(theta, x, who->t_x, who->T).chance, stayed = 1.0;
  double i = 0.0;
  for (; i < idle; i += 1.0) {
    const double leaves = stayed * theta[GAMMA] / (life + i);
    if (left < leaves) break;
    left -= leaves;
    stayed *= (lived + i) / (life + i) * (never + i) / (trials + i);
  }
  const int alive = !(i < idle);
  latent[0]       = clv_rng_beta(rng, theta[ALPHA] + x, never + i);
  latent[1]       = clv_rng_beta(rng, theta[GAMMA] + (alive ? 0.0 : 1.0), lived + i);
  return alive;
}

static size_t process_simulate(const double *theta, double T, clv_rng *rng, double *time, size_t most) {
  const double p      = clv_rng_beta(rng, theta[ALPHA], theta[BETA]),
               leaves = clv_rng_beta(rng, theta[GAMMA], theta[DELTA]), end = opportunities(T);
  size_t n = 0;
  for (double now = 1.0; now <= end; now += 1.0) {
    if (clv_rng_uniform(rng) < leaves) break;
    if (!(clv_rng_uniform(rng) < p)) continue;
    if (n < most) time[n] = now;
    n++;
  }
  return n;
}

/* A new customer is alive, so what holds for one alive holds for him. */
const clv_process_ops CLV_BG_BB_PROCESS = {
    .name           = "bg_bb",
    .n_parameter    = N_PARAMETER,
    .coordinates    = &CLV_BG_BB_COORDINATES,
    .parameter      = PARAMETER,
    .n_latent       = 2,
    .latent         = LATENT,
    .n_effect       = sizeof EFFECT / sizeof *EFFECT,
    .effect         = EFFECT,
    .by_recency     = true, /* whole ages: nothing to interpolate between */
    .by_opportunity = true,
    .log_likelihood = process_log_likelihood,
    .gradient       = process_gradient,
    .p_alive        = process_p_alive,
    .update         = process_update,
    .expected       = process_expected,
    .discounted     = process_discounted,
    .pmf            = process_pmf,
    .expected_new   = process_expected,
    .discounted_new = process_discounted,
    .pmf_new        = process_pmf,
    .customer_draw  = process_customer_draw,
    .simulate       = process_simulate,
    .simulate_alive = process_simulate,
};
