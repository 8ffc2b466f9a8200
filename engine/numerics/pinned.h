#ifndef CLV_ENGINE_NUMERICS_PINNED_H
#define CLV_ENGINE_NUMERICS_PINNED_H

/** Elementary and special functions whose bits depend on nothing but IEEE arithmetic: the C library's choose
 * their code by CPU. All that the sampling path computes goes through these. Pure functions; not collective.
 * NaN in, NaN out. */

/** e^x and log x within 1 ulp (2 ulp where the result is subnormal); the same bits as a lane of the vector
 * kernels. */
double clv_exp(double x);
double clv_log(double x);
/** log(1 + x), x > -1, and e^x - 1, without cancellation near 0 (Kahan's corrections); a few ulp. */
double clv_log1p(double x);
double clv_expm1(double x);
/** x^y for x > 0, as e^(y log x): relative error grows with |y log x| (5e-14 at 200). */
double clv_pow(double x, double y);

/** log Gamma(x) and its derivative for x > 0, by the recurrence up to 12 and Stirling's series (Abramowitz &
 * Stegun 6.1.40, 6.3.18). Absolute error of log Gamma below 2e-14 for x < 12, relative 7e-16 above. INFINITY
 * / -INFINITY at 0, NaN below. */
double clv_lgamma(double x);
double clv_digamma(double x);
/** log Beta(a, b) for a, b > 0; the large argument is handled by a difference of Stirling corrections, so
 * nothing cancels. */
double clv_lbeta(double a, double b);

/** log(e^a + e^b) without overflow; -INFINITY where both are. */
double clv_log_sum_exp(double a, double b);
/** 1 / (1 + e^-x), its logarithm, and log(p / (1 - p)). */
double clv_sigmoid(double x);
double clv_log_sigmoid(double x);
double clv_logit(double p);

/** Quantile of the standard normal, p in (0, 1): Wichura 1988, AS 241 (PPND16), relative error about 1e-16.
 */
double clv_normal_quantile(double p);

#endif
