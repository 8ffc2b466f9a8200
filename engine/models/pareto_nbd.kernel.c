/* Compiled once per instruction set; see pareto_nbd_ending.h for the integral. CLV_ROW_LANES rows share a
 * quadrature rule, chosen by the steepest of them, and lanes are summed in a fixed order: the bits do not
 * depend on the vector width. */
#include "engine/models/pareto_nbd_ending.h"
#include "engine/models/pareto_nbd_kernel.h"
#include "engine/numerics/pinned_inline.h"
#include "engine/numerics/vgamma.h"

enum { LANES = CLV_ROW_LANES, VECTORS = LANES / CLV_VECTOR, TERMS = CLV_PARETO_NBD_TERMS };

typedef union lanes {
  clv_vector vector[VECTORS];
  double     lane[LANES];
} lanes;

static inline double lanes_sum(const double *lane) {
  double eight[8];
  for (size_t l = 0; l < 8; l++) eight[l] = lane[l] + lane[l + 8];
  return ((eight[0] + eight[4]) + (eight[2] + eight[6])) + ((eight[1] + eight[5]) + (eight[3] + eight[7]));
}

/* What depends on which of alpha and beta is the smaller, m ("near"), and the larger ("far"). */
typedef struct setting {
  clv_vector near, far;             /* m, M */
  clv_vector near_start, far_start; /* exponents of m+tau and M+tau: start + [near_x or far_x] x */
  clv_vector near_x, far_x;
  clv_vector near_dead, far_dead; /* what a death adds to them */
  clv_vector lead;                /* s */
  clv_mask   is_alpha_near;
} setting;

CLV_INLINE setting setting_of(clv_vector r, clv_vector alpha, clv_vector s, clv_vector beta) {
  const clv_mask   is_alpha_near = (clv_mask)(alpha <= beta);
  const clv_vector one = clv_vector_of(1.0), none = {0};
  return (setting){.near          = clv_vector_pick(is_alpha_near, alpha, beta),
                   .far           = clv_vector_pick(is_alpha_near, beta, alpha),
                   .near_start    = clv_vector_pick(is_alpha_near, r, s),
                   .far_start     = clv_vector_pick(is_alpha_near, s, r),
                   .near_x        = clv_vector_pick(is_alpha_near, one, none),
                   .far_x         = clv_vector_pick(is_alpha_near, none, one),
                   .near_dead     = clv_vector_pick(is_alpha_near, none, one),
                   .far_dead      = clv_vector_pick(is_alpha_near, one, none),
                   .lead          = s,
                   .is_alpha_near = is_alpha_near};
}

/* LANES rows. */
typedef struct group {
  lanes z, near, far; /* a curve per row */
  lanes length, cut, steepness;
} group;

CLV_INLINE clv_vector vector_most(clv_vector a, clv_vector b) {
  return clv_vector_pick((clv_mask)(a > b), a, b);
}
CLV_INLINE clv_vector vector_size(clv_vector a) { return vector_most(a, -a); }

/* One vector's part of a group. */
CLV_INLINE void group_begin(group *g, const setting *at, const clv_pareto_nbd_rows *rows, size_t i) {
  const size_t     v = i % LANES / CLV_VECTOR;
  const clv_vector x = clv_vector_load(rows->x + i), t_x = clv_vector_load(rows->t_x + i);
  const clv_vector m = at->near + t_x, z = m / (at->far + t_x);
  const clv_vector near   = at->near_start + at->near_x * x + (at->near_dead - 1.0);
  const clv_vector far    = at->far_start + at->far_x * x + at->far_dead;
  const clv_vector length = clv_vector_log((at->near + clv_vector_load(rows->T + i)) / m);
  const clv_vector slope  = near + far * z;
  const clv_vector cut =
      clv_vector_pick((clv_mask)(slope * length > CLV_PARETO_NBD_CUT), CLV_PARETO_NBD_CUT / slope, length);
  const clv_vector e   = clv_vector_exp(cut);
  const clv_vector end = near + far * (z * e / (1.0 + z * (e - 1.0)));
  g->z.vector[v] = z, g->near.vector[v] = near, g->far.vector[v] = far;
  g->length.vector[v] = length, g->cut.vector[v] = cut;
  g->steepness.vector[v] = cut * vector_most(vector_size(slope), vector_size(end));
}

static clv_pareto_nbd_plan group_plan(group *g) {
  double longest = 0.0, steepest = 0.0;
  for (size_t l = 0; l < LANES; l++) {
    if (g->steepness.lane[l] > CLV_PARETO_NBD_STEEP_20) {
      const clv_pareto_nbd_curve curve = {g->z.lane[l], g->near.lane[l], g->far.lane[l], g->length.lane[l]};
      g->cut.lane[l]                   = clv_pareto_nbd_cut(&curve, g->cut.lane[l], &g->steepness.lane[l]);
    }
    longest  = g->cut.lane[l] > longest ? g->cut.lane[l] : longest;
    steepest = g->steepness.lane[l] > steepest ? g->steepness.lane[l] : steepest;
  }
  return clv_pareto_nbd_plan_of(longest, steepest);
}

/* Integrals over the dead of 1, y, log q, 1/e^y and 1/q. */
typedef struct integrals {
  clv_vector one, y, log_q, by_e, by_q;
} integrals;

CLV_INLINE integrals curve_integrals(const clv_pareto_nbd_plan *plan, const group *g, size_t v) {
  const clv_vector z = g->z.vector[v], near = -g->near.vector[v], far = g->far.vector[v];
  const clv_vector width = g->cut.vector[v] / (double)plan->n_panel;
  integrals        sum   = {0};
  for (int panel = 0; panel < plan->n_panel; panel++)
    for (int k = 0; k < plan->rule->n; k++) {
      const clv_vector y = width * ((double)panel + plan->rule->node[k]), e = clv_vector_exp(y);
      const clv_vector q = 1.0 + z * (e - 1.0), log_q = clv_vector_log(q);
      const clv_vector w = plan->rule->weight[k] * clv_vector_exp(near * y - far * log_q), over = w / (e * q);
      sum.one += w;
      sum.y += w * y;
      sum.log_q += w * log_q;
      sum.by_e += over * q;
      sum.by_q += over * e;
    }
  return (integrals){sum.one * width, sum.y * width, sum.log_q * width, sum.by_e * width, sum.by_q * width};
}

/* Means over alive and dead of a vector of customers, in the terms of the header. */
typedef struct ending {
  clv_vector log_mass, dead, log_alpha, rate_alpha, log_beta, rate_beta;
} ending;

/* Alive or dead, put together, `count` times. */
CLV_INLINE ending group_end(const setting *at, const group *g, const clv_pareto_nbd_rows *rows, size_t i,
                            const integrals *sum, clv_vector count) {
  const size_t     v = i % LANES / CLV_VECTOR;
  const clv_vector x = clv_vector_load(rows->x + i), t_x = clv_vector_load(rows->t_x + i),
                   T    = clv_vector_load(rows->T + i);
  const clv_vector near = at->near + t_x, far = at->far + t_x, near_T = at->near + T, far_T = at->far + T;
  const clv_vector n_near = at->near_start + at->near_x * x, n_far = at->far_start + at->far_x * x;
  const clv_vector log_near = clv_vector_log(near), log_far = clv_vector_log(far);
  const clv_vector to_near = g->length.vector[v], to_far = clv_vector_log(far_T / far);
  const clv_vector alive = clv_vector_exp(-n_near * to_near - n_far * to_far);
  const clv_vector lead  = clv_vector_pick(at->is_alpha_near, at->lead * g->z.vector[v], at->lead);
  const clv_vector mass = alive + lead * sum->one, share = count / mass, a = alive * share, d = lead * share;
  const clv_vector at_near = count * log_near + (a * to_near + d * sum->y);
  const clv_vector at_far  = count * log_far + (a * to_far + d * sum->log_q);
  const clv_vector by_near = n_near * (a / near_T) + (n_near + at->near_dead) * (d * sum->by_e / near);
  const clv_vector by_far  = n_far * (a / far_T) + (n_far + at->far_dead) * (d * sum->by_q / far);
  return (ending){.log_mass   = count * (clv_vector_log(mass) - n_near * log_near - n_far * log_far),
                  .dead       = d * sum->one,
                  .log_alpha  = clv_vector_pick(at->is_alpha_near, at_near, at_far),
                  .rate_alpha = clv_vector_pick(at->is_alpha_near, by_near, by_far),
                  .log_beta   = clv_vector_pick(at->is_alpha_near, at_far, at_near),
                  .rate_beta  = clv_vector_pick(at->is_alpha_near, by_far, by_near)};
}

void CLV_KERNEL(clv_pareto_nbd_sums)(const clv_pareto_nbd_rows *rows, const double *theta, double *sum) {
  const setting at = setting_of(clv_vector_of(theta[0]), clv_vector_of(theta[1]), clv_vector_of(theta[2]),
                                clv_vector_of(theta[3]));
  clv_vector    term[VECTORS][TERMS] = {0};
  for (size_t first = 0; first < rows->n; first += LANES) {
    group g;
    for (size_t v = 0; v < VECTORS; v++) group_begin(&g, &at, rows, first + v * CLV_VECTOR);
    const clv_pareto_nbd_plan plan = group_plan(&g);
    for (size_t v = 0; v < VECTORS; v++) {
      const size_t    i    = first + v * CLV_VECTOR;
      const integrals each = curve_integrals(&plan, &g, v);
      const ending    end  = group_end(&at, &g, rows, i, &each, clv_vector_load(rows->count + i));
      term[v][0] += end.log_mass;
      term[v][1] += end.log_alpha;
      term[v][2] += end.rate_alpha;
      term[v][3] += end.dead;
      term[v][4] += end.log_beta;
      term[v][5] += end.rate_beta;
    }
  }
  for (size_t k = 0; k < TERMS; k++) {
    lanes total;
    for (size_t v = 0; v < VECTORS; v++) total.vector[v] = term[v][k];
    sum[k] += lanes_sum(total.lane);
  }
}

/* One vector of a batch: what is left of the likelihood is Gamma(r+x) / Gamma(r) alpha^r beta^s. */
CLV_INLINE void batch_end(const clv_batch *batch, size_t i, const ending *end, double *value, double *by) {
  const size_t     n = batch->n;
  const clv_vector r = clv_vector_load(batch->theta + i), s = clv_vector_load(batch->theta + 2 * n + i);
  const clv_vector alpha           = clv_vector_load(batch->theta + n + i),
                   beta            = clv_vector_load(batch->theta + 3 * n + i);
  const clv_vector       log_alpha = clv_vector_log_tame(alpha), log_beta = clv_vector_log_tame(beta);
  const clv_vector_gamma before = clv_vector_gamma_of(r),
                         after  = clv_vector_gamma_of(r + clv_vector_load(batch->x + i));
  clv_vector_store(value + i, (after.log - before.log) + (r * log_alpha + s * log_beta) + end->log_mass);
  clv_vector_store(by + i, r * ((after.digamma - before.digamma) + (log_alpha - end->log_alpha)));
  clv_vector_store(by + n + i, r - alpha * end->rate_alpha);
  clv_vector_store(by + 2 * n + i, end->dead + s * (log_beta - end->log_beta));
  clv_vector_store(by + 3 * n + i, s - beta * end->rate_beta);
}

void CLV_KERNEL(clv_pareto_nbd_batch)(const clv_batch *batch, double *value, double *by_log_theta) {
  const size_t              n    = batch->n;
  const clv_pareto_nbd_rows rows = {n, batch->x, batch->t_x, batch->T, NULL};
  for (size_t first = 0; first < n; first += LANES) {
    group   g;
    setting at[VECTORS];
    for (size_t v = 0; v < VECTORS; v++) {
      const double *theta = batch->theta + first + v * CLV_VECTOR;
      at[v] = setting_of(clv_vector_load(theta), clv_vector_load(theta + n), clv_vector_load(theta + 2 * n),
                         clv_vector_load(theta + 3 * n));
      group_begin(&g, &at[v], &rows, first + v * CLV_VECTOR);
    }
    const clv_pareto_nbd_plan plan = group_plan(&g);
    for (size_t v = 0; v < VECTORS; v++) {
      const size_t    i    = first + v * CLV_VECTOR;
      const integrals each = curve_integrals(&plan, &g, v);
      const ending    end  = group_end(&at[v], &g, &rows, i, &each, clv_vector_of(1.0));
      batch_end(batch, i, &end, value, by_log_theta);
    }
  }
}
