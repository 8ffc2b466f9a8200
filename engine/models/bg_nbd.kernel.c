/* Compiled once per instruction set. Lanes are summed in a fixed order, so the bits do not depend on the
 * vector width. */
#include "engine/models/bg_nbd_kernel.h"
#include "engine/numerics/pinned_inline.h"

enum { LANES = CLV_BG_NBD_LANES };

static inline double lanes_sum(const double *lane) {
  return ((lane[0] + lane[4]) + (lane[2] + lane[6])) + ((lane[1] + lane[5]) + (lane[3] + lane[7]));
}

void CLV_KERNEL(clv_bg_nbd_buyers)(const clv_bg_nbd_rows *rows, const double *theta, double *sum) {
  const double r = theta[0], alpha = theta[1], a = theta[2], b_less = theta[3] - 1.0;
  const double *restrict x = rows->x, *restrict t_x = rows->t_x, *restrict T = rows->T,
                         *restrict count = rows->count;
  double s0[LANES] = {0}, s1[LANES] = {0}, s2[LANES] = {0}, s3[LANES] = {0}, s4[LANES] = {0};
  for (size_t i = 0; i < rows->n; i += LANES) {
    for (size_t l = 0; l < LANES; l++) {
      const double c = count[i + l], n = r + x[i + l], inverse = 1.0 / (b_less + x[i + l]);
      const double w = alpha + T[i + l], d = alpha + t_x[i + l];
      const double log_w = clv_log_inline(w), log_d = clv_log_inline(d);
      /* exponent is never positive: t_x <= T */
      const double e = clv_exp_inline(-n * (log_w - log_d)), kappa = a * inverse, both = e + kappa;
      const double dead = kappa / both, alive = e / both;
      s0[l] += c * (clv_log_inline(both) - n * log_d);
      s1[l] += c * (alive * log_w + dead * log_d);
      s2[l] += c * n * ((alive * d + dead * w) / (w * d));
      s3[l] += c * dead;
      s4[l] += c * dead * inverse;
    }
  }
  sum[0] += lanes_sum(s0);
  sum[1] += lanes_sum(s1);
  sum[2] += lanes_sum(s2);
  sum[3] += lanes_sum(s3);
  sum[4] += lanes_sum(s4);
}

/* Counts of one: the logarithm of a product, whose exponent is counted apart. */
static inline void onces_alike(const clv_bg_nbd_rows *rows, double alpha, double *sum) {
  const double *restrict T = rows->T, *restrict count = rows->count;
  double   inverse[LANES] = {0}, product[LANES], whole = 0.0;
  uint64_t exponent[LANES] = {0};
  for (size_t l = 0; l < LANES; l++) product[l] = 1.0;
  for (size_t i = 0; i < rows->n; i += LANES) {
    for (size_t l = 0; l < LANES; l++) {
      const double w = count[i + l] > 0.0 ? alpha + T[i + l] : 1.0;
      inverse[l] += count[i + l] / w;
      /* product back into [1, 2), its exponent (still biased) added to the count */
      const uint64_t bits = clv_f64_to_bits(product[l] * w);
      exponent[l] += bits >> 52;
      product[l] = clv_bits_to_f64((bits & 0x000fffffffffffffULL) | 0x3ff0000000000000ULL);
    }
  }
  for (size_t l = 0; l < LANES; l++) {
    whole += (double)((int64_t)exponent[l] - 1023 * (int64_t)(rows->n / LANES));
    product[l] = clv_log_inline(product[l]);
  }
  sum[0] += whole * 0x1.62e42fefa39efp-1 + lanes_sum(product);
  sum[1] += lanes_sum(inverse);
}

void CLV_KERNEL(clv_bg_nbd_onces)(const clv_bg_nbd_rows *rows, const double *theta, double *sum) {
  const double alpha       = theta[1];
  const double *restrict T = rows->T, *restrict count = rows->count;
  double s0[LANES] = {0}, s1[LANES] = {0};
  if (rows->alike && alpha > 0x1p-1000 && alpha < 0x1p1000) {
    onces_alike(rows, alpha, sum);
    return;
  }
  for (size_t i = 0; i < rows->n; i += LANES) {
    for (size_t l = 0; l < LANES; l++) {
      const double w = alpha + T[i + l];
      s0[l] += count[i + l] * clv_log_inline(w);
      s1[l] += count[i + l] / w;
    }
  }
  sum[0] += lanes_sum(s0);
  sum[1] += lanes_sum(s1);
}
