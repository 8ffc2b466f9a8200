/* P(alive) of one customer under many posterior draws: what `clv predict` spends its time on. */
#include "engine/models/bg_family_kernel.h"
#include "engine/numerics/vmath.h"

enum { N_PARAMETER = 4 };

/* Parameter k of draws s, s + 1, …; the last draw again where there are no more. */
CLV_INLINE clv_vector parameter_at(const double *theta, size_t stride, size_t n_draw, size_t s, size_t k) {
  clv_vector value;
  for (size_t l = 0; l < CLV_VECTOR; l++)
    value[l] = theta[(s + l < n_draw ? s + l : n_draw - 1) * stride + k];
  return value;
}

void CLV_KERNEL(clv_bg_alive)(const double *theta, size_t stride, size_t n_draw, const clv_bg_seen *who,
                              double *alive) {
  for (size_t s = 0; s < n_draw; s += CLV_VECTOR) {
    clv_vector by[N_PARAMETER];
    for (size_t k = 0; k < N_PARAMETER; k++) by[k] = parameter_at(theta, stride, n_draw, s, k);
    const clv_vector rho = clv_vector_log((by[1] + who->T) / (by[1] + who->t_x));
    const clv_vector e   = clv_vector_exp(-(by[0] + who->x) * rho);
    const clv_vector be = (by[3] + (who->x + who->early - 1.0)) * e, p = be / (be + by[2]);
    for (size_t l = 0; l < CLV_VECTOR && s + l < n_draw; l++) alive[s + l] = p[l];
  }
}
