#include "engine/models/gamma_value_grid.h"

#include <math.h>
#include <stdbool.h>

#include "engine/models/gamma_value_kernel.h"
#include "engine/numerics/pinned.h"

/* With kappa = n alpha, u = e - log_mean and gap as in the header, the amounts' likelihood is
 *
 *    exp(n (alpha log alpha - log Gamma(alpha) - alpha (1 + gap)) - kappa (e^-u - 1 + u)),
 *
 * so given alpha the customer's log mean e is known to 1 / sqrt(kappa) around log_mean whatever alpha is: the
 * ridge alpha / beta = mean lies along an axis. Rows are values of a = log alpha; along a row the prior of u
 * is normal(-delta, s^2). */
enum { ROWS = 128, NODES = 512, LANES = 8, TRIES = 40, DRAWN = 2 /* draws are from a grid so much finer */ };
/* Steps in conditional standard deviations, and at most: then the integrand's Fourier transform, that of a
 * log-gamma density at worst, is below 1e-9 at the lattice's frequency. What is below exp(-30) of the largest
 * is left out. */
static const double STEP = 0.65, STEP_MOST = 0.4, FAR = 7.75;
/* Rows end where they are below exp(-NOTHING) of the largest, or reach so many prior standard deviations. */
static const double NOTHING = 23.0, MOST_ENDS = 60.0;

/* Where c (e^-t - 1 + t) >= c t^2 / (2 + t) passes 30: the end of a tail that falls like e^(-c t). */
static double tail(double c) { return c > 0.0 ? (30.0 + sqrt(900.0 + 240.0 * c)) / (2.0 * c) : INFINITY; }

/* A lattice through a mode: so many nodes to its left, and in all. */
typedef struct reach {
  double step;
  size_t left, n;
} reach;

/* @param sd  by the curvature at the mode  @param ends  where the integrand ends, to the left and to the
 * right
 *  @param lanes  n is a multiple of it */
static reach reach_of(double sd, const double ends[2], unsigned refine, size_t most, size_t lanes) {
  reach        r    = {.step = fmin(STEP * sd, STEP_MOST) / (double)(1u << refine)};
  const double room = (double)(most - 2 * lanes);
  if (!(ends[0] + ends[1] <= room * r.step)) r.step = (ends[0] + ends[1]) / room;
  r.left = (size_t)(ends[0] / r.step) + 1;
  r.n    = (r.left + (size_t)(ends[1] / r.step) + 1 + lanes) / lanes * lanes;
  return r;
}

clv_gamma_value_prior clv_gamma_value_prior_of(const double *theta) {
  const double ratio = theta[4];
  return (clv_gamma_value_prior){.mean = {clv_log(theta[0]), clv_log(theta[1])},
                                 .sd   = {theta[2], theta[3]},
                                 .rho  = (ratio - 1.0) / (ratio + 1.0),
                                 .rest = 4.0 * ratio / ((ratio + 1.0) * (ratio + 1.0))};
}

clv_gamma_value_record clv_gamma_value_record_of(double n, double mean, double mean_log) {
  const double log_mean = clv_log(mean), gap = log_mean - mean_log;
  return (clv_gamma_value_record){n, log_mean, gap > 0.0 ? gap : 0.0};
}

/* By Stirling's series where its parts would cancel. */
double clv_gamma_value_peak(double alpha) {
  const double square = alpha * alpha;
  if (alpha < 10.0) return alpha * clv_log(alpha) - clv_lgamma(alpha) - alpha;
  return 0.5 * (clv_log(alpha) - 1.8378770664093453) -
         (1.0 / 12.0 - (1.0 / 360.0 - (1.0 / 1260.0 - 1.0 / (1680.0 * square)) / square) / square) / alpha;
}

/* What along a row depends on it. */
typedef struct row {
  double a, alpha, kappa;
  double delta; /* log_mean less the conditional mean of e */
  double mode;  /* of u */
  double q;     /* kappa e^-mode */
  double log_weight;
  reach  nodes; /* of u */
} row;

static double conditional_sd(const clv_gamma_value_prior *p) { return p->sd[1] * sqrt(p->rest); }
static double conditional_slope(const clv_gamma_value_prior *p) { return p->rho * p->sd[1] / p->sd[0]; }

/* y + log y = z: Wright's omega, by Newton's rule from either asymptote. */
static double omega(double z) {
  double y = z > 1.0 ? z - clv_log(z) : clv_exp(z) / (1.0 + clv_exp(z));
  for (int i = 0; i < 5 && y > 0.0; i++) y *= (1.0 + z - clv_log(y)) / (1.0 + y);
  return y;
}

/* Slope and curvature in a of the row's logarithm, with the integral over u taken for normal. */
static double climb(const clv_gamma_value_prior *p, const clv_gamma_value_record *r, double a,
                    double *curvature) {
  const double alpha = clv_exp(a), kappa = r->n * alpha, s = conditional_sd(p), b = conditional_slope(p);
  const double delta = r->log_mean - p->mean[1] - b * (a - p->mean[0]), spread = s * s + 1.0 / kappa;
  const double bend  = clv_log(alpha) - clv_digamma(alpha) - r->gap;
  const double drift = delta * delta / (spread * spread * kappa);
  *curvature =
      r->n * (1.0 / (12.0 * alpha + 4.0) + alpha * r->gap) + 1.0 / (p->sd[0] * p->sd[0]) + b * b / spread;
  return kappa * bend - (a - p->mean[0]) / (p->sd[0] * p->sd[0]) + delta * b / spread - 0.5 * drift -
         0.5 * kappa * s * s / (kappa * s * s + 1.0);
}

/* The mode need not be exact: it only says where the nodes go. */
static double mode_find(const clv_gamma_value_prior *p, const clv_gamma_value_record *r, double *curvature) {
  double a = p->mean[0];
  for (int i = 0; i < TRIES; i++) {
    const double slope = climb(p, r, a, curvature), step = slope / *curvature;
    a += step > 2.0 ? 2.0 : step < -2.0 ? -2.0 : step;
    if (!(fabs(step) > 0.02)) break;
  }
  return a;
}

static void row_place(const clv_gamma_value_prior *p, const clv_gamma_value_record *r, double a,
                      unsigned refine, row *out) {
  const double s = conditional_sd(p), A = (a - p->mean[0]) / p->sd[0];
  row          w = {.a = a, .alpha = clv_exp(a)};
  w.kappa        = r->n * w.alpha;
  w.delta        = r->log_mean - p->mean[1] - conditional_slope(p) * (a - p->mean[0]);
  const double c = w.delta + w.kappa * s * s, y = omega(c + clv_log(s * s * w.kappa));
  w.mode          = y - c;
  w.q             = y / (s * s);
  const double sd = s / sqrt(y + 1.0), ends[2] = {FAR * sd, fmin(FAR * s, tail(w.q))};
  w.nodes          = reach_of(sd, ends, refine, NODES, LANES);
  const double off = (w.mode + w.delta) / s;
  w.log_weight = r->n * (clv_gamma_value_peak(w.alpha) - w.alpha * r->gap) - 0.5 * A * A - 0.5 * off * off -
                 w.kappa * (clv_expm1(-w.mode) + w.mode);
  *out = w;
}

void clv_gamma_value_factor(double s, double y, clv_isa isa, unsigned refine, double value[3]) {
  const double q = y / (s * s), sd = s / sqrt(1.0 + y), ends[2] = {FAR * sd, fmin(FAR * s, tail(q))};
  const reach  nodes = reach_of(sd, ends, refine, NODES, LANES);
  double       sum[4];
  CLV_KERNEL_PICK(clv_gamma_value_row, isa)(q, s, nodes.step, nodes.left, nodes.n, sum);
  value[0] = clv_log(sum[0] * nodes.step / (sd * 2.5066282746310002)); /* sqrt(2 pi) */
  value[1] = sum[1] / (sum[0] * s * s);
  value[2] = sum[2] / (sum[0] * sd * sd);
}

/* Rows, each with its sums [4]; weight [n] is what it is worth. */
typedef struct lattice {
  reach  rows;
  double most; /* log of the largest weight */
  row    at[ROWS];
  double sum[ROWS][4];
  double weight[ROWS];
} lattice;

/* Above the mode the likelihood falls faster than its curvature there says; below it may be the slower one.
 */
void clv_gamma_value_row_ends(const clv_gamma_value_prior *prior, const clv_gamma_value_record *record,
                              double mode, double sd, double ends[2]) {
  ends[0] = fmin(FAR * prior->sd[0], tail(record->n * clv_exp(mode) * record->gap));
  ends[1] = FAR * sd;
}

static void rows_fill(const clv_gamma_value_prior *p, const clv_gamma_value_record *r, clv_isa isa,
                      unsigned refine, double mode, lattice *l) {
  l->most = -INFINITY;
  for (size_t k = 0; k < l->rows.n; k++) {
    row *at = &l->at[k];
    row_place(p, r, mode + ((double)k - (double)l->rows.left) * l->rows.step, refine, at);
    CLV_KERNEL_PICK(clv_gamma_value_row, isa)
    (at->q, conditional_sd(p), at->nodes.step, at->nodes.left, at->nodes.n, l->sum[k]);
    l->weight[k] = at->log_weight + clv_log(l->sum[k][0] * at->nodes.step);
    if (!(l->weight[k] <= l->most)) l->most = l->weight[k];
  }
}

/* The curvature at the mode does not say it all: rows go on until they are nothing on either side. */
static void lattice_fill(const clv_gamma_value_prior *p, const clv_gamma_value_record *r, clv_isa isa,
                         unsigned refine, lattice *l) {
  double       curvature = 1.0;
  const double mode = mode_find(p, r, &curvature), sd = 1.0 / sqrt(curvature);
  double       ends[2];
  clv_gamma_value_row_ends(p, r, mode, sd, ends);
  for (bool enough = false; !enough;) {
    l->rows = reach_of(sd, ends, refine, ROWS, 1);
    rows_fill(p, r, isa, refine, mode, l);
    const bool below = l->weight[0] > l->most - NOTHING, above = l->weight[l->rows.n - 1] > l->most - NOTHING;
    enough = !(below || above) || ends[0] + ends[1] > MOST_ENDS * p->sd[0];
    ends[0] *= below ? 1.5 : 1.0, ends[1] *= above ? 1.5 : 1.0;
  }
  for (size_t k = 0; k < l->rows.n; k++) l->weight[k] = clv_exp(l->weight[k] - l->most);
}

void clv_gamma_value_integrate(const clv_gamma_value_prior *prior, const clv_gamma_value_record *record,
                               clv_isa isa, unsigned refine, clv_gamma_value_result *out) {
  lattice l;
  double  all = 0.0, m[5] = {0}, amount = 0.0;
  lattice_fill(prior, record, isa, refine, &l);
  for (size_t k = 0; k < l.rows.n; k++) {
    const double *sum = l.sum[k], w = l.weight[k], t = sum[1] / sum[0], tt = sum[2] / sum[0];
    const double  A    = (l.at[k].a - prior->mean[0]) / prior->sd[0];
    const double  E    = (record->log_mean + l.at[k].mode - prior->mean[1]) / prior->sd[1];
    const double  mean = E + t / prior->sd[1];
    all += w;
    m[0] += w * A, m[1] += w * mean, m[2] += w * A * A, m[4] += w * A * mean;
    m[3] += w * (E * E + (2.0 * E * t + tt / prior->sd[1]) / prior->sd[1]);
    amount += w * clv_exp(l.at[k].mode) * (sum[3] / sum[0]);
  }
  /* the density's 1 / (2 pi sd sd sqrt(1 - rho^2)) */
  out->log_likelihood = l.most + clv_log(all * l.rows.step) - 1.8378770664093453 -
                        clv_log(prior->sd[0] * prior->sd[1]) - 0.5 * clv_log(prior->rest);
  for (int i = 0; i < 5; i++) out->moment[i] = m[i] / all;
  out->mean_amount = clv_exp(record->log_mean) * amount / all;
}

/* A node in proportion to its weight, and a place within its reach. */
static double place_draw(const double *weight, size_t n, clv_rng *rng) {
  double all = 0.0, left;
  size_t k   = 0;
  for (size_t i = 0; i < n; i++) all += weight[i];
  left = all * clv_rng_uniform(rng);
  while (k + 1 < n && left >= weight[k]) left -= weight[k++];
  return (double)k + clv_rng_uniform(rng) - 0.5;
}

void clv_gamma_value_draw(const clv_gamma_value_prior *prior, const clv_gamma_value_record *record,
                          clv_isa isa, clv_rng *rng, double *latent) {
  const double s = conditional_sd(prior);
  lattice      l;
  row          at;
  double       weight[NODES];
  lattice_fill(prior, record, isa, DRAWN, &l);
  latent[0] = l.at[l.rows.left].a + l.rows.step * (place_draw(l.weight, l.rows.n, rng) - (double)l.rows.left);
  row_place(prior, record, latent[0], DRAWN, &at);
  for (size_t k = 0; k < at.nodes.n; k++) {
    const double t = ((double)k - (double)at.nodes.left) * at.nodes.step;
    weight[k]      = clv_exp(-at.q * (clv_expm1(-t) + t) - 0.5 * t * t / (s * s));
  }
  latent[1] = record->log_mean + at.mode +
              (place_draw(weight, at.nodes.n, rng) - (double)at.nodes.left) * at.nodes.step;
}
