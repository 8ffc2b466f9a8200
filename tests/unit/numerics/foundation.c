/* The arithmetic that everything else stands on: published vectors, long double, identities. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/numerics/dense.h"
#include "engine/numerics/pinned.h"
#include "engine/numerics/quadrature.h"
#include "engine/numerics/rng.h"

/* Random123, kat_vectors, philox4x32 with 10 rounds. */
static void philox_gives_the_published_numbers(void **state) {
  static const uint32_t KNOWN[3][10] = {
      {0, 0, 0, 0, 0, 0, 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8},
      {~0u, ~0u, ~0u, ~0u, ~0u, ~0u, 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd},
      {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0, 0xd16cfe09, 0x94fdcceb,
       0x5001e420, 0x24126ea1}};
  (void)state;
  for (size_t i = 0; i < 3; i++) {
    uint32_t out[4];
    clv_philox(KNOWN[i], KNOWN[i] + 4, out);
    assert_memory_equal(out, KNOWN[i] + 6, sizeof out);
  }
}

enum { DRAWS = 100000 };

static int ascending(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* Kolmogorov's distance; sqrt(n) D exceeds 2.2 with probability 1e-4, and the stream is fixed. */
static void assert_distributed(double *x, double (*cdf)(double)) {
  double distance = 0.0;
  qsort(x, DRAWS, sizeof *x, ascending);
  for (size_t i = 0; i < DRAWS; i++) {
    const double F = cdf(x[i]);
    distance       = fmax(distance, fmax(F - (double)i / DRAWS, (double)(i + 1) / DRAWS - F));
  }
  assert_true(sqrt(DRAWS) * distance < 2.2);
}

static double uniform_cdf(double x) { return x; }
static double normal_cdf(double x) { return 0.5 * erfc(-x * sqrt(0.5)); }
static double gamma_2_3_cdf(double x) { return 1.0 - exp(-3.0 * x) * (1.0 + 3.0 * x); }
static double gamma_half_cdf(double x) { return erf(sqrt(x)); }
static double beta_2_3_cdf(double x) { return x * x * (6.0 - 8.0 * x + 3.0 * x * x); }

static void draws_have_their_distribution(void **state) {
  double *x   = malloc(DRAWS * sizeof *x);
  clv_rng rng = clv_rng_at(7, CLV_RNG_START, 0, 0, 0);
  (void)state;
  assert_non_null(x);
  for (size_t i = 0; i < DRAWS; i++) x[i] = clv_rng_uniform(&rng);
  assert_distributed(x, uniform_cdf);
  for (size_t i = 0; i < DRAWS; i++) x[i] = clv_rng_normal(&rng);
  assert_distributed(x, normal_cdf);
  for (size_t i = 0; i < DRAWS; i++) x[i] = clv_rng_gamma(&rng, 2.0, 3.0);
  assert_distributed(x, gamma_2_3_cdf);
  for (size_t i = 0; i < DRAWS; i++) x[i] = clv_rng_gamma(&rng, 0.5, 1.0);
  assert_distributed(x, gamma_half_cdf);
  for (size_t i = 0; i < DRAWS; i++) x[i] = clv_rng_beta(&rng, 2.0, 3.0);
  assert_distributed(x, beta_2_3_cdf);
  free(x);
}

static double ulps(double got, long double want) {
  const double near = fabs((double)want);
  return (double)(fabsl((long double)got - want) / (nextafter(near, INFINITY) - near));
}

/* docs/numerics.md: exp 1 ulp, log 0.82 ulp, lgamma 2e-14 below 12, 7e-16 of itself above. */
static void functions_keep_their_limits(void **state) {
  clv_rng rng = clv_rng_at(8, CLV_RNG_START, 0, 0, 0);
  (void)state;
  for (size_t i = 0; i < DRAWS; i++) {
    const double u = clv_rng_uniform(&rng), x = -700.0 + 1400.0 * u, y = clv_exp(x), small = 1e-8 * x,
                 middle = 0.5 + u;
    assert_true(ulps(y, expl(x)) <= 1.0);
    assert_true(ulps(clv_log(y), logl(y)) <= 0.83);
    assert_true(ulps(clv_log(middle), logl(middle)) <= 0.83);
    assert_true(fabsl(clv_log1p(small) / log1pl(small) - 1.0L) < 4e-16L);
    assert_true(fabsl(clv_expm1(small) / expm1l(small) - 1.0L) < 4e-16L);
    const long double want = lgammal(200.0 * u);
    assert_true(fabsl(clv_lgamma(200.0 * u) - want) < (200.0 * u < 12.0 ? 2e-14L : 7e-16L * want));
  }
  assert_true(fabs(clv_digamma(1.0) + 0.57721566490153286061) < 2e-15); /* Euler's constant */
}

static void functions_answer_at_the_edges(void **state) {
  (void)state;
  assert_true(clv_exp(INFINITY) == INFINITY && clv_exp(-INFINITY) == 0.0 && clv_exp(0.0) == 1.0);
  assert_true(clv_log(0.0) == -INFINITY && clv_log(INFINITY) == INFINITY && clv_log(1.0) == 0.0);
  assert_true(isnan(clv_log(-1.0)) && isnan(clv_log(NAN)) && isnan(clv_exp(NAN)));
  assert_true(clv_lgamma(0.0) == INFINITY && isnan(clv_lgamma(-1.0)) && clv_digamma(0.0) == -INFINITY);
  assert_true(clv_exp(710.0) == INFINITY && clv_exp(-746.0) == 0.0);
  assert_true(clv_log_sum_exp(-INFINITY, -INFINITY) == -INFINITY);
  assert_true(ulps(clv_log(0x1p-1074), logl(0x1p-1074L)) <= 0.83);
}

/* G A^-1 G = B, and A # B = B # A. */
static void geometric_mean_solves_its_equation(void **state) {
  static const double A[4] = {4, 1, 1, 3}, B[4] = {2, -0.5, -0.5, 5};
  double              g[4], h[4], l[4], inverse[4];
  clv_dense          *room = NULL;
  (void)state;
  assert_int_equal(clv_dense_new(2, &room), CLV_OK);
  assert_true(clv_dense_geometric_mean(room, A, B, g) && clv_dense_geometric_mean(room, B, A, h));
  assert_true(clv_dense_cholesky(2, A, l) && g[1] == g[2]);
  clv_dense_cholesky_inverse(2, l, inverse);
  for (size_t i = 0; i < 2; i++)
    for (size_t j = 0; j < 2; j++) {
      double sum = 0.0;
      for (size_t k = 0; k < 4; k++) sum += g[2 * i + k / 2] * inverse[k] * g[2 * (k % 2) + j];
      assert_true(fabs(sum - B[2 * i + j]) < 1e-13 && fabs(g[2 * i + j] - h[2 * i + j]) < 1e-13);
    }
  clv_dense_free(&room);
}

static void matrices_that_are_not_positive_are_refused(void **state) {
  static const double BAD[2][4] = {{1, 2, 2, 1}, {1, NAN, NAN, 1}};
  double              l[4];
  (void)state;
  for (size_t i = 0; i < 2; i++) assert_false(clv_dense_cholesky(2, BAD[i], l));
}

static double arcsine(const void *context, const clv_unit_point *at) {
  (void)context;
  return 1.0 / sqrt(at->p * at->rest);
}

static void quadrature_is_exact(void **state) {
  double node[CLV_GAUSS_POINTS], weight[CLV_GAUSS_POINTS], sum;
  (void)state;
  clv_gauss_legendre(node, weight);
  for (int degree = 0; degree < 2 * CLV_GAUSS_POINTS; degree++) {
    sum = 0.0;
    for (size_t i = 0; i < CLV_GAUSS_POINTS; i++) sum += weight[i] * pow(node[i], degree);
    assert_true(fabs(sum * (degree + 1) - 1.0) < 1e-13);
  }
  assert_true(fabs(clv_unit_integral(arcsine, NULL) - acos(-1.0)) < 1e-11);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(philox_gives_the_published_numbers),
      cmocka_unit_test(draws_have_their_distribution),
      cmocka_unit_test(functions_keep_their_limits),
      cmocka_unit_test(functions_answer_at_the_edges),
      cmocka_unit_test(geometric_mean_solves_its_equation),
      cmocka_unit_test(matrices_that_are_not_positive_are_refused),
      cmocka_unit_test(quadrature_is_exact),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
