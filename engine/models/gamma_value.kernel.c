/* Compiled once per instruction set. Eight lanes are summed in a fixed order: the bits do not depend on the
 * vector width. */
#include "engine/models/gamma_value_kernel.h"

#include <stdbool.h>

#include "engine/numerics/pinned_inline.h"
#include "engine/numerics/vmath.h"

enum { LANES = 8, VECTORS = LANES / CLV_VECTOR, SUMS = 4 };

typedef struct lanes {
  clv_vector part[VECTORS];
} lanes;

/* e^-t - 1 + t, by its series where it would cancel. */
CLV_INLINE clv_vector fall_of(clv_vector t, clv_vector down, bool is_near) {
  double     factorial = 6227020800.0; /* 13! */
  clv_vector sum       = {0};
  if (!is_near) return down - 1.0 + t;
  for (int k = 13; k >= 2; k--) {
    sum = clv_vector_fma(sum, -t, clv_vector_of(1.0 / factorial));
    factorial /= k;
  }
  return t * t * sum;
}

/* e^-t falls by the same factor from one lot of lanes to the next. */
void CLV_KERNEL(clv_gamma_value_row)(double q, double s, double step, size_t left, size_t n, double *sum) {
  const double half = -0.5 / (s * s), falls = clv_exp_inline(-step * LANES),
               rises    = clv_exp_inline(step * LANES);
  lanes      term[SUMS] = {0}, down, up, t;
  const bool is_near    = step * (double)(left > n - left ? left : n - left) < 0.25;
  double     at[LANES];
  for (size_t l = 0; l < LANES; l++) at[l] = ((double)l - (double)left) * step;
  for (size_t v = 0; v < VECTORS; v++) {
    t.part[v]    = clv_vector_load(at + v * CLV_VECTOR);
    down.part[v] = clv_vector_exp(-t.part[v]);
    up.part[v]   = clv_vector_exp(t.part[v]);
  }
  for (size_t k = 0; k < n; k += LANES)
    for (size_t v = 0; v < VECTORS; v++) {
      const clv_vector x = t.part[v], fall = fall_of(x, down.part[v], is_near);
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
