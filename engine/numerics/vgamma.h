#ifndef CLV_ENGINE_NUMERICS_VGAMMA_H
#define CLV_ENGINE_NUMERICS_VGAMMA_H

/* log Gamma and its derivative on vectors, for *.kernel.c files. */
#include "engine/numerics/vmath.h"

typedef struct clv_vector_gamma {
  clv_vector log, digamma;
} clv_vector_gamma;

/** Of y from 2^-200 to 2^100, the logarithm within 2e-14 or 7e-16 of it and the derivative within 3e-15 or
 * 1e-15 of it, whichever is more: Stirling's series eight further up, less the log and the log's slope of y
 * (y+1) … (y+7). Source: Abramowitz & Stegun 1964, 6.1.15, 6.1.41 and 6.3.18. */
CLV_INLINE clv_vector_gamma clv_vector_gamma_of(clv_vector y) {
  clv_vector product = y, slope = clv_vector_of(1.0);
  for (int j = 1; j < 8; j++) {
    const clv_vector next = y + (double)j;
    slope                 = clv_vector_fma(slope, next, product);
    product *= next;
  }
  const clv_vector    up = y + 8.0, both = 1.0 / (up * product), over = product * both, z = over * over;
  const clv_vector    log_up  = clv_vector_log_tame(up);
  static const double LOG[]   = {-3617.0 / 122400.0, 1.0 / 156.0,  -691.0 / 360360.0, 1.0 / 1188.0,
                                 -1.0 / 1680.0,      1.0 / 1260.0, -1.0 / 360.0,      1.0 / 12.0};
  static const double SLOPE[] = {-3617.0 / 8160.0, 1.0 / 12.0,  -691.0 / 32760.0, 1.0 / 132.0,
                                 -1.0 / 240.0,     1.0 / 252.0, -1.0 / 120.0,     1.0 / 12.0};
  clv_vector          by_log = clv_vector_of(LOG[0]), by_slope = clv_vector_of(SLOPE[0]);
  for (int k = 1; k < 8; k++) {
    by_log   = clv_vector_fma(by_log, z, clv_vector_of(LOG[k]));
    by_slope = clv_vector_fma(by_slope, z, clv_vector_of(SLOPE[k]));
  }
  const double half_log_2pi = 0.91893853320467274178;
  return (clv_vector_gamma){clv_vector_fma(up - 0.5, log_up, half_log_2pi - up) +
                                clv_vector_fma(by_log, over, -clv_vector_log_tame(product)),
                            (log_up - 0.5 * over) - clv_vector_fma(by_slope, z, slope * (up * both))};
}

#endif
