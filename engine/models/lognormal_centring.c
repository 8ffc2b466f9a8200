#include "engine/models/lognormal_centring.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "comm/exact_sum.h"
#include "engine/numerics/pinned.h"

enum { WIDTH = CLV_LATENT_BLOCK, NEWTON_MOST = 40, EM_MOST = 80, BLOCKS_MOST = 16, SUMS = 6, GRID = 17 };
static const double STEP_MOST = 1.0, NEWTON_DONE = 1e-7, EM_DONE = 1e-3, DIFFERENCE = 0.05, TERM_MOST = 20.0;

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

/* Log-likelihoods of one customer on a grid of theta around the mode, a step of half a deviation. */
typedef struct grid {
  double theta[GRID * GRID][2], value[GRID * GRID];
} grid;

static void grid_fill(const clv_teller *t, size_t block, size_t i, const population *p, const hill *at,
                      grid *g) {
  const double q = 1.0 + at->a[0], r = at->a[1], s = 1.0 + at->a[2], det = q * s - r * r;
  const double f0 = sqrt(s / det), f1 = -r / det / f0, f2 = sqrt(1.0 / s);
  clv_told     told;
  for (int k = 0; k < GRID * GRID; k++) {
    const double z0 = 0.5 * (k / GRID - GRID / 2), z1 = 0.5 * (k % GRID - GRID / 2);
    const double u0 = at->u[0] + f0 * z0, u1 = at->u[1] + f1 * z0 + f2 * z1;
    g->theta[k][0] = p->mean[0] + p->j[0] * u0;
    g->theta[k][1] = p->mean[1] + p->j[1] * u0 + p->j[2] * u1;
    t->told(t->self, block, i, g->theta[k], &told);
    g->value[k] = told.value;
  }
}

/* Mean of u under a population, and the factor of its covariance, logs on the diagonal. */
static void grid_moments(const grid *g, const population *p, double *term) {
  double most = -INFINITY, sum[SUMS] = {0}, u[GRID * GRID][2], level[GRID * GRID];
  for (int k = 0; k < GRID * GRID; k++) {
    u[k][0]  = (g->theta[k][0] - p->mean[0]) / p->j[0];
    u[k][1]  = (g->theta[k][1] - p->mean[1] - p->j[1] * u[k][0]) / p->j[2];
    level[k] = g->value[k] - 0.5 * (u[k][0] * u[k][0] + u[k][1] * u[k][1]);
    most     = level[k] > most ? level[k] : most;
  }
  for (int k = 0; k < GRID * GRID; k++) {
    if (!(level[k] > most - 40.0)) continue;
    const double w = clv_exp(level[k] - most);
    sum[0] += w, sum[1] += w * u[k][0], sum[2] += w * u[k][1];
    sum[3] += w * u[k][0] * u[k][0], sum[4] += w * u[k][0] * u[k][1], sum[5] += w * u[k][1] * u[k][1];
  }
  const double u0 = sum[1] / sum[0], u1 = sum[2] / sum[0];
  const double f0 = sqrt(sum[3] / sum[0] - u0 * u0), f1 = (sum[4] / sum[0] - u0 * u1) / f0;
  term[0] = u0, term[1] = u1, term[2] = clv_log(f0), term[3] = f1;
  term[4] = 0.5 * clv_log(sum[5] / sum[0] - u1 * u1 - f1 * f1);
}

/* The populations at which a customer's posterior is looked at: phi_0, and a step up and down in each
 * coordinate. */
typedef struct surroundings {
  population at[1 + 2 * CLV_CENTRING_PHI];
} surroundings;

static surroundings surroundings_of(const double *phi) {
  surroundings s;
  double       moved[CLV_CENTRING_PHI];
  s.at[0] = population_of(phi);
  for (size_t k = 0; k < CLV_CENTRING_PHI; k++)
    for (size_t side = 0; side < 2; side++) {
      memcpy(moved, phi, sizeof moved);
      moved[k] += side == 0 ? DIFFERENCE : -DIFFERENCE;
      s.at[1 + 2 * k + side] = population_of(moved);
    }
  return s;
}

/* One customer's terms; the identity where anything is not finite. */
static void customer_terms(const clv_teller *t, size_t block, size_t i, const surroundings *s, double *term) {
  hill   at = {{0.0, 0.0}, {0}, 0.0};
  grid   g;
  double up[CLV_CENTRING_VALUES], down[CLV_CENTRING_VALUES];
  bool   finite = true;
  hill_climb(t, block, i, &s->at[0], &at);
  grid_fill(t, block, i, &s->at[0], &at, &g);
  grid_moments(&g, &s->at[0], term);
  for (size_t k = 0; k < CLV_CENTRING_PHI; k++) {
    grid_moments(&g, &s->at[1 + 2 * k], up);
    grid_moments(&g, &s->at[2 + 2 * k], down);
    for (size_t v = 0; v < CLV_CENTRING_VALUES; v++)
      term[CLV_CENTRING_VALUES + CLV_CENTRING_PHI * v + k] = (up[v] - down[v]) / (2.0 * DIFFERENCE);
  }
  for (size_t k = 0; k < CLV_CENTRING_TERMS; k++) finite = finite && fabs(term[k]) < TERM_MOST;
  for (size_t k = 0; k < CLV_CENTRING_TERMS && !finite; k++) term[k] = 0.0;
}

void clv_centring_block(const clv_teller *teller, size_t block, size_t n, const double *phi, float *out,
                        double *volume) {
  const surroundings s = surroundings_of(phi);
  memset(out, 0, (size_t)CLV_CENTRING_TERMS * WIDTH * sizeof *out);
  for (size_t i = 0; i < n; i++) {
    double term[CLV_CENTRING_TERMS];
    customer_terms(teller, block, i, &s, term);
    for (size_t k = 0; k < CLV_CENTRING_TERMS; k++) out[k * WIDTH + i] = (float)term[k];
    volume[0] += (double)out[2 * WIDTH + i] + (double)out[4 * WIDTH + i];
    for (size_t k = 0; k < CLV_CENTRING_PHI; k++)
      volume[1 + k] += (double)out[(15 + k) * WIDTH + i] + (double)out[(25 + k) * WIDTH + i];
  }
}

/* One step of EM from moments of u: [0] customers, Σ u, Σ of u u' + covariance. */
static bool population_step(const double *sum, double *phi) {
  const population p = population_of(phi);
  const double     n = sum[0], u0 = sum[1] / n, u1 = sum[2] / n;
  const double     c00 = sum[3] / n - u0 * u0, c01 = sum[4] / n - u0 * u1, c11 = sum[5] / n - u1 * u1;
  const double     l0 = sqrt(c00), l1 = c01 / l0, l2 = sqrt(c11 - l1 * l1);
  const double     s0 = p.j[0] * l0, off = p.j[1] * l0 + p.j[2] * l1, s1 = p.j[2] * l2;
  const double     sd = sqrt(off * off + s1 * s1), rho = off / sd;
  const double     next[5]  = {p.mean[0] + p.j[0] * u0, p.mean[1] + p.j[1] * u0 + p.j[2] * u1, clv_log(s0),
                               clv_log(sd), 0.5 * (clv_log1p(rho) - clv_log1p(-rho))};
  const double     least[5] = {-1e3, -1e3, -3.0, -3.0, -1.8}, most[5] = {1e3, 1e3, 1.6, 1.6, 1.8};
  double           change = 0.0;
  if (!(n > 0.0)) return true;
  for (size_t k = 0; k < 5; k++)
    if (!isfinite(next[k])) return true;
  for (size_t k = 0; k < 5; k++) {
    const double to = fmin(fmax(next[k], least[k]), most[k]);
    change          = fmax(change, fabs(to - phi[k]));
    phi[k]          = to;
  }
  return change < EM_DONE;
}

/* Modes are kept between steps: the next one is not far. */
static void moments_add(const clv_teller *t, size_t block, size_t n, const population *p, double *mode,
                        clv_exact_sum *sum) {
  double total[SUMS] = {0};
  for (size_t i = 0; i < n; i++) {
    hill at = {{mode[2 * i], mode[2 * i + 1]}, {0}, 0.0};
    hill_climb(t, block, i, p, &at);
    const double q = 1.0 + at.a[0], r = at.a[1], s = 1.0 + at.a[2], det = q * s - r * r;
    mode[2 * i] = at.u[0], mode[2 * i + 1] = at.u[1];
    total[0] += 1.0;
    total[1] += at.u[0], total[2] += at.u[1];
    total[3] += at.u[0] * at.u[0] + s / det;
    total[4] += at.u[0] * at.u[1] - r / det;
    total[5] += at.u[1] * at.u[1] + q / det;
  }
  clv_exact_sum_add(sum, total);
}

clv_status clv_centring_population(const clv_comm *comm, const clv_teller *teller, const clv_blocks *blocks,
                                   double *phi) {
  const uint64_t stride = (blocks->n_block + BLOCKS_MOST - 1) / BLOCKS_MOST;
  clv_exact_sum *sum    = NULL;
  double        *mode   = NULL, total[SUMS];
  clv_status     st     = clv_exact_sum_new(SUMS, &sum);
  if (st == CLV_OK) st = clv_calloc((size_t)2 * WIDTH * (BLOCKS_MOST + 1), sizeof *mode, (void **)&mode);
  CLV_TRY(clv_comm_agree(comm, st));
  for (int step = 0; step < EM_MOST && blocks->n_block > 0; step++) {
    const population p = population_of(phi);
    clv_exact_sum_clear(sum);
    for (uint64_t b = 0; b < blocks->n_block; b += stride) {
      const uint64_t left = blocks->n - b * WIDTH;
      if (b < blocks->first_block || b >= blocks->last_block) continue;
      moments_add(teller, (size_t)(b - blocks->first_block), left < WIDTH ? (size_t)left : WIDTH, &p,
                  mode + 2 * WIDTH * (size_t)(b / stride), sum);
    }
    CLV_TRY(clv_exact_sum_total(sum, comm, total));
    if (population_step(total, phi)) break;
  }
out:
  free(mode);
  clv_exact_sum_free(&sum);
  return st;
}
