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

/* p = 1 / (1 + e^(-pi sinh t)): dp = p (1 - p) pi cosh t dt. */
double clv_unit_integral(clv_unit_integrand f, const void *context) {
  const double step = 1.0 / 16.0, pi = 3.14159265358979323846;
  double       sum = 0.0;
  for (int k = -96; k <= 96; k++) {
    const double   t = step * (double)k, up = clv_exp(t), down = 1.0 / up;
    const double   u  = 0.5 * pi * (up - down);
    clv_unit_point at = {.p        = clv_sigmoid(u),
                         .rest     = clv_sigmoid(-u),
                         .log_p    = clv_log_sigmoid(u),
                         .log_rest = clv_log_sigmoid(-u)};
    if (!(at.p > 0.0 && at.rest > 0.0)) continue;
    const double value = f(context, &at) * at.p * at.rest * (up + down);
    if (value == value) sum += value;
  }
  return sum * 0.5 * pi * step;
}
