/* Compiled once per instruction set. Fader & Hardie 2013 (note 025), eq. 1a. */
#include "engine/models/gamma_gamma_batch_kernel.h"
#include "engine/numerics/vgamma.h"

void CLV_KERNEL(clv_gamma_gamma_batch)(const clv_batch *batch, double *value, double *by_log_theta) {
  const size_t n = batch->n;
  for (size_t i = 0; i < n; i += CLV_VECTOR) {
    const clv_vector x = clv_vector_load(batch->x + i), mean = clv_vector_load(batch->spend + i);
    const clv_vector p = clv_vector_load(batch->theta + i), q = clv_vector_load(batch->theta + n + i),
                     v        = clv_vector_load(batch->theta + 2 * n + i);
    const clv_vector       px = p * x, both = px + q, total = x * mean, all = total + v;
    const clv_vector_gamma g_px = clv_vector_gamma_of(px), g_q = clv_vector_gamma_of(q),
                           g_both = clv_vector_gamma_of(both);
    const clv_vector log_total = clv_vector_log_tame(total), log_all = clv_vector_log_tame(all),
                     log_v = clv_vector_log_tame(v);
    const clv_vector own = log_total - log_all, like = log_v - log_all;
    /* px log(x mean / all) + q log(v / all) - log mean: ratios first, so that nothing large cancels */
    clv_vector_store(value + i,
                     ((g_both.log - g_px.log) - g_q.log) + (px * own + q * like) - clv_vector_log_tame(mean));
    clv_vector_store(by_log_theta + i, px * ((g_both.digamma - g_px.digamma) + own));
    clv_vector_store(by_log_theta + n + i, q * ((g_both.digamma - g_q.digamma) + like));
    clv_vector_store(by_log_theta + 2 * n + i, q - both * (v / all));
  }
}
