/* Compiled once per instruction set. Eight lanes are summed in a fixed order: the bits do not depend on the
 * vector width. */
#include "engine/models/gamma_value_kernel.h"
#include "engine/numerics/pinned_inline.h"
#include "engine/numerics/vmath.h"

enum { LANES = 8, VECTORS = LANES / CLV_VECTOR, SUMS = 4 };

typedef struct lanes {
  clv_vector part[VECTORS];
} lanes;

/* e^-t falls by the same factor from one lot of lanes to the next. */
void CLV_KERNEL(clv_gamma_value_row)(double q, double s, double step, size_t left, size_t n, double *sum) {
  const double half = -0.5 / (s * s), falls = clv_exp_inline(-step * LANES),
               rises = clv_exp_inline(step * LANES);
  lanes  term[SUMS]  = {0}, down, up, t;
  double at[LANES];
  for (size_t l = 0; l < LANES; l++) at[l] = ((double)l - (double)left) * step;
  for (size_t v = 0; v < VECTORS; v++) {
    t.part[v]    = clv_vector_load(at + v * CLV_VECTOR);
    down.part[v] = clv_vector_exp(-t.part[v]);
    up.part[v]   = clv_vector_exp(t.part[v]);
  }
  for (size_t k = 0; k < n; k += LANES)
    for (size_t v = 0; v < VECTORS; v++) {
      const clv_vector x = t.part[v], fall = down.part[v] - 1.0 + x;
      const clv_vector w = clv_vector_exp(half * (x * x) - q * fall), wx = w * x;
      term[0].part[v] += w;
      term[1].part[v] += wx;
      term[2].part[v] += wx * x;
      term[3].part[v] += w * up.part[v];
      down.part[v] *= falls;
      up.part[v] *= rises;
      t.part[v] += step * LANES;
    }
  for (size_t i = 0; i < SUMS; i++) {
    double lane[LANES];
    for (size_t l = 0; l < LANES; l++) lane[l] = term[i].part[l / CLV_VECTOR][l % CLV_VECTOR];
    sum[i] = ((lane[0] + lane[4]) + (lane[2] + lane[6])) + ((lane[1] + lane[5]) + (lane[3] + lane[7]));
  }
}
