/* Compiled once per instruction set. Lanes are summed in a fixed order, so the bits do not depend on the
 * vector width. */
#include "engine/models/gamma_gamma_kernel.h"
#include "engine/numerics/pinned_inline.h"

enum { LANES = CLV_GAMMA_GAMMA_LANES, STRIDE = CLV_GAMMA_GAMMA_STRIDE };

static inline double lanes_sum(const double *lane) {
  return ((lane[0] + lane[4]) + (lane[2] + lane[6])) + ((lane[1] + lane[5]) + (lane[3] + lane[7]));
}

void CLV_KERNEL(clv_gamma_gamma_sums)(const double *w, size_t n, size_t n_fill, double v, double *log_sum,
                                      double *inverse_sum) {
  double   inverse[LANES]  = {0}, product[LANES];
  uint64_t exponent[LANES] = {0};
  for (size_t l = 0; l < LANES; l++) product[l] = 1.0;
  for (size_t i = 0; i < n; i += STRIDE) {
    const double *restrict at = w + i;
    for (size_t l = 0; l < LANES; l++) {
      const double a = at[l] + v, b = at[l + LANES] + v, c = at[l + 2 * LANES] + v, d = at[l + 3 * LANES] + v;
      const double ab = a * b, cd = c * d, abcd = ab * cd;
      inverse[l] += ((a + b) * cd + (c + d) * ab) / abcd;
      /* product back into [1, 2), its exponent (still biased) added to the count */
      const uint64_t bits = clv_f64_to_bits(product[l] * abcd);
      exponent[l] += bits >> 52;
      product[l] = clv_bits_to_f64((bits & 0x000fffffffffffffULL) | 0x3ff0000000000000ULL);
    }
  }
  double whole = 0.0;
  for (size_t l = 0; l < LANES; l++) {
    whole += (double)((int64_t)exponent[l] - 1023 * (int64_t)(n / STRIDE));
    product[l] = clv_log_inline(product[l]);
  }
  *log_sum     = whole * 0x1.62e42fefa39efp-1 + lanes_sum(product) - (double)n_fill * clv_log_inline(v);
  *inverse_sum = lanes_sum(inverse) - (double)n_fill / v;
}
