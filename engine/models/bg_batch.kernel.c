/* Compiled once per instruction set. Fader, Hardie & Lee 2005, eq. 6, Batislam, Denizel & Filiztekin 2007,
 * eq. 4, and Reutterer, Platzer & Schroeder 2021, in the terms of bg_family_kernel.h and cnbd.c, with the
 * Gamma functions that sums over customers with the same parameters need only once for each x. */
#include "engine/models/bg_batch_kernel.h"
#include "engine/numerics/pinned.h"
#include "engine/numerics/vgamma.h"

/* One vector of customers. */
typedef struct customers {
  clv_vector x, t_x, T, r, alpha, a, b;
} customers;

/* The sum over j < k of the chance, less a factor, that j phases of the gap under way are over, and the
 * slopes of its logarithm in n and y = (T - t_x) / (alpha + T); 1, 0, 0 where k is 1. See clv_cnbd_stages_of.
 */
typedef struct stages {
  clv_vector sum, by_n, by_y;
} stages;

CLV_INLINE stages stages_of(int k, clv_vector n, clv_vector y) {
  clv_vector term = clv_vector_of(1.0), harmonic = {0};
  stages     at = {.sum = term};
  for (int j = 1; j < k; j++) {
    const clv_vector phases = n + (double)(j - 1), before = term * phases / (double)j;
    at.by_y += (double)j * before;
    term = before * y;
    harmonic += 1.0 / phases;
    at.by_n += term * harmonic;
    at.sum += term;
  }
  at.by_n /= at.sum, at.by_y /= at.sum;
  return at;
}

/* Alive at T, or gone since t_x: the logarithm of both chances, and its slopes in log b (where it stands in
 * the chances to leave that he had), n and log alpha. */
typedef struct ending {
  clv_vector log_mass, dead, by_log_b, by_n, by_log_alpha;
} ending;

CLV_INLINE ending ending_of(const clv_batch_kind *kind, const customers *who, clv_vector n) {
  const clv_vector one = clv_vector_of(1.0), none = {0}, passed = who->x + kind->early;
  const clv_mask   may = (clv_mask)(passed > 0.0); /* have left */
  const clv_vector w = who->alpha + who->T, d = who->alpha + who->t_x, y = (who->T - who->t_x) / w;
  const clv_vector log_w = clv_vector_log_tame(w), log_d = clv_vector_log_tame(d);
  const clv_vector chances = clv_vector_pick(may, who->b + (passed - 1.0), one);
  const stages     gap     = stages_of(kind->k, n, y);
  const clv_vector odds    = chances * (gap.sum * clv_vector_exp(-n * clv_vector_log_tame(w / d)));
  const clv_vector mass    = clv_vector_pick(may, odds + who->a, one);
  const clv_vector dead    = clv_vector_pick(may, who->a / mass, none),
                   alive   = clv_vector_pick(may, odds / mass, one);
  const clv_vector stay    = (kind->k > 1 ? clv_vector_log_tame(gap.sum) : none) - n * log_w;
  return (ending){.log_mass     = clv_vector_pick(may, clv_vector_log_tame(mass / chances) - n * log_d, stay),
                  .dead         = dead,
                  .by_log_b     = -dead * (who->b / chances),
                  .by_n         = alive * (gap.by_n - log_w) - dead * log_d,
                  .by_log_alpha = -who->alpha * (alive * (n + gap.by_y * y) / w + dead * n / d)};
}

CLV_INLINE void customers_look(const clv_batch_kind *kind, double log_gamma_k, const customers *who,
                               clv_vector *value, clv_vector *by) {
  const clv_vector n = who->r + (double)kind->k * who->x, ab = who->a + who->b, passed = who->x + kind->early;
  const clv_vector_gamma g_r = clv_vector_gamma_of(who->r), g_n = clv_vector_gamma_of(n),
                         g_b = clv_vector_gamma_of(who->b), g_bx = clv_vector_gamma_of(who->b + passed),
                         g_ab = clv_vector_gamma_of(ab), g_abx = clv_vector_gamma_of(ab + passed);
  const clv_vector log_alpha = clv_vector_log_tame(who->alpha), by_ab = g_ab.digamma - g_abx.digamma;
  const ending     at = ending_of(kind, who, n);
  *value = ((g_n.log - g_r.log) + who->r * log_alpha) + ((g_bx.log - g_b.log) - (g_abx.log - g_ab.log)) +
           (at.log_mass - log_gamma_k * who->x);
  by[0] = who->r * ((g_n.digamma - g_r.digamma) + (log_alpha + at.by_n));
  by[1] = who->r + at.by_log_alpha;
  by[2] = who->a * by_ab + at.dead;
  by[3] = who->b * (by_ab + (g_bx.digamma - g_b.digamma)) + at.by_log_b;
}

void CLV_KERNEL(clv_bg_batch)(const clv_batch_kind *kind, const clv_batch *batch, double *value,
                              double *by_log_theta) {
  const size_t n           = batch->n;
  const double log_gamma_k = clv_lgamma((double)kind->k);
  for (size_t i = 0; i < n; i += CLV_VECTOR) {
    const double   *theta = batch->theta + i;
    const customers who   = {clv_vector_load(batch->x + i), clv_vector_load(batch->t_x + i),
                             clv_vector_load(batch->T + i), clv_vector_load(theta),
                             clv_vector_load(theta + n),    clv_vector_load(theta + 2 * n),
                             clv_vector_load(theta + 3 * n)};
    clv_vector      each, by[4];
    customers_look(kind, log_gamma_k, &who, &each, by);
    clv_vector_store(value + i, each);
    for (size_t k = 0; k < 4; k++) clv_vector_store(by_log_theta + k * n + i, by[k]);
  }
}
