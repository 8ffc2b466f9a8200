#include "engine/models/lognormal_centring.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "comm/exact_sum.h"
#include "engine/numerics/dense.h"
#include "engine/numerics/pinned.h"

enum { WIDTH = CLV_LATENT_BLOCK, NEWTON_MOST = 40, SCORING_MOST = 40, BLOCKS_MOST = 8 };
enum { GRID = 17, POINTS = GRID * GRID };
enum { VALUES = CLV_CENTRING_VALUES, PHI = CLV_CENTRING_PHI, TERMS = CLV_CENTRING_TERMS };
static const double STEP_MOST = 1.0, NEWTON_DONE = 1e-7, SCORING_DONE = 0.02, SLOPE_MOST = 1e4,
                    TERM_MOST = 20.0, LEAST_WEIGHT = 1e-12;
static const double MOST_SKEW = 0.9, MOST_WIDEN = 0.5, RIDGE = 1e-3, WEAK = 1.0, MOST_STEP = 0.5;

/* theta = mean + J u, J lower: 00, 10, 11. */
typedef struct population {
  double mean[2], j[3];
} population;

static population population_of(const double *phi) {
  const double s0 = clv_exp(phi[2]), s1 = clv_exp(phi[3]);
  const double rho  = clv_sigmoid(2.0 * phi[4]) - clv_sigmoid(-2.0 * phi[4]);
  const double root = 2.0 * sqrt(clv_sigmoid(2.0 * phi[4]) * clv_sigmoid(-2.0 * phi[4]));
  return (population){{phi[0], phi[1]}, {s0, s1 * rho, s1 * root}};
}

/* A customer's posterior of u near its mode: precision I + a, where `a` (00, 01, 11) is what the data say,
 * drawn up to a positive semi-definite matrix where they are not log-concave. */
typedef struct hill {
  double u[2], a[3], value;
} hill;

/* The nearest positive semi-definite matrix. */
static void clip(double *a) {
  const double half = 0.5 * (a[0] + a[2]), off = 0.5 * (a[0] - a[2]), r = sqrt(off * off + a[1] * a[1]);
  const double high = half + r, low = half - r;
  if (low >= 0.0) return;
  const double scale = high > 0.0 ? high / (high - low) : 0.0;
  a[0] = scale * (a[0] - low), a[1] = scale * a[1], a[2] = scale * (a[2] - low);
}

/* x <- (I + a)^-1 x. */
static void solve(const double *a, double *x) {
  const double p = 1.0 + a[0], q = a[1], r = 1.0 + a[2], over = 1.0 / (p * r - q * q);
  const double y = (r * x[0] - q * x[1]) * over;
  x[1]           = (p * x[1] - q * x[0]) * over;
  x[0]           = y;
}

static void hill_look(const clv_teller *t, size_t block, size_t i, const population *p, const double *u,
                      hill *at, double *push) {
  const double theta[2] = {p->mean[0] + p->j[0] * u[0], p->mean[1] + p->j[1] * u[0] + p->j[2] * u[1]};
  clv_told     told;
  t->told(t->self, block, i, theta, &told);
  const double b0 = told.bend[0], b1 = told.bend[1], b2 = told.bend[2];
  at->u[0] = u[0], at->u[1] = u[1];
  at->value = told.value - 0.5 * (u[0] * u[0] + u[1] * u[1]);
  at->a[0]  = -(p->j[0] * p->j[0] * b0 + 2.0 * p->j[0] * p->j[1] * b1 + p->j[1] * p->j[1] * b2);
  at->a[1]  = -(p->j[0] * p->j[2] * b1 + p->j[1] * p->j[2] * b2);
  at->a[2]  = -(p->j[2] * p->j[2] * b2);
  clip(at->a);
  push[0] = p->j[0] * told.slope[0] + p->j[1] * told.slope[1] - u[0];
  push[1] = p->j[2] * told.slope[1] - u[1];
}

/* Newton's way up from at->u, steps of at most STEP_MOST, halved while they lead down. */
static void hill_climb(const clv_teller *t, size_t block, size_t i, const population *p, hill *at) {
  double push[2];
  hill_look(t, block, i, p, at->u, at, push);
  for (int n = 0; n < NEWTON_MOST; n++) {
    double step[2] = {push[0], push[1]}, next_push[2];
    solve(at->a, step);
    const double length = sqrt(step[0] * step[0] + step[1] * step[1]);
    double       scale  = length > STEP_MOST ? STEP_MOST / length : 1.0;
    hill         next;
    int          halved = 0;
    if (!(length > NEWTON_DONE)) return; /* NaN too: the constants may be anything */
    do {
      const double u[2] = {at->u[0] + scale * step[0], at->u[1] + scale * step[1]};
      hill_look(t, block, i, p, u, &next, next_push);
      scale *= 0.5;
    } while (!(next.value >= at->value) && ++halved < 20);
    if (!(next.value >= at->value)) return;
    *at = next, push[0] = next_push[0], push[1] = next_push[1];
  }
}

/* A customer's posterior on a grid around the mode, a step of half a deviation: points, weights of sum 1, the
 * slope of its log-density in u, and of log p(history, u | phi) in phi at fixed u. */
typedef struct grid {
  double u[POINTS][2], weight[POINTS], by_u[POINTS][2], by_phi[POINTS][PHI];
} grid;

static void grid_point(const population *p, const clv_told *told, const double *u, double *by_u,
                       double *by_phi) {
  const double s0 = p->j[0], up = p->j[1] * u[0] + p->j[2] * u[1], turn = p->j[2] * u[0] - p->j[1] * u[1];
  const double s1 = sqrt(p->j[1] * p->j[1] + p->j[2] * p->j[2]);
  by_u[0]         = p->j[0] * told->slope[0] + p->j[1] * told->slope[1] - u[0];
  by_u[1]         = p->j[2] * told->slope[1] - u[1];
  by_phi[0]       = told->slope[0];
  by_phi[1]       = told->slope[1];
  by_phi[2]       = told->slope[0] * s0 * u[0];
  by_phi[3]       = told->slope[1] * up;
  by_phi[4]       = told->slope[1] * turn * p->j[2] / s1;
}

static void grid_fill(const clv_teller *t, size_t block, size_t i, const population *p, const hill *at,
                      grid *g) {
  const double q = 1.0 + at->a[0], r = at->a[1], s = 1.0 + at->a[2], det = q * s - r * r;
  const double f0 = sqrt(s / det), f1 = -r / det / f0, f2 = sqrt(1.0 / s);
  clv_told     told;
  double       all = 0.0;
  for (int k = 0; k < POINTS; k++) {
    const double z0 = 0.5 * (k / GRID - GRID / 2), z1 = 0.5 * (k % GRID - GRID / 2);
    double      *u = g->u[k];
    u[0] = at->u[0] + f0 * z0, u[1] = at->u[1] + f1 * z0 + f2 * z1;
    const double theta[2] = {p->mean[0] + p->j[0] * u[0], p->mean[1] + p->j[1] * u[0] + p->j[2] * u[1]};
    t->told(t->self, block, i, theta, &told);
    g->weight[k] = clv_exp(told.value - 0.5 * (u[0] * u[0] + u[1] * u[1]) - at->value);
    all += g->weight[k];
    grid_point(p, &told, u, g->by_u[k], g->by_phi[k]);
  }
  for (int k = 0; k < POINTS; k++) g->weight[k] /= all;
}

/* Takes the mean off the slopes in phi: it is that of the marginal likelihood. */
static void grid_centre(grid *g, double *mean) {
  for (size_t c = 0; c < PHI; c++) {
    mean[c] = 0.0;
    for (int k = 0; k < POINTS; k++) mean[c] += g->weight[k] * g->by_phi[k][c];
    for (int k = 0; k < POINTS; k++) g->by_phi[k][c] -= mean[c];
  }
}

/* For z ~ N(0, 1) and h = √(1 + z²): E h, Var h, E z² (h - E h) and E (h - E h)³. */
static const double H_MEAN = 1.3545308, H_VARIANCE = 0.1652463, H_CROSS = 0.5648908, H_CUBE = 0.1172285;

/* The δ for which z + δ h has this skewness, as far as MOST_SKEW goes. */
static double skew_of(double skewness) {
  double low = -MOST_SKEW, high = MOST_SKEW;
  for (int n = 0; n < 30; n++) {
    const double d = 0.5 * (low + high), spread = 1.0 + H_VARIANCE * d * d;
    const bool   is_less      = 3.0 * H_CROSS * d + H_CUBE * d * d * d < skewness * spread * sqrt(spread);
    *(is_less ? &low : &high) = d;
  }
  return 0.5 * (low + high);
}

static double limited(double x, double most) { return x < -most ? -most : x > most ? most : x; }

/* Terms that make z about N(0, I): moments of u0, and of what u0 leaves of u1 up to the third, and how its
 * spread moves with u0. */
static void grid_terms(const grid *g, double *term) {
  double m0 = 0.0, m1 = 0.0, c00 = 0.0, c01 = 0.0, square = 0.0, cube = 0.0, along = 0.0;
  for (int k = 0; k < POINTS; k++) m0 += g->weight[k] * g->u[k][0], m1 += g->weight[k] * g->u[k][1];
  for (int k = 0; k < POINTS; k++) {
    const double d0 = g->u[k][0] - m0;
    c00 += g->weight[k] * d0 * d0, c01 += g->weight[k] * d0 * (g->u[k][1] - m1);
  }
  const double f0 = sqrt(c00), f1 = c01 / f0;
  for (int k = 0; k < POINTS; k++) {
    const double z0 = (g->u[k][0] - m0) / f0, left = g->u[k][1] - m1 - f1 * z0;
    square += g->weight[k] * left * left;
    cube += g->weight[k] * left * left * left;
    along += g->weight[k] * left * left * z0;
  }
  const double widen = limited(0.5 * along / square, MOST_WIDEN),
               skew  = skew_of(cube / (square * sqrt(square)));
  const double s     = sqrt(square / (1.0 + H_VARIANCE * skew * skew)) * clv_exp(-widen * widen);
  const double mean  = s * skew * H_MEAN * clv_exp(0.5 * widen * widen);
  term[0] = m0, term[1] = m1 - mean, term[2] = clv_log(f0), term[3] = f1 - widen * mean;
  term[4] = clv_log(s * (1.0 - skew)), term[5] = clv_log(s * (1.0 + skew)), term[6] = widen;
}

/* How log p(history, z | phi) moves with each term at fixed z, at a point u. */
static void term_push(const double *term, const double *u, const double *by_u, double *push) {
  const double f0 = clv_exp(term[2]), z0 = (u[0] - term[0]) / f0, widen = clv_exp(term[6] * z0);
  const double low = widen * clv_exp(term[4]), high = widen * clv_exp(term[5]);
  const double s = 0.5 * (low + high), d = 0.5 * (high - low), y = u[1] - term[1] - term[3] * z0;
  const double z1 = (s * y - d * sqrt(y * y + low * high)) / (low * high), h = sqrt(1.0 + z1 * z1);
  const double a = 0.5 * low * (z1 - h), b = 0.5 * high * (z1 + h), slope = s + d * z1 / h;
  push[0] = by_u[0];
  push[1] = by_u[1];
  push[2] = by_u[0] * f0 * z0 + 1.0;
  push[3] = by_u[1] * z0;
  push[4] = by_u[1] * a + 0.5 * low * (1.0 - z1 / h) / slope;
  push[5] = by_u[1] * b + 0.5 * high * (1.0 + z1 / h) / slope;
  push[6] = z0 * (by_u[1] * (a + b) + 1.0);
}

/* The slopes of the terms in phi, by least squares; RIDGE of each coefficient's own square is added, so that
 * directions of which the grid says nothing stay small. */
static bool grid_slopes(const grid *g, const double *term, double *slope) {
  double square[VALUES * VALUES] = {0}, cross[PHI][VALUES] = {{0}}, push[VALUES];
  for (int k = 0; k < POINTS; k++) {
    const double w = g->weight[k];
    if (!(w > LEAST_WEIGHT)) continue;
    term_push(term, g->u[k], g->by_u[k], push);
    for (size_t i = 0; i < VALUES; i++) {
      for (size_t j = 0; j <= i; j++) square[i * VALUES + j] += w * push[i] * push[j];
      for (size_t c = 0; c < PHI; c++) cross[c][i] -= w * push[i] * g->by_phi[k][c];
    }
  }
  for (size_t i = 0; i < VALUES; i++) square[i * VALUES + i] *= 1.0 + RIDGE;
  if (!clv_dense_cholesky(VALUES, square, square)) return false;
  for (size_t c = 0; c < PHI; c++) {
    clv_dense_solve_lower(VALUES, square, cross[c]);
    clv_dense_solve_lower_transposed(VALUES, square, cross[c]);
    for (size_t i = 0; i < VALUES; i++) slope[PHI * i + c] = cross[c][i];
  }
  return true;
}

static void customer_grid(const clv_teller *t, size_t block, size_t i, const population *p, grid *g,
                          double *marginal) {
  hill at = {{0.0, 0.0}, {0}, 0.0};
  hill_climb(t, block, i, p, &at);
  grid_fill(t, block, i, p, &at, g);
  grid_centre(g, marginal);
  bool finite = true;
  for (size_t k = 0; k < PHI; k++) finite = finite && fabs(marginal[k]) < SLOPE_MOST;
  for (size_t k = 0; k < PHI && !finite; k++) marginal[k] = 0.0;
}

static void marginal_count(const double *marginal, double *sum) {
  double *square = sum + CLV_CENTRING_SQUARE;
  for (size_t k = 0; k < PHI; k++) {
    sum[CLV_CENTRING_SLOPE + k] += marginal[k];
    for (size_t j = 0; j <= k; j++) *square++ += marginal[k] * marginal[j];
  }
}

/* One customer's terms; the identity where anything is not finite. */
static void customer_terms(const grid *g, double *term) {
  grid_terms(g, term);
  bool finite = grid_slopes(g, term, term + VALUES);
  for (size_t k = 0; k < TERMS && finite; k++) finite = fabs(term[k]) < TERM_MOST;
  for (size_t k = 0; k < TERMS && !finite; k++) term[k] = 0.0;
}

void clv_centring_block(const clv_teller *teller, size_t block, size_t n, const double *phi, float *out,
                        double *sum) {
  const population p = population_of(phi);
  memset(out, 0, (size_t)TERMS * WIDTH * sizeof *out);
  for (size_t i = 0; i < n; i++) {
    double term[TERMS], marginal[PHI];
    grid   g;
    customer_grid(teller, block, i, &p, &g, marginal);
    customer_terms(&g, term);
    marginal_count(marginal, sum);
    for (size_t k = 0; k < TERMS; k++) out[k * WIDTH + i] = (float)term[k];
    sum[CLV_CENTRING_VOLUME] += (double)out[2 * WIDTH + i];
    for (size_t k = 0; k < PHI; k++)
      sum[CLV_CENTRING_VOLUME + 1 + k] += (double)out[(VALUES + PHI * 2 + k) * WIDTH + i];
  }
}

/* Means get information WEAK, without a pull; log deviations and the correlation's coordinate N(0, 1), so
 * that few customers lead nowhere. */
void clv_centring_posterior(const double *sum, const double *phi, double *centre, double *factor) {
  const double *square          = sum + CLV_CENTRING_SQUARE;
  double        root[PHI * PHI] = {0}, inverse[PHI * PHI], slope[PHI], step[PHI];
  for (size_t i = 0; i < PHI; i++) {
    for (size_t j = 0; j <= i; j++) root[i * PHI + j] = *square++ + (i == j ? WEAK : 0.0);
    slope[i]  = sum[CLV_CENTRING_SLOPE + i] - (i < 2 ? 0.0 : WEAK * phi[i]);
    centre[i] = phi[i];
  }
  memset(factor, 0, PHI * PHI * sizeof *factor);
  for (size_t i = 0; i < PHI; i++) factor[i * PHI + i] = sqrt(1.0 / WEAK);
  if (!clv_dense_cholesky(PHI, root, root)) return;
  clv_dense_cholesky_inverse(PHI, root, inverse);
  clv_dense_multiply(PHI, inverse, slope, step);
  for (size_t i = 0; i < PHI; i++) centre[i] = phi[i] + limited(step[i], MOST_STEP);
  clv_dense_cholesky(PHI, inverse, factor);
}

/* Slope and squares of the marginal log-likelihood of a block, as CLV_CENTRING_SLOPE and on. */
static void marginal_add(const clv_teller *t, size_t block, size_t n, const population *p,
                         clv_exact_sum *sum) {
  double total[CLV_CENTRING_SUMS] = {0};
  for (size_t i = 0; i < n; i++) {
    double marginal[PHI];
    grid   g;
    customer_grid(t, block, i, p, &g, marginal);
    marginal_count(marginal, total);
  }
  clv_exact_sum_add(sum, total);
}

/* A step of scoring, inside bounds; true where it no longer moves. */
static bool population_step(const double *sum, double *phi) {
  const double least[PHI] = {-1e3, -1e3, -2.0, -2.0, -1.5}, most[PHI] = {1e3, 1e3, 1.6, 1.6, 1.5};
  double       next[PHI], factor[PHI * PHI], change = 0.0;
  clv_centring_posterior(sum, phi, next, factor);
  for (size_t k = 0; k < PHI; k++) {
    const double to = fmin(fmax(next[k], least[k]), most[k]);
    change          = fmax(change, fabs(to - phi[k]));
    phi[k]          = to;
  }
  return change < SCORING_DONE;
}

clv_status clv_centring_population(const clv_comm *comm, const clv_teller *teller, const clv_blocks *blocks,
                                   double *phi) {
  const uint64_t stride = (blocks->n_block + BLOCKS_MOST - 1) / BLOCKS_MOST;
  clv_exact_sum *sum    = NULL;
  double         total[CLV_CENTRING_SUMS];
  clv_status     st = clv_exact_sum_new(CLV_CENTRING_SUMS, &sum);
  CLV_TRY(clv_comm_agree(comm, st));
  for (int step = 0; step < SCORING_MOST && blocks->n_block > 0; step++) {
    const population p = population_of(phi);
    clv_exact_sum_clear(sum);
    for (uint64_t b = 0; b < blocks->n_block; b += stride) {
      const uint64_t left = blocks->n - b * WIDTH;
      if (b < blocks->first_block || b >= blocks->last_block) continue;
      marginal_add(teller, (size_t)(b - blocks->first_block), left < WIDTH ? (size_t)left : WIDTH, &p, sum);
    }
    CLV_TRY(clv_exact_sum_total(sum, comm, total));
    if (population_step(total, phi)) break;
  }
out:
  clv_exact_sum_free(&sum);
  return st;
}
