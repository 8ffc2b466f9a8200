#include "engine/numerics/pinned.h"

#include <math.h>
#include <stddef.h>

#include "engine/numerics/normal_table.h"
#include "engine/numerics/pinned_inline.h"

/* fma() without the instruction is a call into the C library: each function exists with and without it, and
 * the loader picks. The bits are the same, for fma is exact. Sanitizers run before the loader's choice can be
 * made, so they get the plain form. */
#if defined(__x86_64__) && defined(__gnu_linux__) && !defined(__SANITIZE_ADDRESS__) && !defined(__clang__)
#define WITH_FMA __attribute__((target_clones("fma", "default")))
#else
#define WITH_FMA
#endif

static const double HALF_LOG_2PI = 0.91893853320467274178;

WITH_FMA double clv_exp(double x) { return clv_exp_inline(x); }
WITH_FMA double clv_log(double x) { return clv_log_inline(x); }
WITH_FMA double clv_pow(double x, double y) { return clv_exp_inline(y * clv_log_inline(x)); }

WITH_FMA double clv_log1p(double x) {
  const double u = 1.0 + x;
  if (u == 1.0) return x;
  if (!(x < INFINITY)) return x;
  return clv_log_inline(u) - ((u - 1.0) - x) / u;
}

WITH_FMA double clv_expm1(double x) {
  const double u = clv_exp_inline(x);
  if (u == 1.0) return x;
  if (u - 1.0 == -1.0 || !(u < INFINITY)) return u - 1.0;
  return (u - 1.0) * x / clv_log_inline(u);
}

/* log Gamma(x) - [(x - 1/2) log x - x + log(2 pi)/2] for x >= 12: Bernoulli series, next term below 1e-17. */
static double stirling_correction(double x) {
  const double y = 1.0 / x, z = y * y;
  double       p = -3617.0 / 122400.0;
  p              = p * z + 1.0 / 156.0;
  p              = p * z - 691.0 / 360360.0;
  p              = p * z + 1.0 / 1188.0;
  p              = p * z - 1.0 / 1680.0;
  p              = p * z + 1.0 / 1260.0;
  p              = p * z - 1.0 / 360.0;
  p              = p * z + 1.0 / 12.0;
  return p * y;
}

WITH_FMA double clv_lgamma(double x) {
  if (!(x > 0.0)) return x == 0.0 ? INFINITY : NAN;
  if (!(x < 1e305)) return INFINITY;
  double product = 1.0, shifted = x;
  while (shifted < 12.0) product *= shifted, shifted += 1.0;
  const double at_shifted =
      (shifted - 0.5) * clv_log_inline(shifted) - shifted + HALF_LOG_2PI + stirling_correction(shifted);
  return product == 1.0 ? at_shifted : at_shifted - clv_log_inline(product);
}

WITH_FMA double clv_digamma(double x) {
  if (!(x > 0.0)) return x == 0.0 ? -INFINITY : NAN;
  double below = 0.0, shifted = x;
  while (shifted < 12.0) below += 1.0 / shifted, shifted += 1.0;
  const double z = 1.0 / (shifted * shifted);
  double       p = 3617.0 / 8160.0;
  p              = p * z - 1.0 / 12.0;
  p              = p * z + 691.0 / 32760.0;
  p              = p * z - 1.0 / 132.0;
  p              = p * z + 1.0 / 240.0;
  p              = p * z - 1.0 / 252.0;
  p              = p * z + 1.0 / 120.0;
  p              = p * z - 1.0 / 12.0;
  return clv_log_inline(shifted) - 0.5 / shifted + p * z - below;
}

/* log Gamma(big) - log Gamma(big + small), big >= 12, by differences that do not cancel. */
static double lgamma_ratio(double big, double small) {
  const double sum = big + small;
  return -small * clv_log_inline(sum) - (big - 0.5) * clv_log1p(small / big) + small +
         stirling_correction(big) - stirling_correction(sum);
}

WITH_FMA double clv_lbeta(double a, double b) {
  const double small = a < b ? a : b, big = a < b ? b : a;
  if (!(small > 0.0)) return small == 0.0 ? INFINITY : NAN;
  if (big >= 12.0) return clv_lgamma(small) + lgamma_ratio(big, small);
  return clv_lgamma(small) + clv_lgamma(big) - clv_lgamma(small + big);
}

WITH_FMA double clv_log_sum_exp(double a, double b) {
  const double high = a > b ? a : b, low = a > b ? b : a;
  if (a != a || b != b) return NAN;
  if (!(fabs(high) < INFINITY)) return high;
  return high + clv_log1p(clv_exp_inline(low - high));
}

WITH_FMA double clv_sigmoid(double x) {
  if (x >= 0.0) return 1.0 / (1.0 + clv_exp_inline(-x));
  const double e = clv_exp_inline(x);
  return e / (1.0 + e);
}

WITH_FMA double clv_log_sigmoid(double x) {
  return x >= 0.0 ? -clv_log1p(clv_exp_inline(-x)) : x - clv_log1p(clv_exp_inline(x));
}

WITH_FMA double clv_logit(double p) { return clv_log_inline(p) - clv_log1p(-p); }

static double rational(const double *top, const double *bottom, size_t n, double x) {
  double a = top[n - 1], b = bottom[n - 1];
  for (size_t i = n - 1; i-- > 0;) a = a * x + top[i], b = b * x + bottom[i];
  return a / b;
}

WITH_FMA double clv_normal_quantile(double p) {
  const double q = p - 0.5;
  if (!(p > 0.0 && p < 1.0)) return p == 0.0 ? -INFINITY : (p == 1.0 ? INFINITY : NAN);
  if (fabs(q) <= 0.425) return q * rational(CLV_NORMAL_A, CLV_NORMAL_B, CLV_NORMAL_TERMS, 0.180625 - q * q);
  const double tail = sqrt(-clv_log_inline(q < 0.0 ? p : 1.0 - p));
  const double z    = tail <= 5.0 ? rational(CLV_NORMAL_C, CLV_NORMAL_D, CLV_NORMAL_TERMS, tail - 1.6)
                                  : rational(CLV_NORMAL_E, CLV_NORMAL_F, CLV_NORMAL_TERMS, tail - 5.0);
  return q < 0.0 ? -z : z;
}
