/* Tables of a stretch's sums against the sums themselves in long double, at any v and in any order. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/models/spend_rows.h"
#include "engine/numerics/rng.h"

/* One block: segment 0 has too few customers for tables, segment 1 has many. */
enum { CUSTOMERS = 3000, FEW = 100, ASKED = 400 };

typedef struct spends_made {
  uint32_t segment[CUSTOMERS], x[CUSTOMERS];
  double   mean[CUSTOMERS];
} spends_made;

/* Spends over eight orders of magnitude: every panel has some customers near its v. */
static clv_spend_rows *rows_make(spends_made *made) {
  clv_rng         rng = clv_rng_at(5, CLV_RNG_SIMULATE, 0, 0, 0);
  clv_spend_rows *rows;
  for (size_t i = 0; i < CUSTOMERS; i++) {
    made->segment[i] = i >= FEW;
    made->x[i]       = 1 + (uint32_t)(12.0 * clv_rng_uniform(&rng));
    made->mean[i]    = exp(18.0 * clv_rng_uniform(&rng) - 9.0);
  }
  const clv_spends spends = {.blocks         = {.last = CUSTOMERS, .last_block = 1},
                             .segment        = made->segment,
                             .x              = made->x,
                             .mean           = made->mean,
                             .n_segment      = 2,
                             .rescale_factor = 1.0};
  assert_int_equal(clv_spend_rows_new(&spends, &rows), CLV_OK);
  return rows;
}

static void plain_sums(const spends_made *made, uint32_t segment, double v, long double sum[4]) {
  memset(sum, 0, 4 * sizeof *sum);
  for (size_t i = 0; i < CUSTOMERS; i++) {
    if (made->segment[i] != segment) continue;
    const long double x = made->x[i], w = x * made->mean[i] + v;
    sum[0] += x * logl(w), sum[1] += logl(w), sum[2] += x / w, sum[3] += 1.0L / w;
  }
}

/* A few roundings of each term, measured against what the gradient puts beside the sums: sums of logs cancel,
 * so theirs is a share of the logs' sizes, which are below 25 + |log v|; inverses stand beside n / v. */
static void tables_are_the_sums(void **state) {
  static spends_made made;
  clv_spend_rows    *rows = rows_make(&made);
  size_t             first, last;
  (void)state;
  clv_spend_rows_block(rows, 0, &first, &last);
  assert_int_equal(first, 0);
  assert_int_equal(last, 2);
  for (size_t k = 0; k < ASKED; k++) {
    const double v = k % 5 == 0 ? exp((double)(k / 5) - 40.0) : exp(0.2 * ((double)k - 200.0) + 0.013);
    for (size_t stretch = 0; stretch < 2; stretch++) {
      const uint32_t       segment = (uint32_t)clv_spend_rows_segment(rows, stretch);
      const clv_spend_sums sums    = clv_spend_rows_sums(rows, stretch, v);
      const double         n       = stretch == 0 ? FEW : CUSTOMERS - FEW;
      const double         most    = 1e-15 * 8.0 * (fabs(log(v)) + 25.0) * n;
      long double          plain[4];
      assert_int_equal(segment, stretch);
      plain_sums(&made, segment, v, plain);
      assert_true(fabsl(sums.x_log - plain[0]) < 12.0L * most);
      assert_true(fabsl(sums.log - plain[1]) < most);
      assert_true(fabsl(sums.x_inverse - plain[2]) < 1e-14L * (plain[2] + 12.0 * n / v));
      assert_true(fabsl(sums.inverse - plain[3]) < 1e-14L * (plain[3] + n / v));
    }
  }
  clv_spend_rows_free(&rows);
}

/* The bits of a chain must not depend on where other chains have been, or on a resumption. */
static void answers_do_not_depend_on_order(void **state) {
  static spends_made made;
  clv_spend_rows    *up = rows_make(&made), *down = rows_make(&made);
  clv_spend_sums     sums[ASKED];
  (void)state;
  for (size_t k = 0; k < ASKED; k++) sums[k] = clv_spend_rows_sums(up, 1, exp(0.11 * (double)k - 20.0));
  for (size_t k = ASKED; k-- > 0;) {
    const clv_spend_sums again = clv_spend_rows_sums(down, 1, exp(0.11 * (double)k - 20.0));
    assert_memory_equal(&again, &sums[k], sizeof again);
  }
  clv_spend_rows_free(&up);
  clv_spend_rows_free(&down);
}

static void wild_values_are_not_numbers(void **state) {
  static spends_made  made;
  clv_spend_rows     *rows   = rows_make(&made);
  static const double WILD[] = {0.0, -1.0, 0x1p-241, 0x1p241, INFINITY, NAN};
  (void)state;
  for (size_t k = 0; k < sizeof WILD / sizeof *WILD; k++)
    for (size_t stretch = 0; stretch < 2; stretch++)
      assert_true(isnan(clv_spend_rows_sums(rows, stretch, WILD[k]).log));
  clv_spend_rows_free(&rows);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(tables_are_the_sums),
      cmocka_unit_test(answers_do_not_depend_on_order),
      cmocka_unit_test(wild_values_are_not_numbers),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
