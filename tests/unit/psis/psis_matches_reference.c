/* Pareto-smoothed leave-one-out equals ArviZ 0.23.4 (az.stats.psislw) on formula-made log-likelihoods:
 *   u_s = frac(s / golden ratio), ll_s = -2 + c log(1 - u_s) + 0.3 sin(7 u_s), s = 1 … S. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "engine/posterior/psis.h"

typedef struct reference {
  size_t n_draw;
  double c, r_eff, elpd, lpd, k;
} reference;

static const reference REFERENCE[] = {
    {400, 0.3, 1.0, -2.37775318155043, -2.21294024003077, 2.01699538833319},
    {400, 0.9, 1.0, -3.60872478149477, -2.55274613640067, 0.882512720401308},
    {1000, 0.6, 0.7, -2.88698340431153, -2.39944969749244, 0.683514578324135},
    {200, 0.05, 1.0, -2.06526464006312, -2.01621194117755, -1.21983193146613},
};

static int descending(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return x < y ? 1 : x > y ? -1 : 0;
}

static void made_log_likelihood(const reference *it, double *value) {
  for (size_t s = 1; s <= it->n_draw; s++) {
    const double u = fmod((double)s * 0.6180339887498949, 1.0);
    value[s - 1]   = -2.0 + it->c * log1p(-u) + 0.3 * sin(7.0 * u);
  }
}

static void matches_reference(void **state) {
  (void)state;
  double value[1000];
  for (size_t i = 0; i < sizeof REFERENCE / sizeof *REFERENCE; i++) {
    const reference *it   = &REFERENCE[i];
    clv_psis        *psis = NULL;
    made_log_likelihood(it, value);
    assert_int_equal(clv_psis_new(it->n_draw, it->r_eff, &psis), CLV_OK);
    const clv_psis_result got = clv_psis_loo(psis, value);
    assert_true(fabs(got.elpd - it->elpd) < 1e-10); /* 15 digits printed, values of order 1 */
    assert_true(fabs(got.lpd - it->lpd) < 1e-10);
    assert_true(fabs(got.k - it->k) < 1e-9); /* the fit averages 40-odd exponentials */
    clv_psis_free(&psis);
  }
}

/* The second reference, its tail of 60 cut by a tie: draws 340 and 341 of the sorted ratios are made equal.
 * ArviZ 0.23.4 on the same numbers. */
static void ties_at_the_cutoff_are_no_tail(void **state) {
  (void)state;
  double    value[400] = {0}, sorted[400];
  clv_psis *psis       = NULL;
  made_log_likelihood(&REFERENCE[1], value);
  memcpy(sorted, value, sizeof value);
  qsort(sorted, 400, sizeof *sorted, descending);
  for (size_t s = 0; s < 400; s++)
    if (value[s] == sorted[340]) value[s] = sorted[339];
  assert_int_equal(clv_psis_new(400, 1.0, &psis), CLV_OK);
  const clv_psis_result got = clv_psis_loo(psis, value);
  assert_true(fabs(got.elpd + 3.6013082861465096) < 1e-10 && fabs(got.k - 0.8561962791968921) < 1e-9);
  clv_psis_free(&psis);
}

static void constant_and_broken_input(void **state) {
  (void)state;
  double    value[100];
  clv_psis *psis = NULL;
  for (size_t s = 0; s < 100; s++) value[s] = -3.0;
  assert_int_equal(clv_psis_new(100, 1.0, &psis), CLV_OK);
  clv_psis_result got = clv_psis_loo(psis, value);
  assert_true(fabs(got.elpd + 3.0) < 1e-12 && fabs(got.lpd + 3.0) < 1e-12);
  value[17] = NAN;
  got       = clv_psis_loo(psis, value);
  assert_true(isnan(got.elpd) && isnan(got.k));
  clv_psis_free(&psis);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(matches_reference),
                                     cmocka_unit_test(ties_at_the_cutoff_are_no_tail),
                                     cmocka_unit_test(constant_and_broken_input)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
