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

/* e^x = 2^n e^r with |r| <= ln2 / 2; Taylor to r^13 (truncation 4e-18 relative). 2^n is applied in two halves
 * so that results below the normal range round once. */
__attribute__((always_inline)) static inline double clv_exp_inline(double x) {
  const double magic = 0x1.8p52, ln2_high = 0x1.62e42fefa38p-1, ln2_low = 0x1.ef35793c7673p-45;
  const double clamped = x > 710.0 ? 710.0 : (x < -760.0 ? -760.0 : x);
  const double shifted = fma(clamped, 0x1.71547652b82fep0, magic);
  const double n       = shifted - magic;
  const double r       = fma(-n, ln2_low, fma(-n, ln2_high, clamped));
  double       p       = 1.0 / 6227020800.0;
  p                    = fma(p, r, 1.0 / 479001600.0);
  p                    = fma(p, r, 1.0 / 39916800.0);
  p                    = fma(p, r, 1.0 / 3628800.0);
  p                    = fma(p, r, 1.0 / 362880.0);
  p                    = fma(p, r, 1.0 / 40320.0);
  p                    = fma(p, r, 1.0 / 5040.0);
  p                    = fma(p, r, 1.0 / 720.0);
  p                    = fma(p, r, 1.0 / 120.0);
  p                    = fma(p, r, 1.0 / 24.0);
  p                    = fma(p, r, 1.0 / 6.0);
  p                    = fma(p, r, 0.5);
  p                    = fma(p * r, r, r) + 1.0;
  const int64_t whole = (int64_t)(clv_f64_to_bits(shifted) - clv_f64_to_bits(magic)), half = whole >> 1;
  const double  up     = clv_bits_to_f64((uint64_t)(half + 1023) << 52);
  const double  rest   = clv_bits_to_f64((uint64_t)(whole - half + 1023) << 52);
  const double  result = p * up * rest;
  return x > 709.782712893384 ? INFINITY : (x < -745.1332191019412 ? 0.0 : (x == x ? result : x));
}

/* log x = e ln2 + log m, m in [sqrt(1/2), sqrt 2); log m by s = f / (2 + f), f = m - 1, with the minimax
 * polynomial in s^2 published with fdlibm's e_log.c (error below 2^-58). */
__attribute__((always_inline)) static inline double clv_log_inline(double x) {
  const double   ln2_high = 0x1.62e42feep-1, ln2_low = 0x1.a39ef35793c76p-33;
  const int      tiny   = x < 0x1p-1022;
  const double   scaled = tiny ? x * 0x1p54 : x;
  const uint64_t bits = clv_f64_to_bits(scaled), offset = bits - 0x3fe6a09e667f3bcdULL;
  const int64_t  exponent = (int64_t)offset >> 52;
  const double   m        = clv_bits_to_f64(bits - ((uint64_t)exponent << 52));
  const double   f = m - 1.0, s = f / (2.0 + f), z = s * s;
  /* int64 to double by the magic number: no conversion instruction before AVX-512. */
  const double e =
      clv_bits_to_f64((uint64_t)exponent + 0x4338000000000000ULL) - 0x1.8p52 - (tiny ? 54.0 : 0.0);
  double p                 = 1.479819860511658591e-01;
  p                        = fma(p, z, 1.531383769920937332e-01);
  p                        = fma(p, z, 1.818357216161805012e-01);
  p                        = fma(p, z, 2.222219843214978396e-01);
  p                        = fma(p, z, 2.857142874366239149e-01);
  p                        = fma(p, z, 3.999999999940941908e-01);
  p                        = fma(p, z, 6.666666666666735130e-01);
  const double half_square = 0.5 * f * f;
  const double result      = e * ln2_high - ((half_square - fma(s, half_square + z * p, e * ln2_low)) - f);
  const double special     = x == 0.0 ? -INFINITY : (x == INFINITY ? INFINITY : NAN);
  return x > 0.0 && x < INFINITY ? result : special;
}

#endif
