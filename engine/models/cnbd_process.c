#include "engine/models/cnbd_process.h"

#include <math.h>
#include <stdbool.h>

#include "engine/models/bg_family.h"
#include "engine/models/cnbd.h"
#include "engine/numerics/beta_geometric.h"
#include "engine/numerics/pinned.h"
#include "engine/numerics/quadrature.h"

/* Gaps between purchases are Erlang-k: k phases, each exponential with the customer's lambda (Platzer &
 * Reutterer 2016; Reutterer, Platzer & Schroeder 2021). ELAPSED is only in updated parameters. */
enum { R, ALPHA, A, B, ELAPSED, N_PARAMETER = ELAPSED, K_MOST = CLV_ERLANG_MOST, PHASES_MOST = 16384 };

static const char *const PARAMETER[] = {"r", "alpha", "a", "b"};
static const char *const LATENT[]    = {"lambda", "p"};

/* Which member of the family. */
typedef struct kind {
  int  k;
  bool early; /* customers may leave right after the first purchase */
} kind;

clv_cnbd_stages clv_cnbd_stages_of(int k, double n, double y) {
  double term = 1.0, sum = 1.0, by_n = 0.0, by_y = 0.0, harmonic = 0.0;
  for (int j = 1; j < k; j++) {
    const double at = n + (double)(j - 1), before = term * at / (double)j;
    by_y += (double)j * before;
    term = before * y;
    harmonic += 1.0 / at;
    by_n += term * harmonic;
    sum += term;
  }
  return (clv_cnbd_stages){clv_log(sum), by_n / sum, by_y / sum};
}

static double elapsed(const double *theta, const clv_customer *who) {
  return (who->T - who->t_x) / (theta[ALPHA] + who->T);
}

static double times_left(const kind *m, const double *theta, const clv_customer *who) {
  return theta[B] + ((double)who->x - (m->early ? 0.0 : 1.0));
}

static double process_p_alive(const kind *m, const double *theta, const clv_customer *who) {
  const double n = theta[R] + (double)m->k * (double)who->x;
  if (who->x == 0 && !m->early) return 1.0;
  const double dead = clv_log(theta[A] / times_left(m, theta, who)) +
                      n * clv_log1p((who->T - who->t_x) / (theta[ALPHA] + who->t_x));
  return clv_sigmoid(clv_cnbd_stages_of(m->k, n, elapsed(theta, who)).log_sum - dead);
}

static double process_log_likelihood(const kind *m, const double *theta, const clv_customer *who) {
  const double r = theta[R], alpha = theta[ALPHA], a = theta[A], b = theta[B], x = (double)who->x;
  const double n = r + (double)m->k * x, chances = x + (m->early ? 1.0 : 0.0);
  const double before = clv_lgamma(n) - clv_lgamma(r) + r * clv_log(alpha) - n * clv_log(alpha + who->T) +
                        clv_lbeta(a, b + chances) - clv_lbeta(a, b) + (double)(m->k - 1) * who->litt -
                        x * clv_lgamma((double)m->k);
  const double alive = clv_cnbd_stages_of(m->k, n, elapsed(theta, who)).log_sum;
  if (who->x == 0 && !m->early) return before + alive;
  const double dead =
      clv_log(a / times_left(m, theta, who)) + n * clv_log1p((who->T - who->t_x) / (alpha + who->t_x));
  return before + clv_log_sum_exp(alive, dead);
}

static double process_gradient(const kind *m, const double *theta, const clv_customer *who,
                               double *by_theta) {
  const double          r = theta[R], alpha = theta[ALPHA], a = theta[A], b = theta[B], x = (double)who->x;
  const double          n = r + (double)m->k * x, chances = x + (m->early ? 1.0 : 0.0);
  const double          w = alpha + who->T, d = alpha + who->t_x, y = elapsed(theta, who);
  const double          alive = process_p_alive(m, theta, who), dead = 1.0 - alive;
  const double          by_ab  = clv_digamma(a + b) - clv_digamma(a + b + chances);
  const clv_cnbd_stages stages = clv_cnbd_stages_of(m->k, n, y);
  by_theta[R] = clv_digamma(n) - clv_digamma(r) + clv_log(alpha) - clv_log(w) + alive * stages.by_n +
                dead * clv_log1p((who->T - who->t_x) / d);
  by_theta[ALPHA] = r / alpha - n / w - alive * stages.by_y * y / w - dead * n * (y / d);
  by_theta[A]     = by_ab + dead / a;
  by_theta[B]     = by_ab + clv_digamma(b + chances) - clv_digamma(b) -
                (chances > 0.0 ? dead / times_left(m, theta, who) : 0.0);
  return process_log_likelihood(m, theta, who);
}

static void process_update(const kind *m, const double *theta, const clv_customer *who, double *updated) {
  const double y   = elapsed(theta, who);
  updated[R]       = theta[R] + (double)m->k * (double)who->x;
  updated[ALPHA]   = theta[ALPHA] + who->T;
  updated[A]       = theta[A];
  updated[B]       = theta[B] + (double)who->x + (m->early ? 1.0 : 0.0);
  updated[ELAPSED] = y;
}

/* P(j phases of the gap under way are over | alive) for j < k. */
static void stage_weights(int k, const double *updated, double *weight) {
  double sum = 1.0;
  weight[0]  = 1.0;
  for (int j = 1; j < k; j++) {
    weight[j] = weight[j - 1] * (updated[R] + (double)(j - 1)) / (double)j * updated[ELAPSED];
    sum += weight[j];
  }
  for (int j = 0; j < k; j++) weight[j] /= sum;
}

/* Phases in (0, t] are NB(r, z), z = t / (alpha + t). */
static double log_phases(double r, double z, double n) {
  return clv_lgamma(r + n) - clv_lgamma(r) - clv_lgamma(n + 1.0) + r * clv_log1p(-z) + n * clv_log(z);
}

/* Sum over i < count of E[(1-p)^i], p ~ Beta(a, b), at a real count: ((a+b-1) / (a-1)) (1 - B(a-1,
 * b+count) / B(a-1, b)); at a = 1 by a step beside it, whose error is of the step's order. */
static double survivals(double a, double b, double count) {
  const double c     = fabs(a - 1.0) < 1e-8 ? 1e-8 : a - 1.0;
  const double ratio = clv_lgamma(b + count) - clv_lgamma(b) - clv_lgamma(c + b + count) + clv_lgamma(c + b);
  return -(c + b) / c * clv_expm1(ratio);
}

/* E of the purchases that many phases make, past the sum's reach: an integral over log n, where a purchase
 * is k phases and a gap's start is at its mean. */
static double expected_beyond(const double *theta, int k, int stage, double z, double first) {
  const double mean = theta[R] * z / (1.0 - z), spread = sqrt(1.0 / theta[R] + 1.0 / mean);
  const double low = fmax(first - 0.5, mean * (1.0 - 12.0 * spread)),
               top = mean * (1.0 + 12.0 * spread) + 50.0 * (1.0 + mean / theta[R]) * fmin(1.0, 12.0 * spread);
  const double span    = clv_log(top / low);
  const int    n_panel = (int)fmin(1.0 + span / fmin(0.75, 2.0 * spread), 64.0);
  double       node[CLV_GAUSS_POINTS], weight[CLV_GAUSS_POINTS], sum = 0.0;
  clv_gauss_legendre(node, weight);
  for (int panel = 0; panel < n_panel; panel++)
    for (int q = 0; q < CLV_GAUSS_POINTS; q++) {
      const double n     = low * clv_exp(span * ((double)panel + node[q]) / (double)n_panel);
      const double count = (n + (double)stage - 0.5 * (double)(k - 1)) / (double)k;
      sum += weight[q] * n * clv_exp(log_phases(theta[R], z, n)) * survivals(theta[A], theta[B], count);
    }
  return sum * span / (double)n_panel;
}

/* Expected purchases in (0, t] of a customer with `stage` phases of his gap over: sum over phases n of P(n)
 * times the sum of E[(1-p)^i] over i < (n + stage) / k. All terms are positive. */
static double expected_at_stage(const double *theta, int k, int stage, double t) {
  const double r = theta[R], z = t / (theta[ALPHA] + t), mean = r * t / theta[ALPHA];
  const double low      = mean - 12.0 * sqrt(mean + mean * mean / r);
  const bool   long_run = mean > (double)PHASES_MOST;
  const double start = low > 0.0 ? floor(low) : 0.0, end = long_run ? 4096.0 : INFINITY;
  if (start >= end) return expected_beyond(theta, k, stage, z, start);
  double survived = 1.0, made = 0.0, count = 0.0, sum = 0.0, n = start;
  double term = clv_exp(start > 0.0 ? log_phases(r, z, start) : r * clv_log1p(-z));
  for (; n < end; n += 1.0) {
    while ((double)k * (count + 1.0) <= n + (double)stage) {
      made += survived;
      survived *= (theta[B] + count) / (theta[A] + theta[B] + count);
      count += 1.0;
    }
    sum += term * made;
    const double ratio = z * (r + n) / (n + 1.0);
    term *= ratio;
    /* beyond the mode the rest is at most a geometric series; what it is multiplied with grows slowly */
    if (ratio < 1.0 && made > 0.0 && term * (made + 1.0) < 1e-17 * (1.0 - fmax(ratio, z)) * sum) return sum;
    if (!(term > 0.0) && n > mean) return sum;
  }
  return sum + expected_beyond(theta, k, stage, z, end);
}

static double process_expected(const kind *m, const double *theta, double t) {
  double weight[K_MOST], stage_theta[N_PARAMETER], sum = 0.0;
  if (!(t > 0.0)) return 0.0;
  stage_weights(m->k, theta, weight);
  for (int i = 0; i < N_PARAMETER; i++) stage_theta[i] = theta[i];
  for (int j = 0; j < m->k && weight[j] > 0.0; j++) {
    stage_theta[R] = theta[R] + (double)j; /* each phase seen tells of lambda */
    sum += weight[j] * expected_at_stage(stage_theta, m->k, j, t);
  }
  return sum;
}

/* The expectation over lambda of u^(k-j) 2F1(1, b; a+b; u^k), u = lambda / (lambda + delta): purchase i of
 * those to come is k (i + 1) - j phases away, each discounted by u. Trapezoid rule in log lambda, where the
 * integrand fades on both sides. */
static double discounted_for_ever(const kind *m, const double *theta, double delta) {
  const double r = theta[R], alpha = theta[ALPHA], k = (double)m->k;
  const double wide = 1.0 / sqrt(r + k), step = fmin(0.1, 0.2 * wide);
  const double middle = clv_log((r + k) / alpha);
  const double from   = middle - 45.0 * fmin(1.0, fmax(wide, 1.0 / (r + 1.0))),
               to     = middle + 12.0 * fmin(wide, 0.5);
  const double scale =
      r * clv_log(alpha) - clv_lgamma(r) - clv_cnbd_stages_of(m->k, r, theta[ELAPSED]).log_sum;
  const int n_step = (int)ceil((to - from) / step);
  double    sum    = 0.0;
  for (int i = 0; i <= n_step; i++) {
    const double v = from + step * (double)i, lambda = clv_exp(v), density = scale + r * v - alpha * lambda;
    if (density < -700.0) continue;
    const double u = lambda / (lambda + delta), uk = clv_exp(-k * clv_log1p(delta / lambda));
    double       phase = 1.0, stages = 0.0, left = uk; /* u^(k-j) */
    for (int j = 0; j < m->k; j++) {
      stages += phase * left;
      phase *= alpha * lambda * theta[ELAPSED] / (double)(j + 1);
      left /= u;
    }
    sum += clv_exp(density) * stages * clv_beta_geometric_discounted(theta[A], theta[B], uk);
  }
  return sum * step;
}

/* Integral of e^(-delta s) dE(s) over (0, t] by parts, as for the BG/NBD; panels follow the gaps, whose
 * rhythm E has. */
static double discounted_finite(const kind *m, const double *theta, double delta, double t) {
  double       node[CLV_GAUSS_POINTS], weight[CLV_GAUSS_POINTS], sum = 0.0;
  const double span = clv_log1p(t / theta[ALPHA]), gaps = theta[R] * t / theta[ALPHA] / (double)m->k;
  const int    n_panel = (int)fmin(ceil(fmax(fmax(span, delta * t) / 1.5, gaps / 4.0)), 64.0);
  clv_gauss_legendre(node, weight);
  for (int panel = 0; delta > 0.0 && panel < n_panel; panel++)
    for (int q = 0; q < CLV_GAUSS_POINTS; q++) {
      const double v = span * ((double)panel + node[q]) / (double)n_panel, s = theta[ALPHA] * clv_expm1(v);
      sum += weight[q] * (theta[ALPHA] + s) * clv_exp(-delta * s) * process_expected(m, theta, s);
    }
  return clv_exp(-delta * t) * process_expected(m, theta, t) + delta * sum * span / (double)n_panel;
}

static double process_discounted(const kind *m, const double *theta, double delta, double t) {
  if (!(t > 0.0)) return 0.0;
  if (t < INFINITY) return discounted_finite(m, theta, delta, t);
  /* without discounting: E[1 / p], finite for a > 1 */
  if (!(delta > 0.0)) return theta[A] > 1.0 ? (theta[A] + theta[B] - 1.0) / (theta[A] - 1.0) : INFINITY;
  return discounted_for_ever(m, theta, delta);
}

/* P(at least n phases): what is left above, or what is not below, whichever is the smaller sum. */
static double phases_at_least(double r, double z, double n) {
  if (!(n > 0.0)) return 1.0;
  double sum = 0.0;
  if (n > r * z / (1.0 - z)) {
    double term = clv_exp(log_phases(r, z, n));
    for (double i = n; term > 1e-18 * sum && i < n + 1e6; i += 1.0)
      sum += term, term *= z * (r + i) / (i + 1.0);
    return sum;
  }
  double term = clv_exp(log_phases(r, z, n - 1.0));
  for (double i = n - 1.0; i >= 0.0 && term > 1e-18 * sum; i -= 1.0)
    sum += term, term *= i / (z * (r + i - 1.0));
  return 1.0 - sum;
}

static double process_pmf(const kind *m, const double *theta, uint32_t count, double t) {
  const double n = (double)count, k = (double)m->k, a = theta[A], b = theta[B];
  if (!(t > 0.0)) return count == 0 ? 1.0 : 0.0;
  const double z = t / (theta[ALPHA] + t), log_beta = clv_lbeta(a, b);
  const double stay  = clv_exp(clv_lbeta(a, b + n) - log_beta);
  const double leave = count == 0 ? 0.0 : clv_exp(clv_lbeta(a + 1.0, b + n - 1.0) - log_beta);
  double       weight[K_MOST], sum = 0.0;
  stage_weights(m->k, theta, weight);
  for (int j = 0; j < m->k; j++) {
    const double r = theta[R] + (double)j, first = k * n - (double)j;
    double       here = 0.0;
    for (double i = fmax(first, 0.0); i < first + k; i += 1.0)
      here += clv_exp(i > 0.0 ? log_phases(r, z, i) : r * clv_log1p(-z));
    sum += weight[j] * (stay * here + (leave > 0.0 ? leave * phases_at_least(r, z, first) : 0.0));
  }
  return sum;
}

/* P(a new customer may buy again), and the process of those who do. */
static double newcomers(const kind *m, const double *theta, double *updated) {
  for (int i = 0; i < N_PARAMETER; i++) updated[i] = theta[i];
  updated[ELAPSED] = 0.0;
  if (!m->early) return 1.0;
  updated[B] += 1.0;
  return theta[B] / (theta[A] + theta[B]);
}

static double process_expected_new(const kind *m, const double *theta, double t) {
  double       updated[N_PARAMETER + 1];
  const double stay = newcomers(m, theta, updated);
  return stay * process_expected(m, updated, t);
}

static double process_discounted_new(const kind *m, const double *theta, double delta, double t) {
  double       updated[N_PARAMETER + 1];
  const double stay = newcomers(m, theta, updated);
  return stay * process_discounted(m, updated, delta, t);
}

static double process_pmf_new(const kind *m, const double *theta, uint32_t n, double t) {
  double       updated[N_PARAMETER + 1];
  const double stay = newcomers(m, theta, updated);
  return stay * process_pmf(m, updated, n, t) + (n == 0 ? 1.0 - stay : 0.0);
}

static int stage_draw(int k, const double *updated, clv_rng *rng) {
  double weight[K_MOST], at = clv_rng_uniform(rng);
  int    j = 0;
  stage_weights(k, updated, weight);
  while (j < k - 1 && at >= weight[j]) at -= weight[j++];
  return j;
}

static int process_customer_draw(const kind *m, const double *theta, const clv_customer *who, clv_rng *rng,
                                 double *latent) {
  double       updated[N_PARAMETER + 1];
  const int    alive = clv_rng_uniform(rng) < process_p_alive(m, theta, who);
  const double n     = theta[R] + (double)m->k * (double)who->x;
  process_update(m, theta, who, updated);
  latent[0] = alive ? clv_rng_gamma(rng, n + (double)stage_draw(m->k, updated, rng), updated[ALPHA])
                    : clv_rng_gamma(rng, n, theta[ALPHA] + who->t_x);
  latent[1] = alive ? clv_rng_beta(rng, theta[A], updated[B])
                    : clv_rng_beta(rng, theta[A] + 1.0, times_left(m, theta, who));
  return alive;
}

static size_t process_simulate_alive(const kind *m, const double *theta, double T, clv_rng *rng, double *time,
                                     size_t most) {
  int          stage  = stage_draw(m->k, theta, rng);
  const double lambda = clv_rng_gamma(rng, theta[R] + (double)stage, theta[ALPHA]),
               p      = clv_rng_beta(rng, theta[A], theta[B]);
  double now          = 0.0;
  size_t n            = 0;
  for (;;) {
    for (; stage < m->k; stage++) now += clv_rng_exponential(rng) / lambda;
    stage = 0;
    if (!(now <= T)) return n;
    if (n < most) time[n] = now;
    n++;
    if (clv_rng_uniform(rng) < p) return n;
  }
}

static size_t process_simulate(const kind *m, const double *theta, double T, clv_rng *rng, double *time,
                               size_t most) {
  double       updated[N_PARAMETER + 1];
  const double stay = newcomers(m, theta, updated);
  if (m->early && clv_rng_uniform(rng) >= stay) return 0;
  return process_simulate_alive(m, updated, T, rng, time, most);
}

/* The tables are pure functions of theta, so each k has its own, bound here. */
/* NOLINTBEGIN(bugprone-macro-parentheses): names of functions cannot be in parentheses */
#define CNBD_BIND(NAME, K, EARLY)                                                                            \
  static const kind NAME = {K, EARLY};                                                                       \
  static double     NAME##_log_likelihood(const double *theta, const clv_customer *who) {                    \
        return process_log_likelihood(&NAME, theta, who);                                                    \
  }                                                                                                          \
  static double NAME##_gradient(const double *theta, const clv_customer *who, double *by_theta) {            \
    return process_gradient(&NAME, theta, who, by_theta);                                                    \
  }                                                                                                          \
  static double NAME##_p_alive(const double *theta, const clv_customer *who) {                               \
    return process_p_alive(&NAME, theta, who);                                                               \
  }                                                                                                          \
  static void NAME##_update(const double *theta, const clv_customer *who, double *updated) {                 \
    process_update(&NAME, theta, who, updated);                                                              \
  }                                                                                                          \
  static double NAME##_expected(const double *theta, double t) { return process_expected(&NAME, theta, t); } \
  static double NAME##_discounted(const double *theta, double delta, double t) {                             \
    return process_discounted(&NAME, theta, delta, t);                                                       \
  }                                                                                                          \
  static double NAME##_pmf(const double *theta, uint32_t n, double t) {                                      \
    return process_pmf(&NAME, theta, n, t);                                                                  \
  }                                                                                                          \
  static double NAME##_expected_new(const double *theta, double t) {                                         \
    return process_expected_new(&NAME, theta, t);                                                            \
  }                                                                                                          \
  static double NAME##_discounted_new(const double *theta, double delta, double t) {                         \
    return process_discounted_new(&NAME, theta, delta, t);                                                   \
  }                                                                                                          \
  static double NAME##_pmf_new(const double *theta, uint32_t n, double t) {                                  \
    return process_pmf_new(&NAME, theta, n, t);                                                              \
  }                                                                                                          \
  static int NAME##_draw(const double *theta, const clv_customer *who, clv_rng *rng, double *latent) {       \
    return process_customer_draw(&NAME, theta, who, rng, latent);                                            \
  }                                                                                                          \
  static size_t NAME##_simulate(const double *theta, double T, clv_rng *rng, double *time, size_t most) {    \
    return process_simulate(&NAME, theta, T, rng, time, most);                                               \
  }                                                                                                          \
  static size_t NAME##_simulate_alive(const double *theta, double T, clv_rng *rng, double *time,             \
                                      size_t most) {                                                         \
    return process_simulate_alive(&NAME, theta, T, rng, time, most);                                         \
  }

#define CNBD_OPS(NAME, TEXT)                                                                           \
  {                                                                                                    \
    .name = TEXT, .n_parameter = N_PARAMETER, .parameter = PARAMETER, .n_latent = 2, .latent = LATENT, \
    .coordinates = &CLV_BG_COORDINATES, .by_recency = true, .n_effect = CLV_BG_EFFECTS,                \
    .effect = CLV_BG_EFFECT, .log_likelihood = NAME##_log_likelihood, .gradient = NAME##_gradient,     \
    .p_alive = NAME##_p_alive, .update = NAME##_update, .expected = NAME##_expected,                   \
    .discounted = NAME##_discounted, .pmf = NAME##_pmf, .expected_new = NAME##_expected_new,           \
    .discounted_new = NAME##_discounted_new, .pmf_new = NAME##_pmf_new, .customer_draw = NAME##_draw,  \
    .simulate = NAME##_simulate, .simulate_alive = NAME##_simulate_alive                               \
  }
/* NOLINTEND(bugprone-macro-parentheses) */

#define CNBD_BOTH(K) CNBD_BIND(bg_##K, K, false) CNBD_BIND(mbg_##K, K, true)
CNBD_BOTH(1)
CNBD_BOTH(2)
CNBD_BOTH(3)
CNBD_BOTH(4)
CNBD_BOTH(5)
CNBD_BOTH(6)
CNBD_BOTH(7)
CNBD_BOTH(8)
CNBD_BOTH(9)
CNBD_BOTH(10)
CNBD_BOTH(11)
CNBD_BOTH(12)

const clv_process_ops CLV_BG_CNBD_PROCESS[CLV_ERLANG_MOST] = {
    CNBD_OPS(bg_1, "bg_cnbd_1"),   CNBD_OPS(bg_2, "bg_cnbd_2"),   CNBD_OPS(bg_3, "bg_cnbd_3"),
    CNBD_OPS(bg_4, "bg_cnbd_4"),   CNBD_OPS(bg_5, "bg_cnbd_5"),   CNBD_OPS(bg_6, "bg_cnbd_6"),
    CNBD_OPS(bg_7, "bg_cnbd_7"),   CNBD_OPS(bg_8, "bg_cnbd_8"),   CNBD_OPS(bg_9, "bg_cnbd_9"),
    CNBD_OPS(bg_10, "bg_cnbd_10"), CNBD_OPS(bg_11, "bg_cnbd_11"), CNBD_OPS(bg_12, "bg_cnbd_12")};
const clv_process_ops CLV_MBG_CNBD_PROCESS[CLV_ERLANG_MOST] = {
    CNBD_OPS(mbg_1, "mbg_cnbd_1"),   CNBD_OPS(mbg_2, "mbg_cnbd_2"),   CNBD_OPS(mbg_3, "mbg_cnbd_3"),
    CNBD_OPS(mbg_4, "mbg_cnbd_4"),   CNBD_OPS(mbg_5, "mbg_cnbd_5"),   CNBD_OPS(mbg_6, "mbg_cnbd_6"),
    CNBD_OPS(mbg_7, "mbg_cnbd_7"),   CNBD_OPS(mbg_8, "mbg_cnbd_8"),   CNBD_OPS(mbg_9, "mbg_cnbd_9"),
    CNBD_OPS(mbg_10, "mbg_cnbd_10"), CNBD_OPS(mbg_11, "mbg_cnbd_11"), CNBD_OPS(mbg_12, "mbg_cnbd_12")};
