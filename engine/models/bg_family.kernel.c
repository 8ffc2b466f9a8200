/* Compiled once per instruction set. Lanes are summed in a fixed order, so the bits do not depend on the
 * vector width. */
#include <string.h>

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

/* What a vector of rows needs: -rho and the difference of inverses come from tables where there are any. */
typedef struct able {
  clv_vector rho, between; /* log(w / d), 1/d - 1/w */
} able;

CLV_INLINE able able_look_up(const clv_bg_rows *rows, size_t at) {
  const uint16_t *age = rows->at_age + at, *recency = rows->at_recency + at;
  return (able){clv_vector_look_up(rows->age, age) - clv_vector_look_up(rows->recency, recency),
                clv_vector_look_up(rows->recency + rows->n_recency, recency) -
                    clv_vector_look_up(rows->age + rows->n_age, age)};
}

CLV_INLINE able able_compute(const clv_bg_rows *rows, double alpha, size_t at) {
  const clv_vector T = clv_vector_load(rows->T + at), t_x = clv_vector_load(rows->t_x + at);
  const clv_vector w = alpha + T, d = alpha + t_x, over = 1.0 / (w * d);
  return (able){clv_vector_log_tame(w * w * over), (T - t_x) * over};
}

/* Running products of m in [1, 2), and the exponents taken out of them. */
typedef struct products {
  clv_vector mantissa[VECTORS];
  clv_mask   exponent[VECTORS];
} products;

CLV_INLINE void product_take(products *p, size_t v, clv_vector m) {
  const clv_mask bits = (clv_mask)(p->mantissa[v] * m);
  p->exponent[v] += bits >> 52; /* still biased */
  p->mantissa[v] = (clv_vector)((bits & 0x000fffffffffffffULL) | 0x3ff0000000000000ULL);
}

static double products_log(const products *p, size_t n_taken) {
  lanes  rest;
  double whole = 0.0;
  for (size_t v = 0; v < VECTORS; v++) {
    rest.vector[v] = clv_vector_log_tame(p->mantissa[v]);
    for (size_t l = 0; l < CLV_VECTOR; l++)
      whole += (double)((int64_t)p->exponent[v][l] - 1023 * (int64_t)n_taken);
  }
  return whole * 0x1.62e42fefa39efp-1 + lanes_sum(rest.lane);
}

/* The sums of clv_bg_able for theta within bounds where nothing overflows. The flags are constants at every
 * call: the compiler makes four loops of this one. */
CLV_INLINE void able_sum(const clv_bg_rows *rows, const double *theta, double *sum, bool has_tables,
                         bool alike) {
  const double r = theta[0], alpha = theta[1], a = theta[2], b_shifted = theta[3];
  lanes        s[CLV_BG_TERMS] = {0};
  products     p               = {0};
  for (size_t v = 0; v < VECTORS; v++) p.mantissa[v] = clv_vector_of(1.0);
  for (size_t i = 0; i < rows->n; i += LANES) {
    for (size_t v = 0; v < VECTORS; v++) {
      const size_t     at = i + v * CLV_VECTOR;
      const able       k  = has_tables ? able_look_up(rows, at) : able_compute(rows, alpha, at);
      const clv_vector c = clv_vector_load(rows->count + at), x = clv_vector_load(rows->x + at);
      const clv_vector n = r + x, e = clv_vector_exp_tame(-n * k.rho); /* never far above 1: t_x <= T */
      const clv_vector be = (b_shifted + x) * e, m = be + a, one = c / m, alive = be * one;
      if (alike)
        product_take(&p, v, clv_vector_pick((clv_mask)(c > 0.0), m, clv_vector_of(1.0)));
      else
        s[0].vector[v] += c * clv_vector_log_tame(m);
      s[1].vector[v] += alive * k.rho;
      s[2].vector[v] += n * alive * k.between;
      s[3].vector[v] += one;
      s[4].vector[v] += e * one;
    }
  }
  for (size_t k = 0; k < CLV_BG_TERMS; k++) sum[k] += lanes_sum(s[k].lane);
  if (alike) sum[0] += products_log(&p, rows->n / LANES);
}

/* For any theta: infinities and NaN arrive where they should. */
static void able_sum_carefully(const clv_bg_rows *rows, const double *theta, double *sum) {
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

/* So far from 0 and from infinity that no product of two of them, and no e^-700 beside a, leaves the normal
 * range. */
static bool theta_is_tame(const double *theta) {
  bool tame = theta[3] > -1.0 && theta[3] < 0x1p200;
  for (size_t i = 0; i < 3; i++) tame = tame && theta[i] > 0x1p-200 && theta[i] < 0x1p200;
  return tame;
}

void CLV_KERNEL(clv_bg_able)(const clv_bg_rows *rows, const double *theta, double *sum) {
  if (!theta_is_tame(theta))
    able_sum_carefully(rows, theta, sum);
  else if (rows->age != NULL)
    rows->alike ? able_sum(rows, theta, sum, true, true) : able_sum(rows, theta, sum, true, false);
  else
    rows->alike ? able_sum(rows, theta, sum, false, true) : able_sum(rows, theta, sum, false, false);
}

void CLV_KERNEL(clv_bg_table)(size_t n, const double *time, double alpha, double *table) {
  for (size_t i = 0; i < n; i += CLV_VECTOR) {
    const clv_vector all = alpha + clv_vector_load(time + i), log_all = clv_vector_log(all),
                     inverse = 1.0 / all;
    memcpy(table + i, &log_all, sizeof log_all);
    memcpy(table + n + i, &inverse, sizeof inverse);
  }
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
