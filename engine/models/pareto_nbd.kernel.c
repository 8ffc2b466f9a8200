/* Compiled once per instruction set; see pareto_nbd_ending.h for the integral. CLV_ROW_LANES rows share a
 * quadrature rule, chosen by the steepest of them, and lanes are summed in a fixed order: the bits do not
 * depend on the vector width. */
#include "engine/models/pareto_nbd_ending.h"
#include "engine/models/pareto_nbd_kernel.h"
#include "engine/numerics/pinned_inline.h"
#include "engine/numerics/vmath.h"

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
  double near, far;             /* m, M */
  double near_start, far_start; /* exponents of m+tau and M+tau: start + [near_x or far_x] x */
  double near_x, far_x;
  double near_dead, far_dead; /* what a death adds to them */
  double lead;                /* s */
  int    is_alpha_near;
} setting;

static inline setting setting_of(const double *theta) {
  const double r = theta[0], alpha = theta[1], s = theta[2], beta = theta[3];
  return alpha <= beta ? (setting){alpha, beta, r, s, 1.0, 0.0, 0.0, 1.0, s, 1}
                       : (setting){beta, alpha, s, r, 0.0, 1.0, 1.0, 0.0, s, 0};
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

CLV_INLINE void group_begin(group *g, const setting *at, const clv_pareto_nbd_rows *rows, size_t first) {
  for (size_t v = 0; v < VECTORS; v++) {
    const size_t     i = first + v * CLV_VECTOR;
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

/* Alive or dead, put together, and added to the terms. */
CLV_INLINE void group_end(const setting *at, const group *g, const clv_pareto_nbd_rows *rows, size_t i,
                          const integrals *sum, clv_vector *term) {
  const size_t     v = i % LANES / CLV_VECTOR;
  const clv_vector x = clv_vector_load(rows->x + i), t_x = clv_vector_load(rows->t_x + i),
                   T = clv_vector_load(rows->T + i), count = clv_vector_load(rows->count + i);
  const clv_vector near = at->near + t_x, far = at->far + t_x, near_T = at->near + T, far_T = at->far + T;
  const clv_vector n_near = at->near_start + at->near_x * x, n_far = at->far_start + at->far_x * x;
  const clv_vector log_near = clv_vector_log(near), log_far = clv_vector_log(far);
  const clv_vector to_near = g->length.vector[v], to_far = clv_vector_log(far_T / far);
  const clv_vector alive = clv_vector_exp(-n_near * to_near - n_far * to_far);
  const clv_vector lead  = at->lead * (at->is_alpha_near * g->z.vector[v] + !at->is_alpha_near);
  const clv_vector mass = alive + lead * sum->one, share = count / mass, a = alive * share, d = lead * share;
  const clv_vector log_mass = clv_vector_log(mass) - n_near * log_near - n_far * log_far;
  const clv_vector at_near  = count * log_near + (a * to_near + d * sum->y);
  const clv_vector at_far   = count * log_far + (a * to_far + d * sum->log_q);
  const clv_vector by_near  = n_near * (a / near_T) + (n_near + at->near_dead) * (d * sum->by_e / near);
  const clv_vector by_far   = n_far * (a / far_T) + (n_far + at->far_dead) * (d * sum->by_q / far);
  term[0] += count * log_mass;
  term[1] += at->is_alpha_near ? at_near : at_far;
  term[2] += at->is_alpha_near ? by_near : by_far;
  term[3] += d * sum->one;
  term[4] += at->is_alpha_near ? at_far : at_near;
  term[5] += at->is_alpha_near ? by_far : by_near;
}

void CLV_KERNEL(clv_pareto_nbd_sums)(const clv_pareto_nbd_rows *rows, const double *theta, double *sum) {
  const setting at                   = setting_of(theta);
  clv_vector    term[VECTORS][TERMS] = {0};
  for (size_t first = 0; first < rows->n; first += LANES) {
    group g;
    group_begin(&g, &at, rows, first);
    const clv_pareto_nbd_plan plan = group_plan(&g);
    for (size_t v = 0; v < VECTORS; v++) {
      const integrals each = curve_integrals(&plan, &g, v);
      group_end(&at, &g, rows, first + v * CLV_VECTOR, &each, term[v]);
    }
  }
  for (size_t k = 0; k < TERMS; k++) {
    lanes total;
    for (size_t v = 0; v < VECTORS; v++) total.vector[v] = term[v][k];
    sum[k] += lanes_sum(total.lane);
  }
}
