/* pareto_nbd_lognormal's likelihood, P(alive), forecasts and draws against the formulas for known rates,
 * averaged over a dense lattice of (log lambda, log mu) with the C library's functions. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "engine/models/process.h"

static const double       THETA[][5] = {{-3.5, -3.6, 1.1, 1.5, 0.3},
                                        {-3.5, -3.6, 1.3, 2.4, -0.6},
                                        {-1.0, -2.0, 0.15, 0.2, 0.8},
                                        {-3.0, -4.0, 2.5, 0.4, 0.0},
                                        {0.5, -5.0, 1.0, 3.0, 0.95}};
static const clv_customer WHO[]      = {{.x = 0, .t_x = 0.0, .T = 38.9},   {.x = 1, .t_x = 0.14, .T = 30.0},
                                        {.x = 2, .t_x = 25.0, .T = 27.5},  {.x = 12, .t_x = 30.0, .T = 36.0},
                                        {.x = 40, .t_x = 38.0, .T = 38.0}, {.x = 100, .t_x = 20.0, .T = 39.0},
                                        {.x = 0, .t_x = 0.0, .T = 0.0}};
enum {
  THETAS     = sizeof THETA / sizeof *THETA,
  CUSTOMERS  = sizeof WHO / sizeof *WHO,
  STEPS      = 700,
  QUANTITIES = 8
};

/* P(n in (0, t]) of a customer there at 0, known rates: he stays, or leaves after the n-th, which needs more
 * than n events of either kind. */
static double count_of(double lambda, double mu, double n, double t) {
  const double both   = (lambda + mu) * t;
  double       beyond = 0.0, chance = exp(-both);
  for (int k = 0; k < 400 && (k <= n + both || chance > 1e-18); k++) {
    if (k > n) beyond += chance;
    chance *= both / (k + 1.0);
  }
  if (both > 200.0) beyond = 1.0;
  return exp(-both) * pow(lambda * t, n) / tgamma(n + 1.0) +
         mu / (lambda + mu) * pow(lambda / (lambda + mu), n) * beyond;
}

/* Where the lattice is centred: the largest of prior and likelihood along log lambda, in standard deviations.
 */
static double centre_of(const double *theta, const clv_customer *who) {
  double best = 0.0, most = -INFINITY;
  for (double u = -40.0; u <= 40.0; u += 0.1) {
    const double z = theta[0] + theta[2] * u, value = -0.5 * u * u + who->x * z - exp(z) * who->t_x;
    if (value > most) most = value, best = u;
  }
  return best;
}

/* [0] likelihood over e^scale, [1] of the alive, [2] its expected purchases, [3] discounted, [4] to a
 * horizon, [5] P(2), [6] log lambda, [7] log mu. */
static void sums_of(const double *theta, const clv_customer *who, double scale, double *q) {
  const double reach = 9.0, x = (double)who->x, rest = sqrt(1.0 - theta[4] * theta[4]);
  const double centre = centre_of(theta, who);
  for (int k = 0; k < QUANTITIES; k++) q[k] = 0.0;
  for (int i = 0; i <= STEPS; i++)
    for (int j = 0; j <= STEPS; j++) {
      const double u = centre + reach * (2.0 * i / STEPS - 1.0), v = reach * (2.0 * j / STEPS - 1.0);
      const double z = theta[0] + theta[2] * u, y = theta[1] + theta[3] * (theta[4] * u + rest * v);
      const double lambda = exp(z), mu = exp(y), both = lambda + mu;
      const double weight = exp(-0.5 * (u * u + v * v)) / 6.283185307179586 * pow(2.0 * reach / STEPS, 2.0);
      const double value =
          weight / both *
          (mu * exp(x * z - both * who->t_x - scale) + lambda * exp(x * z - both * who->T - scale));
      const double alive = weight * exp(x * z - both * who->T - scale);
      q[0] += value, q[1] += alive;
      q[2] -= alive * lambda / mu * expm1(-mu * 26.0);
      q[3] += alive * lambda / (mu + 0.002);
      q[4] -= alive * lambda / (mu + 0.002) * expm1(-(mu + 0.002) * 26.0);
      if (alive > 1e-13 * q[1]) q[5] += alive * count_of(lambda, mu, 2.0, 3.0);
      q[6] += z * value, q[7] += y * value;
    }
}

static void close_to(size_t t, size_t w, const char *what, double got, double expected) {
  /* the lattice of the model and that of the test are both exact to about 1e-8 */
  if (fabs(got - expected) <= 1e-7 * fabs(expected)) return;
  fail_msg("theta %zu, customer %zu, %s: %.12g, expected %.12g", t, w, what, got, expected);
}

static void forecasts_are_averages(void **state) {
  const clv_process_ops *p = clv_process_find("pareto_nbd_lognormal");
  (void)state;
  for (size_t t = 0; t < THETAS; t++)
    for (size_t w = 0; w < CUSTOMERS; w++) {
      double       q[QUANTITIES], updated[CLV_PARAMETER_MAX];
      const double value = p->log_likelihood(THETA[t], &WHO[w]);
      sums_of(THETA[t], &WHO[w], value, q);
      p->update(THETA[t], &WHO[w], updated);
      close_to(t, w, "likelihood", 1.0, q[0]);
      close_to(t, w, "P(alive)", p->p_alive(THETA[t], &WHO[w]), q[1] / q[0]);
      if (!(q[1] > 1e-200)) continue;
      close_to(t, w, "expected", p->expected(updated, 26.0), q[2] / q[1]);
      close_to(t, w, "forever", p->discounted(updated, 0.002, INFINITY), q[3] / q[1]);
      close_to(t, w, "discounted", p->discounted(updated, 0.002, 26.0), q[4] / q[1]);
      close_to(t, w, "P(2)", p->pmf(updated, 2, 3.0), q[5] / q[1]);
    }
}

/* Means of the logs; 5 standard errors of 2000 draws: a false alarm in two million. */
static void draws_are_from_the_posterior(void **state) {
  enum { DRAWS = 2000 };
  const clv_process_ops *p = clv_process_find("pareto_nbd_lognormal");
  (void)state;
  for (size_t t = 0; t < THETAS; t++)
    for (size_t w = 0; w < CUSTOMERS; w++) {
      double q[QUANTITIES], sum[2] = {0}, square[2] = {0}, latent[2], alive = 0.0;
      sums_of(THETA[t], &WHO[w], p->log_likelihood(THETA[t], &WHO[w]), q);
      for (uint32_t s = 0; s < DRAWS; s++) {
        clv_rng rng = clv_rng_at(3, CLV_RNG_CUSTOMER, w, (uint32_t)t, s);
        alive += p->customer_draw(THETA[t], &WHO[w], &rng, latent);
        for (int k = 0; k < 2; k++) sum[k] += log(latent[k]), square[k] += log(latent[k]) * log(latent[k]);
      }
      for (int k = 0; k < 2; k++) {
        const double mean = sum[k] / DRAWS, sd = sqrt(square[k] / DRAWS - mean * mean);
        if (!(fabs(mean - q[6 + k] / q[0]) <= 5.0 * sd / sqrt(DRAWS)))
          fail_msg("theta %zu, customer %zu, latent %d: mean %g, expected %g, sd %g", t, w, k, mean,
                   q[6 + k] / q[0], sd);
      }
      const double share = q[1] / q[0];
      assert_true(fabs(alive / DRAWS - share) <= 5.0 * sqrt(share * (1.0 - share) / DRAWS) + 1e-9);
    }
}

/* Counts, times and parameters far from everyday ones: numbers, and the bounds that they have. */
static void extremes_are_numbers(void **state) {
  static const double FAR[][5] = {{-3.5, -3.6, 1.1, 1.5, 0.3}, {0, 0, 1, 1, -0.99}, {-3.5, -3.6, 4, 4, 0.9}};
  static const clv_customer ODD[] = {{.x = 5000, .t_x = 39.0, .T = 39.0},
                                     {.x = 5000, .t_x = 1.0, .T = 39.0},
                                     {.x = 300, .t_x = 0.01, .T = 39.0},
                                     {.x = 2, .t_x = 1e-6, .T = 1e4},
                                     {.x = 1000000, .t_x = 100.0, .T = 104.0}};
  const clv_process_ops    *p     = clv_process_find("pareto_nbd_lognormal");
  (void)state;
  for (size_t t = 0; t < sizeof FAR / sizeof *FAR; t++)
    for (size_t w = 0; w < sizeof ODD / sizeof *ODD; w++) {
      double       updated[CLV_PARAMETER_MAX];
      const double alive = p->p_alive(FAR[t], &ODD[w]);
      p->update(FAR[t], &ODD[w], updated);
      const double expected = p->expected(updated, 39.0), zero = p->pmf(updated, 0, 39.0);
      assert_true(isfinite(p->log_likelihood(FAR[t], &ODD[w])));
      assert_true(alive >= 0.0 && alive <= 1.0);
      assert_true(expected >= 0.0 && expected < (double)ODD[w].x / ODD[w].T * 39.0 + 60.0);
      assert_true(!(alive > 1e-200) || (zero >= 0.0 && zero <= 1.0));
    }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(forecasts_are_averages),
                                     cmocka_unit_test(draws_are_from_the_posterior),
                                     cmocka_unit_test(extremes_are_numbers)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
