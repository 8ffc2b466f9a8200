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

/* The integrand at p = 1 / (1 + e^(-pi sinh t)), times dp / dt = p (1 - p) pi cosh t. */
static double value_at(clv_unit_integrand f, const void *context, double t) {
  const double half_pi = 1.57079632679489661923, up = clv_exp(t), down = 1.0 / up, u = half_pi * (up - down);
  clv_unit_point at = {.p        = clv_sigmoid(u),
                       .rest     = clv_sigmoid(-u),
                       .log_p    = clv_log_sigmoid(u),
                       .log_rest = clv_log_sigmoid(-u)};
  if (!(at.p > 0.0 && at.rest > 0.0)) return 0.0;
  const double value = f(context, &at) * at.p * at.rest * half_pi * (up + down);
  return value == value ? value : 0.0;
}

/* The trapezoid rule in t, its step halved until two in a row agree to 1e-6: the rule's error is squared by
 * each halving, so the last one is good to 1e-12. */
double clv_unit_integral(clv_unit_integrand f, const void *context) {
  enum { FIRST = 12, LEVELS = 5 }; /* steps of 1/2 over [-6, 6]; then 1/4, 1/8, … 1/32 */
  double sum = 0.0, before = INFINITY, step = 0.5;
  for (int k = -FIRST; k <= FIRST; k++) sum += value_at(f, context, step * k);
  for (int level = 1; level < LEVELS; level++) {
    before = sum * step;
    step *= 0.5;
    for (int k = -(FIRST << level) + 1; k < FIRST << level; k += 2) sum += value_at(f, context, step * k);
    if (fabs(sum * step - before) <= 1e-6 * fabs(before) && level > 1) break;
  }
  return sum * step;
}
