/* Compiled once per instruction set. Lanes are summed in a fixed order, so the bits do not depend on the
 * vector width. */
#include "engine/models/bg_nbd_kernel.h"
#include "engine/numerics/pinned_inline.h"

enum { LANES = CLV_BG_NBD_LANES };

/* Two vectors of eight a step: one alone would wait for its own logarithms. */
static inline double lanes_sum(const double *lane) {
  double eight[8];
  for (size_t l = 0; l < 8; l++) eight[l] = lane[l] + lane[l + 8];
  return ((eight[0] + eight[4]) + (eight[2] + eight[6])) + ((eight[1] + eight[5]) + (eight[3] + eight[7]));
}

void CLV_KERNEL(clv_bg_nbd_buyers)(const clv_bg_nbd_rows *rows, const double *theta, double *sum) {
  const double r = theta[0], alpha = theta[1], a = theta[2], b_less = theta[3] - 1.0;
  const double *restrict x = rows->x, *restrict t_x = rows->t_x, *restrict T = rows->T,
                         *restrict count = rows->count;
  double s0[LANES] = {0}, s1[LANES] = {0}, s2[LANES] = {0}, s3[LANES] = {0}, s4[LANES] = {0};
  for (size_t i = 0; i < rows->n; i += LANES) {
    for (size_t l = 0; l < LANES; l++) {
      const double c = count[i + l], n = r + x[i + l], bx = b_less + x[i + l];
      const double w = alpha + T[i + l], d = alpha + t_x[i + l], over = 1.0 / (w * d);
      const double rho = clv_log_inline(w * w * over);
      const double e   = clv_exp_inline(-n * rho); /* never above 1: t_x <= T */
      const double m = bx * e + a, one = c / m, alive = bx * e * one;
      s0[l] += c * clv_log_inline(m);
      s1[l] += alive * rho;
      s2[l] += n * alive * ((T[i + l] - t_x[i + l]) * over);
      s3[l] += one;
      s4[l] += e * one;
    }
  }
  sum[0] += lanes_sum(s0);
  sum[1] += lanes_sum(s1);
  sum[2] += lanes_sum(s2);
  sum[3] += lanes_sum(s3);
  sum[4] += lanes_sum(s4);
}

void CLV_KERNEL(clv_bg_nbd_recent)(const clv_bg_nbd_recencies *rows, const double *theta, double *sum) {
  const double r = theta[0], alpha = theta[1];
  const double *restrict t_x = rows->t_x, *restrict count = rows->count, *restrict count_x = rows->count_x;
  double s0[LANES] = {0}, s1[LANES] = {0}, s2[LANES] = {0};
  for (size_t i = 0; i < rows->n; i += LANES) {
    for (size_t l = 0; l < LANES; l++) {
      const double d = alpha + t_x[i + l], log_d = clv_log_inline(d),
                   weight = r * count[i + l] + count_x[i + l];
      s0[l] += weight * log_d;
      s1[l] += count[i + l] * log_d;
      s2[l] += weight / d;
    }
  }
  sum[0] += lanes_sum(s0);
  sum[1] += lanes_sum(s1);
  sum[2] += lanes_sum(s2);
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
