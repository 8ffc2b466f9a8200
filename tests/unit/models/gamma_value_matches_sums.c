/* gamma_value's integrals against sums on wide fine lattices, with the C library's functions. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "engine/models/gamma_value_rule.h"

/* Rows and columns of a tenth of the narrowest feature, over all where the integrand is not nothing. */
static double brute(const clv_gamma_value_prior *p, const clv_gamma_value_record *r, double moment[5],
                    double *amount) {
  const int    N = 3000;
  const double s = p->sd[1] * sqrt(p->rest), b = p->rho * p->sd[1] / p->sd[0];
  const double a0 = p->mean[0] - 20.0 * p->sd[0],
               a1 = fmin(16.0, p->mean[0] + 20.0 * p->sd[0] + r->n * 0.5 * p->sd[0] * p->sd[0]);
  double most = -INFINITY, all = 0.0, m[5] = {0}, value = 0.0;
  for (int pass = 0; pass < 2; pass++)
    for (int i = 0; i < N; i++) {
      const double a = a0 + (a1 - a0) * i / N, alpha = exp(a), kappa = r->n * alpha,
                   centre = p->mean[1] + b * (a - p->mean[0]) - r->log_mean;
      /* from where the mode can be, outwards */
      const double u0 = fmin(0.0, centre) - 14.0 * s, u1 = fmax(0.0, centre) + 14.0 * s;
      double       left = u0, right = u1;
      for (int k = 0; k < 200; k++) { /* the mode, by halves of the slope's sign */
        const double mid = 0.5 * (left + right);
        (kappa * (exp(-mid) - 1.0) - (mid - centre) / (s * s) > 0.0 ? (left = mid) : (right = mid));
      }
      const double mode = left, sd = 1.0 / sqrt(kappa * exp(-mode) + 1.0 / (s * s)), h = sd / 4.0;
      for (int j = -40; j < 200; j++) {
        const double u = mode + h * j, e = r->log_mean + u;
        const double A = (a - p->mean[0]) / p->sd[0], E = (e - p->mean[1]) / p->sd[1];
        const double w = r->n * (alpha * a - lgamma(alpha) - alpha * (1.0 + r->gap)) -
                         kappa * (expm1(-u) + u) - (A * A - 2.0 * p->rho * A * E + E * E) / (2.0 * p->rest) +
                         log(h * (a1 - a0) / N);
        if (pass == 0) {
          if (w > most) most = w;
          continue;
        }
        const double x = exp(w - most);
        all += x, m[0] += x * A, m[1] += x * E, m[2] += x * A * A, m[3] += x * E * E, m[4] += x * A * E,
            value += x * exp(e);
      }
    }
  for (int i = 0; i < 5; i++) moment[i] = m[i] / all;
  *amount = value / all;
  return most + log(all) - log(2.0 * M_PI * p->sd[0] * p->sd[1] * sqrt(p->rest));
}

static void integrals_match(void **state) {
  static const double THETA[][5]     = {{2.0, 30.0, 0.6, 0.5, 1.0},
                                        {0.7, 5.0, 1.4, 1.2, 3.0},
                                        {6.0, 100.0, 0.15, 0.2, 0.4},
                                        {3.0, 30.0, 1.0, 0.7, 0.15}};
  static const double RECORD[][3]    = {{1, 40.0, 0.0},   {2, 10.0, 0.001}, {3, 90.0, 0.6},   {7, 25.0, 0.0},
                                        {30, 33.0, 0.15}, {400, 20.0, 0.4}, {5, 2000.0, 2.5}, {1, 0.01, 0.0}};
  double              worst[5]       = {0};
  clv_gamma_value_lattices *lattices = NULL;
  (void)state;
  assert_int_equal(clv_gamma_value_lattices_new(&lattices), CLV_OK);
  for (size_t t = 0; t < sizeof THETA / sizeof *THETA; t++)
    for (size_t k = 0; k < sizeof RECORD / sizeof *RECORD; k++) {
      const clv_gamma_value_prior  p = clv_gamma_value_prior_of(THETA[t]);
      const clv_gamma_value_record r =
          clv_gamma_value_record_of(RECORD[k][0], RECORD[k][1], log(RECORD[k][1]) - RECORD[k][2]);
      clv_gamma_value_result got, fine, by_rule;
      clv_gamma_value_rule   rule;
      double                 moment[5], amount;
      const double           truth = brute(&p, &r, moment, &amount);
      clv_gamma_value_integrate(&p, &r, clv_isa_best(), 0, &got);
      clv_gamma_value_integrate(&p, &r, clv_isa_best(), 1, &fine);
      clv_gamma_value_rule_make(lattices, &p, clv_isa_best(), 0, &rule);
      clv_gamma_value_rule_apply(&rule, &r, 1, &by_rule);
      worst[4] = fmax(worst[4], fabs(by_rule.log_likelihood - truth));
      for (int i = 0; i < 5; i++)
        worst[4] = fmax(worst[4], fabs(by_rule.moment[i] - moment[i]) / (1.0 + fabs(moment[i])));
      double off = fabs(got.log_likelihood - truth), by = 0.0;
      for (int i = 0; i < 5; i++) by = fmax(by, fabs(got.moment[i] - moment[i]) / (1.0 + fabs(moment[i])));
      const double money = fabs(got.mean_amount / amount - 1.0);
      worst[3]           = fmax(worst[3], fabs(fine.log_likelihood - got.log_likelihood));
      worst[0] = fmax(worst[0], off), worst[1] = fmax(worst[1], by), worst[2] = fmax(worst[2], money);
    }
  clv_gamma_value_lattices_free(&lattices);
  printf(
      "worst: log-likelihood %.1e, moments %.1e, mean amount %.1e; half the steps change %.1e; rule %.1e\n",
      worst[0], worst[1], worst[2], worst[3], worst[4]);
  /* 1e-9 but for customers six standard deviations from the population */
  assert_true(worst[0] < 2e-7 && worst[1] < 5e-7 && worst[2] < 5e-7 && worst[3] < 2e-7 && worst[4] < 5e-7);
}

/* Moments of many draws of one customer against the integrals. */
static void draws_match(void **state) {
  enum { DRAWS = 20000 };
  static const double          THETA[] = {2.0, 30.0, 0.6, 0.5, 1.8};
  const clv_gamma_value_prior  p       = clv_gamma_value_prior_of(THETA);
  const clv_gamma_value_record r       = clv_gamma_value_record_of(4, 55.0, log(55.0) - 0.3);
  clv_rng                      rng     = clv_rng_at(3, CLV_RNG_CUSTOMER, 0, 0, 0);
  double                       sum[5] = {0}, latent[2], amount = 0.0;
  clv_gamma_value_result       expected;
  (void)state;
  clv_gamma_value_integrate(&p, &r, clv_isa_best(), 0, &expected);
  for (int i = 0; i < DRAWS; i++) {
    clv_gamma_value_draw(&p, &r, clv_isa_best(), &rng, latent);
    const double A = (latent[0] - p.mean[0]) / p.sd[0], E = (latent[1] - p.mean[1]) / p.sd[1];
    sum[0] += A, sum[1] += E, sum[2] += A * A, sum[3] += E * E, sum[4] += A * E, amount += exp(latent[1]);
  }
  /* every summand has a standard deviation below 1.5: 4 standard errors, and 0.003 for the width of a cell */
  for (int k = 0; k < 5; k++)
    assert_true(fabs(sum[k] / DRAWS - expected.moment[k]) < 4.0 * 1.5 / sqrt(DRAWS) + 0.003);
  assert_true(fabs(amount / DRAWS / expected.mean_amount - 1.0) < 4.0 * 0.4 / sqrt(DRAWS));
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(integrals_match), cmocka_unit_test(draws_match)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
