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

static const double NODE_8[]    = {0.01985507175123188416, 0.1016667612931866302, 0.2372337950418355071,
                                   0.4082826787521750975,  0.5917173212478249025, 0.7627662049581644929,
                                   0.8983332387068133698,  0.9801449282487681158};
static const double WEIGHT_8[]  = {0.05061426814518812958, 0.1111905172266872353, 0.1568533229389436437,
                                   0.1813418916891809915,  0.1813418916891809915, 0.1568533229389436437,
                                   0.1111905172266872353,  0.05061426814518812958};
static const double NODE_12[]   = {0.009219682876640374655, 0.04794137181476257166, 0.1150486629028476565,
                                   0.2063410228566912764,   0.3160842505009099031,  0.4373832957442655423,
                                   0.5626167042557344577,   0.6839157494990900969,  0.7936589771433087236,
                                   0.8849513370971523435,   0.9520586281852374283,  0.9907803171233596253};
static const double WEIGHT_12[] = {0.0235876681932559136,  0.05346966299765921548, 0.08003916427167311317,
                                   0.1015837133615329609,  0.1167462682691774044,  0.1245735229067013925,
                                   0.1245735229067013925,  0.1167462682691774044,  0.1015837133615329609,
                                   0.08003916427167311317, 0.05346966299765921548, 0.0235876681932559136};
static const double NODE_20[]   = {
      0.003435700407452537607, 0.01801403636104310437, 0.04388278587433704707, 0.0804415140888905883,
      0.1268340467699246037,   0.1819731596367424873,  0.244566499024586451,   0.3131469556422902197,
      0.386107074429177461,    0.4617367394332513331,  0.5382632605667486669,  0.613892925570822539,
      0.6868530443577097803,   0.755433500975413549,   0.8180268403632575127,  0.8731659532300753963,
      0.9195584859111094117,   0.9561172141256629529,  0.9819859636389568956,  0.9965642995925474624};
static const double WEIGHT_20[] = {
    0.008807003569576059156, 0.02030071490019347067, 0.03133602416705453178, 0.04163837078835237436,
    0.05096505990862021752,  0.05909726598075920866, 0.06584431922458831345, 0.07104805465919102566,
    0.07458649323630187339,  0.07637669356536292535, 0.07637669356536292535, 0.07458649323630187339,
    0.07104805465919102566,  0.06584431922458831345, 0.05909726598075920866, 0.05096505990862021752,
    0.04163837078835237436,  0.03133602416705453178, 0.02030071490019347067, 0.008807003569576059156};

static const clv_gauss_rule GAUSS[] = {
    {8, NODE_8, WEIGHT_8}, {12, NODE_12, WEIGHT_12}, {20, NODE_20, WEIGHT_20}};

const clv_gauss_rule *clv_gauss_rule_find(int n_least) {
  const clv_gauss_rule *rule = GAUSS;
  while (rule->n < n_least && rule->n < CLV_GAUSS_POINTS_MOST) rule++;
  return rule;
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
  enum { LEVELS = 5 };                                   /* steps of 1/2, 1/4, … 1/32 */
  const double pi = 3.14159265358979323846, reach = 6.0; /* p = 1e-275 */
  const double low  = fmax(sinh_inverse(logit_low / pi), -reach);
  const double high = fmin(sinh_inverse(logit_high / pi), reach);
  double       sum = 0.0, before = INFINITY, step = 0.5;
  for (int k = (int)ceil(low / step); k <= (int)floor(high / step); k++)
    sum += value_at(f, context, step * k);
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
