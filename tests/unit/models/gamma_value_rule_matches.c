/* gamma_value's rule for many customers under one population against lattices of a quarter of the steps; the
 * same bits on every instruction set and whoever else is in the lot; what a refined model says. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "engine/models/gamma_value.h"
#include "engine/models/gamma_value_rule.h"

enum { N = 96, LOT = CLV_GAMMA_VALUE_LOT };

/* s from 0.05 to 2.4: polynomials of y, of sqrt y; then beyond either end, where lattices serve. */
static const double THETA[][5] = {{2.0, 30.0, 0.6, 0.5, 1.0},   {0.7, 5.0, 1.4, 1.2, 3.0},
                                  {6.0, 100.0, 0.15, 0.2, 0.4}, {3.0, 30.0, 1.0, 0.7, 0.15},
                                  {2.0, 30.0, 0.3, 0.05, 1.0},  {2.0, 30.0, 1.2, 2.4, 0.8},
                                  {2.0, 30.0, 0.5, 2.9, 1.0},   {2.0, 30.0, 0.5, 5e-5, 1.0}};
enum { POPULATIONS = sizeof THETA / sizeof *THETA, BEYOND = POPULATIONS - 2 };

/* Customers of this population, some of twice its spread; one in ten has many amounts, one in nine equal
 * ones. */
static void customers_make(const clv_gamma_value_prior *p, clv_gamma_value_record *who) {
  for (size_t i = 0; i < N; i++) {
    clv_rng      rng  = clv_rng_at(5, CLV_RNG_SIMULATE, i, 0, 0);
    const double wide = i % 20 == 0 ? 2.0 : 1.0, A = wide * clv_rng_normal(&rng),
                 E     = p->rho * A + wide * sqrt(p->rest) * clv_rng_normal(&rng);
    const double shape = exp(p->mean[0] + p->sd[0] * A), mean = exp(p->mean[1] + p->sd[1] * E);
    const int    n   = 1 + (int)(clv_rng_exponential(&rng) * (i % 10 == 0 ? 40.0 : 2.0));
    double       sum = 0.0, logs = 0.0, amount = 0.0;
    for (int k = 0; k < n; k++) {
      if (k == 0 || i % 9 != 0) amount = fmax(clv_rng_gamma(&rng, shape, shape / mean), 1e-6);
      sum += amount, logs += log(amount);
    }
    who[i] = clv_gamma_value_record_of(n, sum / n, logs / n);
  }
}

static void rule_apply(const clv_gamma_value_rule *rule, const clv_gamma_value_record *who, size_t n,
                       clv_gamma_value_result *out) {
  for (size_t i = 0; i < n; i += LOT)
    clv_gamma_value_rule_apply(rule, who + i, n - i < LOT ? n - i : LOT, out + i);
}

static double apart(const clv_gamma_value_result *a, const clv_gamma_value_result *b) {
  double most = fabs(a->log_likelihood - b->log_likelihood);
  for (int i = 0; i < 5; i++)
    most = fmax(most, fabs(a->moment[i] - b->moment[i]) / (1.0 + fabs(b->moment[i])));
  return isfinite(a->log_likelihood) ? most : INFINITY;
}

static void rule_matches(void **state) {
  static clv_gamma_value_record who[N];
  static clv_gamma_value_result got[N], fine[N];
  clv_gamma_value_lattices     *lattices = NULL;
  (void)state;
  assert_int_equal(clv_gamma_value_lattices_new(&lattices), CLV_OK);
  for (size_t t = 0; t < POPULATIONS; t++) {
    const clv_gamma_value_prior p     = clv_gamma_value_prior_of(THETA[t]);
    double                      worst = 0.0;
    clv_gamma_value_rule        rule;
    customers_make(&p, who);
    clv_gamma_value_rule_make(lattices, &p, clv_isa_best(), 0, &rule);
    rule_apply(&rule, who, N, got);
    for (size_t i = 0; i < N; i++) {
      clv_gamma_value_integrate(&p, &who[i], clv_isa_best(), 2, &fine[i]);
      worst = fmax(worst, apart(&got[i], &fine[i]));
    }
    printf("population %zu: %zu terms, off by %.1e\n", t, rule.n, worst);
    assert_true((rule.n > 0) == (t < BEYOND));
    /* 1e-9, and 1e-6 for customers four standard deviations and more from the population */
    assert_true(worst < 1e-6);
  }
  clv_gamma_value_lattices_free(&lattices);
}

/* The rule of one customer makes what the two nested ones make, the mean amount too. */
static void alone_matches(void **state) {
  static clv_gamma_value_record who[N];
  (void)state;
  for (size_t t = 0; t < POPULATIONS; t++) {
    const clv_gamma_value_prior p     = clv_gamma_value_prior_of(THETA[t]);
    double                      worst = 0.0;
    customers_make(&p, who);
    for (size_t i = 0; i < N; i++) {
      clv_gamma_value_result got, plain, fine;
      clv_gamma_value_alone(&p, &who[i], clv_isa_best(), &got);
      clv_gamma_value_alone(&p, &who[i], CLV_ISA_PLAIN_C, &plain);
      clv_gamma_value_integrate(&p, &who[i], clv_isa_best(), 1, &fine);
      assert_memory_equal(&got, &plain, sizeof got);
      worst = fmax(worst, fmax(apart(&got, &fine), fabs(got.mean_amount / fine.mean_amount - 1.0)));
    }
    printf("population %zu: one by one off by %.1e\n", t, worst);
    assert_true(worst < 1e-6); /* as in rule_matches */
  }
}

static void bits_are_pinned(void **state) {
  static clv_gamma_value_record who[N];
  static clv_gamma_value_result best[N], plain[N], alone;
  clv_gamma_value_lattices     *lattices = NULL;
  (void)state;
  assert_int_equal(clv_gamma_value_lattices_new(&lattices), CLV_OK);
  for (size_t t = 0; t < POPULATIONS; t++) {
    const clv_gamma_value_prior p = clv_gamma_value_prior_of(THETA[t]);
    clv_gamma_value_rule        rule;
    customers_make(&p, who);
    clv_gamma_value_rule_make(lattices, &p, clv_isa_best(), 0, &rule);
    rule_apply(&rule, who, N, best);
    for (size_t i = 0; i < N; i += 7) {
      clv_gamma_value_rule_apply(&rule, &who[i], 1, &alone);
      assert_memory_equal(&alone.log_likelihood, &best[i].log_likelihood, sizeof(double));
      assert_memory_equal(alone.moment, best[i].moment, sizeof alone.moment);
    }
    clv_gamma_value_rule_make(lattices, &p, CLV_ISA_PLAIN_C, 0, &rule);
    rule_apply(&rule, who, N / 4, plain);
    for (size_t i = 0; i < N / 4; i++) {
      assert_memory_equal(&plain[i].log_likelihood, &best[i].log_likelihood, sizeof(double));
      assert_memory_equal(plain[i].moment, best[i].moment, sizeof alone.moment);
    }
  }
  clv_gamma_value_lattices_free(&lattices);
}

/* Half the steps change the log density of a whole model by next to nothing, pooled or not. */
static void refined_agrees(void **state) {
  static uint32_t               x[N], segment[N];
  static double                 mean[N], mean_log[N];
  static clv_gamma_value_record who[N];
  const clv_gamma_value_prior   p    = clv_gamma_value_prior_of(THETA[0]);
  clv_comm                     *comm = NULL;
  (void)state;
  customers_make(&p, who);
  for (size_t i = 0; i < N; i++) {
    x[i] = (uint32_t)who[i].n, segment[i] = i >= N / 2;
    mean[i] = exp(who[i].log_mean), mean_log[i] = who[i].log_mean - who[i].gap;
  }
  assert_int_equal(clv_comm_self(&comm), CLV_OK);
  for (int pooled = 0; pooled < 2; pooled++) {
    const clv_spends spends   = {.blocks         = clv_blocks_of(N, 0, 1),
                                 .segment        = segment,
                                 .x              = x,
                                 .mean           = mean,
                                 .mean_log       = mean_log,
                                 .n_segment      = 2,
                                 .rescale_factor = 1.0,
                                 .pooled         = pooled != 0};
    clv_model        model[2] = {{0}};
    double           phi[32], sum[2][32] = {{0}}, gradient[32], log_density[2];
    assert_int_equal(clv_gamma_value_new(comm, &spends, NULL, &model[0]), CLV_OK);
    assert_int_equal(model[0].ops->refined(model[0].self, &model[1]), CLV_OK);
    assert_non_null(model[1].ops);
    clv_model_start(&model[0], 1, 0, phi);
    for (int k = 0; k < 2; k++) {
      model[k].ops->block(model[k].self, 0, 1, phi, sum[k]);
      model[k].ops->finish(model[k].self, phi, sum[k], &log_density[k], gradient);
    }
    printf("half the steps: %.12g after %.12g\n", log_density[1], log_density[0]);
    assert_true(fabs(log_density[1] - log_density[0]) < 1e-6); /* 96 customers, 1e-9 each */
    assert_true(log_density[1] != log_density[0]);             /* it is another rule */
    clv_model_free(&model[1]);
    clv_model_free(&model[0]);
  }
  clv_comm_free(&comm);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(rule_matches), cmocka_unit_test(alone_matches),
                                     cmocka_unit_test(bits_are_pinned), cmocka_unit_test(refined_agrees)};
  if (clv_comm_init(&argc, &argv) < 0) return 1;
  const int failed = cmocka_run_group_tests(tests, NULL, NULL);
  clv_comm_finalize();
  return failed;
}
