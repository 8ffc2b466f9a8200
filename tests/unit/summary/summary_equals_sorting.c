/* Quantiles by buckets are those of a sorted list, exactly; mean and sd those of long double loops. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "engine/numerics/rng.h"
#include "engine/posterior/draw_summary.h"

enum { MOST = 5000, KINDS = 8 };

static const double QUANTILE[] = {0.0, 0.001, 0.05, 0.25, 0.5, 0.5000001, 0.95, 1.0};
enum { QUANTILES = sizeof QUANTILE / sizeof *QUANTILE };

static double made(int kind, clv_rng *rng, size_t i) {
  const double z = clv_rng_normal(rng);
  switch (kind) {
    case 0:
      return z;
    case 1:
      return exp(20.0 * z); /* nearly all in the first bucket */
    case 2:
      return floor(3.0 * z); /* ties */
    case 3:
      return 7.25; /* all alike */
    case 4:
      return i % 5 == 0 ? INFINITY : z; /* the mean spend does not exist under some draws */
    case 5:
      return i % 2 == 0 ? 1.7e308 : -1.7e308; /* a range that overflows */
    case 6:
      return 1.0 + 0x1p-52 * (double)(i % 3); /* neighbours */
    default:
      return -1e-310 * (double)(i % 7); /* subnormal */
  }
}

static int compare(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return x < y ? -1 : x > y;
}

static double type_7(const double *sorted, size_t n, double q) {
  const double at = q * (double)(n - 1);
  const size_t k  = (size_t)at;
  return at > (double)k ? sorted[k] + (at - (double)k) * (sorted[k + 1] - sorted[k]) : sorted[k];
}

static int same(double a, double b) { return a == b || (isnan(a) && isnan(b)); }

static void check(int kind, size_t n, clv_rng *rng) {
  static double     value[MOST], sorted[MOST];
  double            got[2 + QUANTILES];
  long double       sum = 0, squares = 0;
  clv_draw_summary *summary = NULL;
  for (size_t i = 0; i < n; i++) sum += value[i] = made(kind, rng, i);
  const long double mean = sum / (long double)n;
  for (size_t i = 0; i < n; i++) squares += (value[i] - mean) * (value[i] - mean);
  memcpy(sorted, value, n * sizeof *sorted);
  qsort(sorted, n, sizeof *sorted, compare);
  assert_int_equal(clv_draw_summary_new(n, 1, QUANTILE, QUANTILES, &summary), CLV_OK);
  assert_int_equal(clv_draw_summary_width(summary), 2 + QUANTILES);
  clv_draw_summary_of(summary, 0, value, got);
  for (size_t q = 0; q < QUANTILES; q++) assert_true(same(got[2 + q], type_7(sorted, n, QUANTILE[q])));
  if (kind < 4) { /* sums of at most 5000 values: well under 1e-12 of their absolute sum */
    assert_true(fabsl(got[0] - mean) <= 1e-12L * (fabsl(mean) + 1.0L));
    if (n > 1) {
      const double sd = (double)sqrtl(squares / (long double)(n - 1));
      assert_true(fabs(got[1] - sd) <= 1e-12 * sd);
    } else {
      assert_true(isnan(got[1]));
    }
  }
  clv_draw_summary_free(&summary);
  assert_null(summary);
}

static void equals_sorting(void **state) {
  (void)state;
  static const size_t N[] = {1, 2, 3, 7, 8, 9, 100, 1000, MOST};
  clv_rng             rng = clv_rng_at(3, CLV_RNG_SIMULATE, 0, 0, 0);
  for (int kind = 0; kind < KINDS; kind++)
    for (size_t k = 0; k < sizeof N / sizeof *N; k++) check(kind, N[k], &rng);
}

/* One object over many customers whose draws are spread alike, and at times not: 3 quantiles, as most users
 * ask. */
static void equals_sorting_again_and_again(void **state) {
  (void)state;
  enum { N = 1001, CUSTOMERS = 400 };
  static double     value[N];
  const double      quantile[] = {0.05, 0.5, 0.95};
  double            got[5];
  clv_rng           rng     = clv_rng_at(4, CLV_RNG_SIMULATE, 0, 0, 0);
  clv_draw_summary *summary = NULL;
  assert_int_equal(clv_draw_summary_new(N, 1, quantile, 3, &summary), CLV_OK);
  for (int who = 0; who < CUSTOMERS; who++) {
    for (size_t i = 0; i < N; i++)
      value[i] = who % 50 == 49 ? made(who / 50 % KINDS, &rng, i) : exp(0.3 * clv_rng_normal(&rng)) + who;
    clv_draw_summary_of(summary, 0, value, got);
    qsort(value, N, sizeof *value, compare);
    for (size_t q = 0; q < 3; q++) assert_true(same(got[2 + q], type_7(value, N, quantile[q])));
  }
  clv_draw_summary_free(&summary);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(equals_sorting),
                                     cmocka_unit_test(equals_sorting_again_and_again)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
