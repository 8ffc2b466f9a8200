/* Draws agree with what they are drawn from, in standard errors (5: a false alarm in two million): customers
 * alive against P(alive), simulated counts against E(t) also at a = 1, prior draws against their densities'
 * moments. Random numbers are named, so the outcome never changes. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "engine/models/prior.h"
#include "engine/models/process.h"

enum { N = 40000 };

static void mean_is(double sum, double square, double expected) {
  const double mean = sum / N, sd = sqrt(square / N - mean * mean);
  if (!(fabs(mean - expected) <= 5.0 * sd / sqrt((double)N))) {
    print_error("mean %g, expected %g, standard error %g\n", mean, expected, sd / sqrt((double)N));
    fail();
  }
}

static void customers_are_alive_as_often(void **state) {
  const clv_process_ops *p       = clv_process_find("bg_nbd");
  const double           theta[] = {0.243, 4.414, 0.793, 2.426};
  const clv_customer     who     = {.x = 4, .t_x = 20.0, .T = 38.0};
  double                 sum = 0.0, bought = 0.0, square = 0.0, updated[4];
  (void)state;
  for (uint32_t i = 0; i < N; i++) {
    clv_rng      rng = clv_rng_at(3, CLV_RNG_CUSTOMER, i, 0, 0);
    double       latent[2];
    const int    alive = p->customer_draw(theta, &who, &rng, latent);
    const double mine  = alive ? -expm1(-latent[0] * latent[1] * 39.0) / latent[1] : 0.0; /* E | lambda, p */
    sum += alive, bought += mine, square += mine * mine;
  }
  mean_is(sum, sum, p->p_alive(theta, &who));
  p->update(theta, &who, updated);
  mean_is(bought, square, p->p_alive(theta, &who) * p->expected(updated, 39.0));
}

static void counts_are_as_expected(void **state) {
  const clv_process_ops *p          = clv_process_find("bg_nbd");
  const double           THETA[][4] = {{0.243, 4.414, 0.793, 2.426}, {1.5, 6.0, 1.0, 2.0}};
  (void)state;
  for (int k = 0; k < 2; k++) {
    double sum = 0.0, square = 0.0;
    for (uint32_t i = 0; i < N; i++) {
      clv_rng      rng  = clv_rng_at(4, CLV_RNG_SIMULATE, i, 0, 0);
      const double mine = (double)p->simulate(THETA[k], 39.0, &rng, NULL, 0);
      sum += mine, square += mine * mine;
    }
    mean_is(sum, square, p->expected_new(THETA[k], 39.0));
  }
}

static void spends_are_as_expected(void **state) {
  const clv_spend_ops *s       = clv_spend_find("gamma_gamma");
  const double         theta[] = {6.25, 3.74, 15.44};
  const clv_customer   who     = {.x = 3, .spend = 50.0};
  double               sum = 0.0, square = 0.0, sum_new = 0.0, square_new = 0.0;
  (void)state;
  for (uint32_t i = 0; i < N; i++) {
    clv_rng      rng  = clv_rng_at(5, CLV_RNG_SIMULATE, i, 0, 0);
    const double mine = s->customer_draw(theta, &who, &rng);
    double       amount;
    s->simulate(theta, 1, &rng, &amount);
    sum += mine, square += mine * mine, sum_new += amount, square_new += amount * amount;
  }
  mean_is(sum, square, s->expected(theta, &who));
  mean_is(sum_new, square_new, s->expected_new(theta));
}

/* For a continuous density the mean of its own distribution function over its draws is 1/2. */
static void priors_draw_their_density(void **state) {
  static const char *const TEXT[] = {"normal(1, 2)",       "half_normal(2)",      "lognormal(0, 1)",
                                     "student_t(3, 1, 2)", "cauchy(0, 1)",        "half_cauchy(1)",
                                     "gamma(0.6, 2)",      "inverse_gamma(3, 2)", "beta(2, 3)",
                                     "exponential(1.5)",   "uniform(-1, 2)"};
  enum { GRID = 4000 };
  (void)state;
  for (uint32_t k = 0; k < sizeof TEXT / sizeof *TEXT; k++) {
    double    below[GRID + 1] = {0.0}, sum = 0.0, square = 0.0; /* F on x = sinh^3 t, t = -3 … 3 */
    clv_prior prior;
    assert_int_equal(clv_prior_parse("alpha", TEXT[k], &prior), 0);
    for (int g = 0; g < GRID; g++) {
      const double t = -3.0 + 6.0 * (g + 0.5) / GRID, s = sinh(t);
      below[g + 1] =
          below[g] + exp(clv_prior_log_density(&prior, s * s * s, NULL)) * 3.0 * s * s * cosh(t) * 6.0 / GRID;
    }
    for (uint32_t i = 0; i < N; i++) {
      clv_rng      rng  = clv_rng_at(6, CLV_RNG_PRIOR, i, k, 0);
      const double at   = (asinh(cbrt(clv_prior_draw(&prior, &rng))) + 3.0) / 6.0 * GRID;
      const double in   = fmin(fmax(at, 0.0), GRID - 1e-9);
      const double mine = below[(int)in] + (in - floor(in)) * (below[(int)in + 1] - below[(int)in]);
      sum += mine, square += mine * mine;
    }
    mean_is(sum, square, 0.5);
    assert_true(fabs(square / N - 1.0 / 3.0) < 0.01);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(customers_are_alive_as_often), cmocka_unit_test(counts_are_as_expected),
      cmocka_unit_test(spends_are_as_expected), cmocka_unit_test(priors_draw_their_density)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
