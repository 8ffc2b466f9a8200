/* Histories and parameters where others broke (x = 0, T = t_x, a = 1, x = 5000, tiny and huge alpha): every
 * forecast is finite, P(alive) a probability, E(t) smooth through a = 1, counts add up; priors that cannot be
 * read are refused. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "comm/status.h"
#include "engine/models/prior.h"
#include "engine/models/process.h"

static void forecasts_are_finite(void **state) {
  static const double THETA[][4]  = {{0.25, 4.4, 1.0, 2.4}, {0.25, 1e-6, 0.8, 2.4},  {0.25, 1e9, 0.8, 2.4},
                                     {8.0, 4.4, 1e-4, 2.4}, {0.25, 4.4, 50.0, 1e-3}, {0.01, 0.5, 1.0, 1.0}};
  static const clv_customer WHO[] = {{.x = 0, .t_x = 0, .T = 38.9},   {.x = 0, .t_x = 0, .T = 0},
                                     {.x = 1, .t_x = 38, .T = 38},    {.x = 5000, .t_x = 30, .T = 38},
                                     {.x = 5000, .t_x = 1, .T = 700}, {.x = 1, .t_x = 1e-6, .T = 3650}};
  const clv_process_ops    *p     = clv_process_find("bg_nbd");
  (void)state;
  for (size_t i = 0; i < sizeof THETA / sizeof *THETA; i++)
    for (size_t k = 0; k < sizeof WHO / sizeof *WHO; k++) {
      double       updated[4];
      const double alive = p->p_alive(THETA[i], &WHO[k]);
      p->update(THETA[i], &WHO[k], updated);
      assert_true(alive >= 0.0 && alive <= 1.0 && (WHO[k].x > 0 || alive >= 1.0));
      assert_true(isfinite(p->log_likelihood(THETA[i], &WHO[k])));
      const double expected = p->expected(updated, 52.0), dert = p->discounted(updated, 0.002, INFINITY);
      const double nearly = p->discounted(updated, 0.002, 52.0);
      assert_true(expected >= 0.0 && isfinite(expected) && isfinite(dert) && isfinite(nearly));
      assert_true(nearly <= expected * (1.0 + 1e-9) &&
                  nearly >= expected * exp(-0.002 * 52.0) * (1.0 - 1e-9));
      assert_true(nearly <= dert * (1.0 + 1e-7));
    }
}

/* E(t) is smooth in a: the mean of both neighbours of 1 is the value at 1 up to h^2. */
static void expected_is_smooth_at_one(void **state) {
  const clv_process_ops *p = clv_process_find("bg_nbd");
  const double           h = 1e-5;
  (void)state;
  const double low  = p->expected((double[]){3.25, 43.3, 1.0 - h, 5.4}, 39.0);
  const double high = p->expected((double[]){3.25, 43.3, 1.0 + h, 5.4}, 39.0);
  const double one  = p->expected((double[]){3.25, 43.3, 1.0, 5.4}, 39.0);
  assert_true(low > one && one > high);
  assert_true(fabs(0.5 * (low + high) - one) < 1e-9 * one);
}

static void counts_add_up(void **state) {
  const clv_process_ops *p       = clv_process_find("bg_nbd");
  const double           theta[] = {0.8, 4.4, 1.0, 2.4};
  double                 mass = 0.0, mean = 0.0;
  (void)state;
  for (uint32_t n = 0; n < 400; n++) {
    const double here = p->pmf(theta, n, 39.0);
    mass += here, mean += n * here;
  }
  assert_true(fabs(mass - 1.0) < 1e-10);
  assert_true(fabs(mean - p->expected(theta, 39.0)) < 1e-9 * mean);
}

/* A DERT over a finite horizon tends to the infinite one. */
static void discounted_tends_to_dert(void **state) {
  const clv_process_ops *p       = clv_process_find("bg_nbd");
  const double           theta[] = {2.4, 40.0, 0.8, 4.4};
  (void)state;
  const double dert = p->discounted(theta, 0.01, INFINITY), far = p->discounted(theta, 0.01, 3000.0);
  assert_true(fabs(far - dert) < 1e-8 * dert);
}

static void spend_is_never_negative(void **state) {
  const clv_spend_ops *s = clv_spend_find("gamma_gamma");
  (void)state;
  assert_true(isinf(s->expected_new((double[]){6.0, 0.8, 15.0})));
  assert_true(isinf(s->expected((double[]){0.1, 0.8, 15.0}, &(clv_customer){.x = 1, .spend = 20.0})));
  assert_true(s->expected((double[]){6.0, 0.8, 15.0}, &(clv_customer){.x = 1, .spend = 20.0}) > 0.0);
  assert_null(clv_spend_find("none"));
  assert_null(clv_process_find(""));
}

static void priors_are_read_or_refused(void **state) {
  static const char *const BAD[]  = {"",
                                     "normal",
                                     "normal(0)",
                                     "normal(0, 0)",
                                     "normal(0, 1, 2)",
                                     "lognormal(0, 1) x",
                                     "gamma(-1, 1)",
                                     "uniform(2, 1)",
                                     "poisson(3)",
                                     "normal(nan, 1)",
                                     "normal(0, inf)",
                                     "(0, 1)"};
  static const char *const GOOD[] = {"normal(0, 1)",       "half_normal(2)",      "lognormal(0, 1)",
                                     "student_t(3, 0, 1)", "cauchy(0, 1)",        "half_cauchy(1)",
                                     "gamma(2, 2)",        "inverse_gamma(3, 2)", "beta(2, 3)",
                                     "exponential( 1.5 )", "uniform(0, 2)"};
  clv_prior                prior;
  (void)state;
  for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
    clv_message_clear();
    assert_int_equal(clv_prior_parse("alpha", BAD[i], &prior), CLV_EUSAGE);
    assert_non_null(strstr(clv_message(), "alpha"));
  }
  for (size_t i = 0; i < sizeof GOOD / sizeof *GOOD; i++) {
    double d, up, down;
    assert_int_equal(clv_prior_parse("alpha", GOOD[i], &prior), CLV_OK);
    const double x = 0.4, h = 1e-5;
    clv_prior_log_density(&prior, x, &d);
    up = clv_prior_log_density(&prior, x + h, NULL), down = clv_prior_log_density(&prior, x - h, NULL);
    assert_true(fabs((up - down) / (2.0 * h) - d) < 1e-7 * (1.0 + fabs(d)));
    /* mass is 1: midpoint rule in t, x = sinh t, tails of a Cauchy beyond 2e7 hold 3e-8 */
    double mass = 0.0;
    for (int k = -175000; k < 175000; k++) {
      const double t = ((double)k + 0.5) * 1e-4;
      mass += exp(clv_prior_log_density(&prior, sinh(t), NULL)) * cosh(t) * 1e-4;
    }
    assert_true(fabs(mass - 1.0) < 1e-4);
  }
}

static void unknown_names_are_refused(void **state) {
  static const clv_prior_text TEXT[] = {{"r", "normal(0, 1)"}, {"beta", "normal(0, 1)"}};
  const clv_process_ops      *p      = clv_process_find("bg_nbd");
  (void)state;
  clv_message_clear();
  assert_int_equal(clv_prior_names_check(&(clv_prior_texts){TEXT, 1}, p->parameter, p->n_parameter), CLV_OK);
  assert_int_equal(clv_prior_names_check(&(clv_prior_texts){TEXT, 2}, p->parameter, p->n_parameter),
                   CLV_EUSAGE);
  assert_non_null(strstr(clv_message(), "r, alpha, a, b"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(forecasts_are_finite),
      cmocka_unit_test(expected_is_smooth_at_one),
      cmocka_unit_test(counts_add_up),
      cmocka_unit_test(discounted_tends_to_dert),
      cmocka_unit_test(spend_is_never_negative),
      cmocka_unit_test(priors_are_read_or_refused),
      cmocka_unit_test(unknown_names_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
