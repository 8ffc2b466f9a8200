#ifndef CLV_ENGINE_NUMERICS_VMATH_H
#define CLV_ENGINE_NUMERICS_VMATH_H

/* Vectors of the width that the instruction set has, for *.kernel.c files, and log and exp on them: operation
 * for operation what pinned_inline.h does to one number, so the bits are the same. Values are chosen by
 * masks: from a conditional expression the compiler makes two paths, with every division in both. */

#include <math.h>
#include <stddef.h>
#include <stdint.h>

#if defined(CLV_ISA_avx512)
#include <immintrin.h>
enum { CLV_VECTOR = 8 };
#elif defined(CLV_ISA_avx2)
#include <immintrin.h>
enum { CLV_VECTOR = 4 };
#else
enum { CLV_VECTOR = 2 };
#endif

typedef double   clv_vector __attribute__((vector_size(8 * CLV_VECTOR), aligned(8), may_alias));
typedef uint64_t clv_mask __attribute__((vector_size(8 * CLV_VECTOR)));

#define CLV_INLINE __attribute__((always_inline)) static inline

CLV_INLINE clv_vector clv_vector_load(const double *from) { return *(const clv_vector *)from; }
CLV_INLINE void       clv_vector_store(double *to, clv_vector x) { *(clv_vector *)to = x; }
CLV_INLINE clv_vector clv_vector_of(double x) { return x - (clv_vector){0}; }

CLV_INLINE clv_vector clv_vector_sqrt(clv_vector x) {
#if defined(CLV_ISA_avx512)
  return (clv_vector)_mm512_sqrt_pd((__m512d)x);
#elif defined(CLV_ISA_avx2)
  return (clv_vector)_mm256_sqrt_pd((__m256d)x);
#else
  for (int k = 0; k < CLV_VECTOR; k++) x[k] = sqrt(x[k]);
  return x;
#endif
}

CLV_INLINE clv_vector clv_vector_fma(clv_vector a, clv_vector b, clv_vector c) {
#if defined(CLV_ISA_avx512)
  return (clv_vector)_mm512_fmadd_pd((__m512d)a, (__m512d)b, (__m512d)c);
#elif defined(CLV_ISA_avx2)
  return (clv_vector)_mm256_fmadd_pd((__m256d)a, (__m256d)b, (__m256d)c);
#else
  for (int k = 0; k < CLV_VECTOR; k++) c[k] = fma(a[k], b[k], c[k]);
  return c;
#endif
}

/* table[index[k]], by loads of single values: faster than the gather instructions of today's processors. */
CLV_INLINE clv_vector clv_vector_look_up(const double *table, const uint16_t *index) {
#if defined(CLV_ISA_avx512)
  return (clv_vector)_mm512_set_pd(table[index[7]], table[index[6]], table[index[5]], table[index[4]],
                                   table[index[3]], table[index[2]], table[index[1]], table[index[0]]);
#elif defined(CLV_ISA_avx2)
  return (clv_vector)_mm256_set_pd(table[index[3]], table[index[2]], table[index[1]], table[index[0]]);
#else
  return (clv_vector){table[index[0]], table[index[1]]};
#endif
}

CLV_INLINE clv_vector clv_vector_pick(clv_mask where, clv_vector yes, clv_vector no) {
  return (clv_vector)(((clv_mask)yes & where) | ((clv_mask)no & ~where));
}

/* Sum of eight lanes, whatever the width of a vector, in one order. @param s [8 / CLV_VECTOR] */
CLV_INLINE double clv_vector_sum_lanes(const clv_vector *s) {
  double lane[8];
  for (size_t l = 0; l < 8; l++) lane[l] = s[l / CLV_VECTOR][l % CLV_VECTOR];
  return ((lane[0] + lane[4]) + (lane[2] + lane[6])) + ((lane[1] + lane[5]) + (lane[3] + lane[7]));
}

#define F(a, b, c) clv_vector_fma(a, b, c)
#define V(c) clv_vector_of(c)

/* e^x = p 2^n with n a whole number; see clv_exp_inline. @param[out] shifted  n + 0x1.8p52 */
CLV_INLINE clv_vector vector_exp_parts(clv_vector x, clv_vector *shifted) {
  const double magic  = 0x1.8p52;
  *shifted            = F(x, V(0x1.71547652b82fep0), V(magic));
  const clv_vector n  = *shifted - magic;
  const clv_vector r  = F(-n, V(0x1.ef35793c7673p-45), F(-n, V(0x1.62e42fefa38p-1), x));
  const clv_vector r2 = r * r, r4 = r2 * r2, r8 = r4 * r4;
  const clv_vector p2 = F(r, V(1.0 / 6.0), V(0.5)), p4 = F(r, V(1.0 / 120.0), V(1.0 / 24.0));
  const clv_vector p6 = F(r, V(1.0 / 5040.0), V(1.0 / 720.0)), p8 = F(r, V(1.0 / 362880.0), V(1.0 / 40320.0));
  const clv_vector p10      = F(r, V(1.0 / 39916800.0), V(1.0 / 3628800.0)),
                   p12      = F(r, V(1.0 / 6227020800.0), V(1.0 / 479001600.0));
  const clv_vector low_part = F(p4, r2, p2), high_part = F(p8, r2, p6), top = F(p12, r2, p10);
  return F(F(top, r8, F(high_part, r4, low_part)), r2, r) + 1.0;
}

/* See clv_exp_inline. */
CLV_INLINE clv_vector clv_vector_exp(clv_vector x) {
  const double     magic = 0x1.8p52;
  const clv_vector zero  = {0};
  const clv_mask   high = (clv_mask)(x > 709.782712893384), low = (clv_mask)(x < -745.1332191019412),
                 sick   = (clv_mask)(x != x);
  const clv_vector over = clv_vector_pick((clv_mask)(x > 710.0), V(710.0), x);
  clv_vector       shifted;
  const clv_vector p = vector_exp_parts(clv_vector_pick((clv_mask)(x < -760.0), V(-760.0), over), &shifted);
  const clv_mask origin = (clv_mask)V(magic), half = (clv_mask)F(shifted - magic, V(0.5), V(magic)) - origin;
  const clv_mask rest     = (clv_mask)shifted - origin - half;
  const clv_vector result = p * (clv_vector)((half + 1023) << 52) * (clv_vector)((rest + 1023) << 52);
  return clv_vector_pick(high, V(INFINITY), clv_vector_pick(low, zero, clv_vector_pick(sick, x, result)));
}

/* e^x of finite x <= 700, and e^-700 below -700: the bits of clv_vector_exp between them, without its watch
 * over other values. */
CLV_INLINE clv_vector clv_vector_exp_tame(clv_vector x) {
  clv_vector       shifted;
  const clv_vector p = vector_exp_parts(clv_vector_pick((clv_mask)(x < -700.0), V(-700.0), x), &shifted);
  return p * (clv_vector)(((clv_mask)shifted - (clv_mask)V(0x1.8p52) + 1023) << 52);
}

/* log of normal, finite, positive x, less `shift` times log 2; see clv_log_inline. */
CLV_INLINE clv_vector vector_log_shifted(clv_vector x, clv_vector shift) {
  const clv_mask   bits = (clv_mask)x, top = (bits - 0x3fe6a09e667f3bcdULL) & 0xfff0000000000000ULL;
  const clv_vector f = (clv_vector)(bits - top) - 1.0, s = f / (2.0 + f), z = s * s, z2 = z * z, z4 = z2 * z2;
  const clv_vector e =
      ((clv_vector)(((top >> 52) ^ 0x800ULL) + 0x4330000000000000ULL) - (0x1p52 + 2048.0)) - shift;
  const clv_vector p0          = F(z, V(3.999999999940941908e-01), V(6.666666666666735130e-01));
  const clv_vector p2          = F(z, V(2.222219843214978396e-01), V(2.857142874366239149e-01));
  const clv_vector p4          = F(z, V(1.531383769920937332e-01), V(1.818357216161805012e-01));
  const clv_vector p           = F(F(z2, V(1.479819860511658591e-01), p4), z4, F(p2, z2, p0));
  const clv_vector half_square = 0.5 * f * f;
  return e * 0x1.62e42feep-1 - ((half_square - F(s, half_square + z * p, e * 0x1.a39ef35793c76p-33)) - f);
}

/* See clv_log_inline. */
CLV_INLINE clv_vector clv_vector_log(clv_vector x) {
  const clv_mask   tiny    = (clv_mask)(x < 0x1p-1022);
  const clv_vector factor  = clv_vector_pick(tiny, V(0x1p54), V(1.0)),
                   shift   = clv_vector_pick(tiny, V(54.0), V(0.0));
  const clv_vector result  = vector_log_shifted(x * factor, shift);
  const clv_mask   good    = (clv_mask)(x > 0.0) & (clv_mask)(x < INFINITY);
  const clv_vector special = clv_vector_pick((clv_mask)(x == 0.0), V(-INFINITY),
                                             clv_vector_pick((clv_mask)(x == INFINITY), x, V(NAN)));
  return clv_vector_pick(good, result, special);
}

/* log of normal, finite, positive x: the bits of clv_vector_log, without its watch over other values. */
CLV_INLINE clv_vector clv_vector_log_tame(clv_vector x) { return vector_log_shifted(x, V(0.0)); }
#undef F
#undef V

#endif
