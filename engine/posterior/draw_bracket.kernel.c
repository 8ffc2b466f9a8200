#include <stdbool.h>

#include "engine/posterior/draw_bracket_kernel.h"
#include "engine/numerics/vmath.h"

enum { LANES = 8, VECTORS = LANES / CLV_VECTOR };

/* The chosen lanes one after the other at `to`; what is stored behind them means nothing. @return how many */
CLV_INLINE size_t lanes_pack(clv_vector v, clv_mask chosen, double *to) {
#if defined(CLV_ISA_avx512)
  const __mmask8 bits = _mm512_movepi64_mask((__m512i)chosen);
  _mm512_storeu_pd(to, _mm512_maskz_compress_pd(bits, (__m512d)v));
  return (size_t)__builtin_popcount(bits);
#elif defined(CLV_ISA_avx2)
#define P(a, b, c, d) \
  { 2 * (a), 2 * (a) + 1, 2 * (b), 2 * (b) + 1, 2 * (c), 2 * (c) + 1, 2 * (d), 2 * (d) + 1 }
  static const int32_t ORDER[16][8] = {P(0, 0, 0, 0), P(0, 0, 0, 0), P(1, 0, 0, 0), P(0, 1, 0, 0),
                                       P(2, 0, 0, 0), P(0, 2, 0, 0), P(1, 2, 0, 0), P(0, 1, 2, 0),
                                       P(3, 0, 0, 0), P(0, 3, 0, 0), P(1, 3, 0, 0), P(0, 1, 3, 0),
                                       P(2, 3, 0, 0), P(0, 2, 3, 0), P(1, 2, 3, 0), P(0, 1, 2, 3)};
#undef P
  const int            bits         = _mm256_movemask_pd((__m256d)chosen);
  const __m256i        order        = _mm256_loadu_si256((const __m256i *)ORDER[bits]);
  _mm256_storeu_ps((float *)to, _mm256_permutevar8x32_ps(_mm256_castpd_ps((__m256d)v), order));
  return (size_t)__builtin_popcount((unsigned)bits);
#else
  to[0]          = v[0];
  const size_t n = chosen[0] & 1;
  to[n]          = v[1];
  return n + (chosen[1] & 1);
#endif
}

static void one_bracket(const double *value, size_t n_value, clv_draw_brackets *b, size_t k, double *inside) {
  const clv_vector low = clv_vector_of(b->low[k]), high = clv_vector_of(b->high[k]);
  clv_mask         below = {0};
  size_t           n = 0, n_below = 0, i = 0;
  for (; i + CLV_VECTOR <= n_value; i += CLV_VECTOR) {
    const clv_vector v     = clv_vector_load(value + i);
    const clv_mask   under = (clv_mask)(v < low);
    below -= under; /* a mask is -1 */
    n += lanes_pack(v, ~under & (clv_mask)(v <= high), inside + n);
  }
  for (size_t l = 0; l < CLV_VECTOR; l++) n_below += below[l];
  for (; i < n_value; i++) {
    n_below += value[i] < b->low[k];
    inside[n] = value[i];
    n += value[i] >= b->low[k] && value[i] <= b->high[k];
  }
  b->below[k]    = n_below;
  b->n_inside[k] = n;
}

void CLV_KERNEL(clv_draw_bracket)(const double *value, size_t n_value, clv_draw_brackets *brackets,
                                  double *inside) {
  for (size_t k = 0; k < brackets->n; k++)
    one_bracket(value, n_value, brackets, k, inside + k * CLV_BRACKET_ROOM(n_value));
}

CLV_INLINE double powers_sum(const double *value, size_t n_value, double centre, bool squared) {
  union {
    clv_vector vector[VECTORS];
    double     lane[LANES];
  } s      = {0};
  size_t i = 0;
  for (; i + LANES <= n_value; i += LANES)
    for (size_t v = 0; v < VECTORS; v++) {
      clv_vector d = clv_vector_load(value + i + v * CLV_VECTOR) - centre;
      if (squared) d *= d;
      s.vector[v] += d;
    }
  for (size_t l = 0; i < n_value; i++, l++) {
    const double d = value[i] - centre;
    s.lane[l] += squared ? d * d : d;
  }
  return ((s.lane[0] + s.lane[4]) + (s.lane[2] + s.lane[6])) +
         ((s.lane[1] + s.lane[5]) + (s.lane[3] + s.lane[7]));
}

double CLV_KERNEL(clv_draw_sum)(const double *value, size_t n_value) {
  return powers_sum(value, n_value, 0.0, false);
}

double CLV_KERNEL(clv_draw_squares)(const double *value, size_t n_value, double mean) {
  return powers_sum(value, n_value, mean, true);
}
