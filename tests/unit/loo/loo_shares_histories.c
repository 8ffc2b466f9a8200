/* Customers who share a history share its computation: many at once give the bits of one by one, in any
 * order; gaps between purchases move elpd by their own log-likelihood and nothing else; without spend there
 * is none. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "engine/posterior/loo.h"

enum { DRAWS = 200, SEGMENTS = 2, N = 60 };

typedef struct made {
  double      theta[DRAWS][SEGMENTS][4], spend_theta[DRAWS][SEGMENTS][3];
  clv_loo_row row[N];
} made;

static void made_fill(made *m) {
  for (uint32_t s = 0; s < DRAWS; s++)
    for (size_t g = 0; g < SEGMENTS; g++) {
      clv_rng      rng                 = clv_rng_at(3, CLV_RNG_START, g, 0, s);
      const double middle[SEGMENTS][7] = {{0.8, 2.2, 0.9, 2.4, 6.0, 4.0, 15.0},
                                          {1.5, 3.0, 0.7, 4.0, 5.0, 3.0, 9.0}};
      for (size_t k = 0; k < 7; k++)
        *(k < 4 ? &m->theta[s][g][k] : &m->spend_theta[s][g][k - 4]) =
            middle[g][k] * exp(0.1 * clv_rng_normal(&rng));
    }
  for (uint32_t i = 0; i < N; i++) {
    const uint32_t x = i % 4;
    m->row[i]        = (clv_loo_row){.who           = {.x     = x,
                                                       .t_x   = x == 0 ? 0.0 : 3.0 + x,
                                                       .T     = 20.0 + i % 3,
                                                       .spend = x == 0 ? 0.0 : 20.0 + i % 7,
                                                       .litt  = x == 0 ? 0.0 : 0.1 * (double)(i % 11)},
                                     .segment       = i % 5 == 0,
                                     .place         = i,
                                     .informs_spend = x > 1};
  }
}

static clv_loo *loo_of(const made *m, const char *process, bool spends) {
  clv_loo           *loo  = NULL;
  const clv_loo_plan plan = {.process     = clv_process_find(process),
                             .spend       = spends ? clv_spend_find("gamma_gamma") : NULL,
                             .n_draw      = DRAWS,
                             .n_segment   = SEGMENTS,
                             .theta       = &m->theta[0][0][0],
                             .spend_theta = &m->spend_theta[0][0][0],
                             .r_eff       = 1.0};
  assert_int_equal(clv_loo_new(&plan, &loo), CLV_OK);
  return loo;
}

static void many_at_once_are_one_by_one(void **state) {
  static made            m;
  static clv_psis_result all[N][CLV_LOO_PARTS], one[CLV_LOO_PARTS];
  clv_loo_row            row[N];
  (void)state;
  made_fill(&m);
  clv_loo *loo = loo_of(&m, "bg_cnbd_3", true);
  for (size_t i = 0; i < N; i++) row[i] = m.row[N - 1 - i];
  clv_loo_customers(loo, N, row, &all[0][0]);
  for (size_t i = 0; i < N; i++) {
    clv_loo_row single = m.row[i];
    single.place       = 0;
    clv_loo_customers(loo, 1, &single, one);
    assert_memory_equal(one, all[i], sizeof one);
  }
  clv_loo_free(&loo);
}

static void gaps_move_elpd_alone(void **state) {
  static made     m;
  clv_psis_result with[CLV_LOO_PARTS], without[CLV_LOO_PARTS];
  (void)state;
  made_fill(&m);
  clv_loo    *loo = loo_of(&m, "bg_cnbd_3", true);
  clv_loo_row row = m.row[3];
  row.place       = 0;
  row.who.litt    = 1.25;
  clv_loo_customers(loo, 1, &row, with);
  row.who.litt = 0.0;
  clv_loo_customers(loo, 1, &row, without);
  /* (k - 1) litt, by a difference of log-likelihoods of order 10 */
  assert_true(fabs(with[CLV_LOO_PURCHASES].elpd - without[CLV_LOO_PURCHASES].elpd - 2.5) < 1e-13);
  assert_true(fabs(with[CLV_LOO_TOTAL].lpd - without[CLV_LOO_TOTAL].lpd - 2.5) < 1e-13);
  assert_true(with[CLV_LOO_TOTAL].k == without[CLV_LOO_TOTAL].k);
  assert_true(with[CLV_LOO_SPEND].elpd == without[CLV_LOO_SPEND].elpd);
  clv_loo_free(&loo);
}

static void parts_are_what_there_is(void **state) {
  static made     m;
  clv_psis_result r[CLV_LOO_PARTS];
  (void)state;
  made_fill(&m);
  for (int spends = 0; spends < 2; spends++) {
    clv_loo *loo = loo_of(&m, "bg_nbd", spends);
    for (size_t i = 0; i < 4; i++) {
      clv_loo_row row = m.row[i];
      row.place       = 0;
      clv_loo_customers(loo, 1, &row, r);
      const bool has_spend = spends && m.row[i].informs_spend;
      assert_true(isnan(r[CLV_LOO_SPEND].elpd) == !has_spend);
      assert_true(r[CLV_LOO_PURCHASES].lpd > r[CLV_LOO_PURCHASES].elpd);
      if (!has_spend) assert_memory_equal(&r[CLV_LOO_TOTAL], &r[CLV_LOO_PURCHASES], sizeof *r);
      /* draws of both parts are independent here, so their elpd nearly add up */
      if (has_spend)
        assert_true(fabs(r[CLV_LOO_TOTAL].elpd - r[CLV_LOO_PURCHASES].elpd - r[CLV_LOO_SPEND].elpd) < 0.02);
    }
    clv_loo_free(&loo);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(many_at_once_are_one_by_one),
                                     cmocka_unit_test(gaps_move_elpd_alone),
                                     cmocka_unit_test(parts_are_what_there_is)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
