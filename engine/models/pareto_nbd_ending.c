#include "engine/models/pareto_nbd_ending.h"

#include <math.h>
#include <stdbool.h>

#include "engine/numerics/pinned.h"

enum { R, ALPHA, S, BETA };

void clv_pareto_nbd_curve_of(const double *theta, const clv_customer *who, clv_pareto_nbd_curve *out) {
  const double n = theta[R] + (double)who->x, s = theta[S];
  const bool   alpha_is_near = theta[ALPHA] <= theta[BETA];
  const double near          = fmin(theta[ALPHA], theta[BETA]) + who->t_x;
  const double far           = fmax(theta[ALPHA], theta[BETA]) + who->t_x;
  out->z                     = near / far;
  out->near                  = alpha_is_near ? n - 1.0 : s;
  out->far                   = alpha_is_near ? s + 1.0 : n;
  out->length                = clv_log1p((who->T - who->t_x) / near);
}

clv_pareto_nbd_plan clv_pareto_nbd_plan_of(double cut, double steepness) {
  clv_pareto_nbd_plan plan = {.cut = cut, .n_panel = 1};
  if (steepness <= CLV_PARETO_NBD_STEEP_8 && cut <= CLV_PARETO_NBD_LONG_8) {
    plan.rule = clv_gauss_rule_find(8);
  } else if (steepness <= CLV_PARETO_NBD_STEEP_12 && cut <= CLV_PARETO_NBD_LONG_12) {
    plan.rule = clv_gauss_rule_find(12);
  } else {
    const double panels = fmax(steepness / CLV_PARETO_NBD_STEEP_20, cut / CLV_PARETO_NBD_LONG_20);
    plan.rule           = clv_gauss_rule_find(20);
    if (panels > 1.0) plan.n_panel = (int)ceil(fmin(panels, CLV_PARETO_NBD_PANELS_MOST));
  }
  return plan;
}

static double curve_slope(const clv_pareto_nbd_curve *c, double e) {
  return c->near + c->far * (c->z * e / (1.0 + c->z * (e - 1.0)));
}

/* Newton's steps come from beyond the cut and stay there, for the drop is convex. */
double clv_pareto_nbd_cut(const clv_pareto_nbd_curve *c, double cut, double *steepness) {
  for (int k = 0; k < 8; k++) {
    const double e    = clv_exp(cut);
    const double drop = c->near * cut + c->far * clv_log(1.0 + c->z * (e - 1.0));
    if (!(drop > CLV_PARETO_NBD_CUT + 1.0)) break;
    cut -= (drop - CLV_PARETO_NBD_CUT) / curve_slope(c, e);
  }
  *steepness = cut * fmax(fabs(curve_slope(c, 1.0)), fabs(curve_slope(c, clv_exp(cut))));
  return cut;
}

static clv_pareto_nbd_plan curve_plan(const clv_pareto_nbd_curve *c) {
  const double slope     = curve_slope(c, 1.0);
  double       cut       = slope * c->length > CLV_PARETO_NBD_CUT ? CLV_PARETO_NBD_CUT / slope : c->length;
  double       steepness = cut * fmax(fabs(slope), fabs(curve_slope(c, clv_exp(cut))));
  if (steepness > CLV_PARETO_NBD_STEEP_20) cut = clv_pareto_nbd_cut(c, cut, &steepness);
  return clv_pareto_nbd_plan_of(cut, steepness);
}

/* Integrals over the dead of 1, y, log q, 1/e^y and 1/q, with q = (M+tau) / (M+t_x). */
typedef struct integrals {
  double one, y, log_q, by_e, by_q;
} integrals;

static integrals curve_integrals(const clv_pareto_nbd_curve *c) {
  const clv_pareto_nbd_plan plan  = curve_plan(c);
  const double              width = plan.cut / (double)plan.n_panel;
  integrals                 sum   = {0};
  for (int panel = 0; panel < plan.n_panel; panel++)
    for (int k = 0; k < plan.rule->n; k++) {
      const double y = width * ((double)panel + plan.rule->node[k]), e = clv_exp(y);
      const double q = 1.0 + c->z * (e - 1.0), log_q = clv_log(q);
      const double g = width * plan.rule->weight[k] * clv_exp(-c->near * y - c->far * log_q);
      sum.one += g;
      sum.y += g * y;
      sum.log_q += g * log_q;
      sum.by_e += g / e;
      sum.by_q += g / q;
    }
  return sum;
}

void clv_pareto_nbd_ending_of(const double *theta, const clv_customer *who, clv_pareto_nbd_ending *out) {
  const double         n = theta[R] + (double)who->x, s = theta[S];
  const bool           alpha_is_near = theta[ALPHA] <= theta[BETA];
  const double         near          = fmin(theta[ALPHA], theta[BETA]) + who->t_x;
  const double         far = fmax(theta[ALPHA], theta[BETA]) + who->t_x, gap = who->T - who->t_x;
  const double         log_near = clv_log(near), log_far = clv_log(far), to_far = clv_log1p(gap / far);
  clv_pareto_nbd_curve curve;
  clv_pareto_nbd_curve_of(theta, who, &curve);
  const integrals sum = curve_integrals(&curve);
  /* relative to both factors at t_x */
  const double alive =
      clv_exp(alpha_is_near ? -n * curve.length - s * to_far : -s * curve.length - n * to_far);
  const double lead = s * (alpha_is_near ? curve.z : 1.0), mass = alive + lead * sum.one;
  const double a = alive / mass, d = lead / mass;
  const double at_near  = log_near + a * curve.length + d * sum.y,
               at_far   = log_far + a * to_far + d * sum.log_q;
  const double near_end = a / (near + gap), near_dead = d * sum.by_e / near;
  const double far_end = a / (far + gap), far_dead = d * sum.by_q / far;
  const double by_near   = alpha_is_near ? n * (near_end + near_dead) : s * near_end + (s + 1.0) * near_dead;
  const double by_far    = alpha_is_near ? s * far_end + (s + 1.0) * far_dead : n * (far_end + far_dead);
  const double log_alpha = alpha_is_near ? log_near : log_far, log_beta = alpha_is_near ? log_far : log_near;
  *out = (clv_pareto_nbd_ending){
      .log_mass   = clv_log(mass) - n * log_alpha - s * log_beta,
      .alive      = a,
      .dead       = d * sum.one,
      .log_alpha  = alpha_is_near ? at_near : at_far,
      .log_beta   = alpha_is_near ? at_far : at_near,
      .rate_alpha = alpha_is_near ? by_near : by_far,
      .rate_beta  = alpha_is_near ? by_far : by_near,
      .integral   = sum.one,
  };
}
