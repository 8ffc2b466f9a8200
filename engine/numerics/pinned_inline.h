#ifndef CLV_ENGINE_NUMERICS_PINNED_INLINE_H
#define CLV_ENGINE_NUMERICS_PINNED_INLINE_H

#include <math.h>
#include <stdint.h>
#include <string.h>

/* exp and log without branches, from fma, division and integer operations only: the same source serves the
 * scalar functions and, inlined into loops over lanes, the vector kernels of every instruction set, with the
 * same bits. */

static inline double clv_bits_to_f64(uint64_t bits) {
  double value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

static inline uint64_t clv_f64_to_bits(double value) {
  uint64_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

/* e^x = 2^n e^r with |r| <= ln2 / 2; Taylor to r^13 (truncation 4e-18 relative), in Estrin's order: half the
 * latency of Horner's. 2^n is applied in two halves so that results below the normal range round once. */
__attribute__((always_inline)) static inline double clv_exp_inline(double x) {
  const double magic = 0x1.8p52, ln2_high = 0x1.62e42fefa38p-1, ln2_low = 0x1.ef35793c7673p-45;
  const double clamped = x > 710.0 ? 710.0 : (x < -760.0 ? -760.0 : x);
  const double shifted = fma(clamped, 0x1.71547652b82fep0, magic), n = shifted - magic;
  const double r  = fma(-n, ln2_low, fma(-n, ln2_high, clamped));
  const double r2 = r * r, r4 = r2 * r2, r8 = r4 * r4;
  const double p2 = fma(r, 1.0 / 6.0, 0.5), p4 = fma(r, 1.0 / 120.0, 1.0 / 24.0),
               p6 = fma(r, 1.0 / 5040.0, 1.0 / 720.0);
  const double p8 = fma(r, 1.0 / 362880.0, 1.0 / 40320.0), p10 = fma(r, 1.0 / 39916800.0, 1.0 / 3628800.0);
  const double p12 = fma(r, 1.0 / 6227020800.0, 1.0 / 479001600.0);
  const double low = fma(p4, r2, p2), high = fma(p8, r2, p6), top = fma(p12, r2, p10);
  const double p = fma(fma(top, r8, fma(high, r4, low)), r2, r) + 1.0;
  /* n and half of it as whole numbers, by the magic number: signed shifts of 64 bits come only with AVX-512
   */
  const double   half_shifted = fma(n, 0.5, magic);
  const uint64_t half         = clv_f64_to_bits(half_shifted) - clv_f64_to_bits(magic);
  const uint64_t rest         = clv_f64_to_bits(shifted) - clv_f64_to_bits(magic) - half;
  const double   result = p * clv_bits_to_f64((half + 1023) << 52) * clv_bits_to_f64((rest + 1023) << 52);
  return x > 709.782712893384 ? INFINITY : (x < -745.1332191019412 ? 0.0 : (x == x ? result : x));
}

/* log x = e ln2 + log m, m in [sqrt(1/2), sqrt 2); log m by s = f / (2 + f), f = m - 1, with the minimax
 * polynomial in s^2 published with fdlibm's e_log.c (error below 2^-58). */
__attribute__((always_inline)) static inline double clv_log_inline(double x) {
  const double ln2_high = 0x1.62e42feep-1, ln2_low = 0x1.a39ef35793c76p-33;
  /* Selecting the factor, not the value: from a selected value the compiler makes two paths, with the
   * division in each. */
  const double   factor = x < 0x1p-1022 ? 0x1p54 : 1.0, shift = x < 0x1p-1022 ? 54.0 : 0.0;
  const uint64_t bits = clv_f64_to_bits(x * factor), offset = bits - 0x3fe6a09e667f3bcdULL;
  const uint64_t top = offset & 0xfff0000000000000ULL;
  const double   m   = clv_bits_to_f64(bits - top);
  const double   f = m - 1.0, s = f / (2.0 + f), z = s * s;
  /* The exponent, signed in the top 12 bits, made a double by the magic number: shifts of signed 64-bit
   * numbers and conversions from them come only with AVX-512. */
  const double e =
      (clv_bits_to_f64(((top >> 52) ^ 0x800ULL) + 0x4330000000000000ULL) - (0x1p52 + 2048.0)) - shift;
  const double z2 = z * z, z4 = z2 * z2;
  const double p0          = fma(z, 3.999999999940941908e-01, 6.666666666666735130e-01);
  const double p2          = fma(z, 2.222219843214978396e-01, 2.857142874366239149e-01);
  const double p4          = fma(z, 1.531383769920937332e-01, 1.818357216161805012e-01);
  const double p           = fma(fma(z2, 1.479819860511658591e-01, p4), z4, fma(p2, z2, p0));
  const double half_square = 0.5 * f * f;
  const double result      = e * ln2_high - ((half_square - fma(s, half_square + z * p, e * ln2_low)) - f);
  const double special     = x == 0.0 ? -INFINITY : (x == INFINITY ? INFINITY : NAN);
  return x > 0.0 && x < INFINITY ? result : special;
}

#endif
