/* Compiled once per instruction set. Lanes are summed in a fixed order, so the bits do not depend on the
 * vector width. */
#include "engine/models/bg_family_kernel.h"
#include "engine/numerics/pinned_inline.h"
#include "engine/numerics/vmath.h"

enum { LANES = CLV_ROW_LANES, VECTORS = LANES / CLV_VECTOR };

/* Two vectors of eight a step: one alone would wait for its own logarithms. */
static inline double lanes_sum(const double *lane) {
  double eight[8];
  for (size_t l = 0; l < 8; l++) eight[l] = lane[l] + lane[l + 8];
  return ((eight[0] + eight[4]) + (eight[2] + eight[6])) + ((eight[1] + eight[5]) + (eight[3] + eight[7]));
}

/* Running sums of all lanes. */
typedef union lanes {
  clv_vector vector[VECTORS];
  double     lane[LANES];
} lanes;

void CLV_KERNEL(clv_bg_able)(const clv_bg_rows *rows, const double *theta, double *sum) {
  const double r = theta[0], alpha = theta[1], a = theta[2], b_shifted = theta[3];
  lanes        s[CLV_BG_TERMS] = {0};
  for (size_t i = 0; i < rows->n; i += LANES) {
    for (size_t v = 0; v < VECTORS; v++) {
      const size_t     at = i + v * CLV_VECTOR;
      const clv_vector c = clv_vector_load(rows->count + at), x = clv_vector_load(rows->x + at);
      const clv_vector T = clv_vector_load(rows->T + at), t_x = clv_vector_load(rows->t_x + at);
      const clv_vector n = r + x, bx = b_shifted + x, w = alpha + T, d = alpha + t_x, over = 1.0 / (w * d);
      const clv_vector rho = clv_vector_log(w * w * over);
      const clv_vector e   = clv_vector_exp(-n * rho); /* never above 1: t_x <= T */
      const clv_vector m = bx * e + a, one = c / m, alive = bx * e * one;
      s[0].vector[v] += c * clv_vector_log(m);
      s[1].vector[v] += alive * rho;
      s[2].vector[v] += n * alive * ((T - t_x) * over);
      s[3].vector[v] += one;
      s[4].vector[v] += e * one;
    }
  }
  for (size_t k = 0; k < CLV_BG_TERMS; k++) sum[k] += lanes_sum(s[k].lane);
}

void CLV_KERNEL(clv_bg_recent)(const clv_bg_recencies *rows, const double *theta, double *sum) {
  const double r = theta[0], alpha = theta[1];
  lanes        s[3] = {0};
  for (size_t i = 0; i < rows->n; i += LANES) {
    for (size_t v = 0; v < VECTORS; v++) {
      const size_t     at     = i + v * CLV_VECTOR;
      const clv_vector count  = clv_vector_load(rows->count + at),
                       weight = r * count + clv_vector_load(rows->count_x + at);
      const clv_vector d = alpha + clv_vector_load(rows->t_x + at), log_d = clv_vector_log(d);
      s[0].vector[v] += weight * log_d;
      s[1].vector[v] += count * log_d;
      s[2].vector[v] += weight / d;
    }
  }
  for (size_t k = 0; k < 3; k++) sum[k] += lanes_sum(s[k].lane);
}

/* Counts of one: the logarithm of a product, whose exponent is counted apart. */
static inline void onces_alike(const clv_bg_rows *rows, double alpha, double *sum) {
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

void CLV_KERNEL(clv_bg_onces)(const clv_bg_rows *rows, const double *theta, double *sum) {
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
