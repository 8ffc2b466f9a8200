#include "engine/numerics/quadrature.h"

#include <math.h>

#include "engine/numerics/pinned.h"

void clv_gauss_legendre(double node[CLV_GAUSS_POINTS], double weight[CLV_GAUSS_POINTS]) {
  static const double X[] = {0.9894009349916499326, 0.9445750230732325761, 0.8656312023878317439,
                             0.7554044083550030339, 0.6178762444026437484, 0.4580167776572273863,
                             0.2816035507792589132, 0.09501250983763744019};
  static const double W[] = {0.02715245941175409485, 0.06225352393864789286, 0.09515851168249278481,
                             0.1246289712555338720,  0.1495959888165767321,  0.1691565193950025382,
                             0.1826034150449235889,  0.1894506104550684963};
  for (int i = 0; i < CLV_GAUSS_POINTS / 2; i++) {
    node[i]                          = 0.5 * (1.0 - X[i]);
    node[CLV_GAUSS_POINTS - 1 - i]   = 0.5 * (1.0 + X[i]);
    weight[i]                        = 0.5 * W[i];
    weight[CLV_GAUSS_POINTS - 1 - i] = 0.5 * W[i];
  }
}

/* The integrand at p = 1 / (1 + e^-u), u = pi sinh t, times dp / dt = p (1 - p) pi cosh t. */
static double value_at(clv_unit_integrand f, const void *context, double t) {
  const double half_pi = 1.57079632679489661923, up = clv_exp(t), down = 1.0 / up, u = half_pi * (up - down);
  const double e = clv_exp(-fabs(u)), most = 1.0 / (1.0 + e), least = e * most, log_most = -clv_log1p(e);
  const double log_least = log_most - fabs(u);
  if (!(least > 0.0)) return 0.0;
  const clv_unit_point at    = u > 0.0 ? (clv_unit_point){most, least, log_most, log_least}
                                       : (clv_unit_point){least, most, log_least, log_most};
  const double         value = f(context, &at) * most * least * half_pi * (up + down);
  return value == value ? value : 0.0;
}

static double sinh_inverse(double y) {
  const double size = clv_log(fabs(y) + sqrt(y * y + 1.0));
  return y < 0.0 ? -size : size;
}

/* The trapezoid rule in t, its step halved until two in a row agree to 1e-6: the rule's error is squared by
 * each halving, so the last one is good to 1e-12. */
double clv_unit_integral_between(clv_unit_integrand f, const void *context, double logit_low,
                                 double logit_high) {
  enum { LEVELS = 5 }; /* steps of 1/2, 1/4, … 1/32 */
  const double pi = 3.14159265358979323846, reach = 6.0; /* p = 1e-275 */
  const double low  = fmax(sinh_inverse(logit_low / pi), -reach);
  const double high = fmin(sinh_inverse(logit_high / pi), reach);
  double       sum = 0.0, before = INFINITY, step = 0.5;
  for (int k = (int)ceil(low / step); k <= (int)floor(high / step); k++) sum += value_at(f, context, step * k);
  for (int level = 1; level < LEVELS; level++) {
    before = sum * step;
    step *= 0.5;
    const int first = (int)ceil(low / step), last = (int)floor(high / step);
    for (int k = first + (first % 2 == 0); k <= last; k += 2) sum += value_at(f, context, step * k);
    if (fabs(sum * step - before) <= 1e-6 * fabs(before) && level > 1) break;
  }
  return sum * step;
}

double clv_unit_integral(clv_unit_integrand f, const void *context) {
  return clv_unit_integral_between(f, context, -INFINITY, INFINITY);
}
