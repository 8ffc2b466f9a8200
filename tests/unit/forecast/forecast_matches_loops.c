/* The streaming forecast equals plain loops over draws, and does not depend on how customers are cut into
 * calls or on what was tabulated. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/posterior/forecast.h"

enum {
  DRAWS      = 41,
  SEGMENTS   = 2,
  WHO        = 40,
  QUANTILES  = 3,
  HORIZONS   = 2,
  SUMMARY    = 2 + QUANTILES,
  QUANTITIES = 7
};

static const double HORIZON[HORIZONS] = {4.5, 39.0}, QUANTILE[QUANTILES] = {0.05, 0.5, 0.95};
static const double MARGIN = 0.3, DELTA = 0.0018;

typedef struct fixture {
  double            theta[DRAWS][SEGMENTS][4], spend[DRAWS][SEGMENTS][3];
  clv_forecast_row  row[WHO];
  clv_forecast_plan plan;
} fixture;

/* Around the published fit of CDNOW (Fader, Hardie & Lee 2005), some draws with a < 1 and some with a > 1. */
static void fixture_fill(fixture *f, double T_least, double T_most) {
  static const uint32_t X[] = {0, 1, 2, 7, 29};
  for (size_t s = 0; s < DRAWS; s++)
    for (size_t g = 0; g < SEGMENTS; g++) {
      const double u = (double)((s * 17 + g * 5) % DRAWS) / DRAWS, w = (double)((s * 7 + g) % DRAWS) / DRAWS;
      const double theta[4] = {0.20 + 0.09 * u, 3.5 + 2.0 * w, 0.6 + 0.7 * u, 2.0 + w};
      const double spend[3] = {5.0 + 2.0 * w, 3.0 + u, 13.0 + 5.0 * u};
      memcpy(f->theta[s][g], theta, sizeof theta);
      memcpy(f->spend[s][g], spend, sizeof spend);
    }
  for (uint32_t i = 0; i < WHO; i++) {
    const double   T = T_least + (T_most - T_least) * (double)(i * 11 % WHO) / (WHO - 1);
    const uint32_t x = X[i % 5];
    f->row[i]        = (clv_forecast_row){.who     = {.x     = x,
                                                      .T     = T,
                                                      .t_x   = x == 0 ? 0.0 : T * (0.3 + 0.7 * (double)(i % 3) / 2),
                                                      .spend = x == 0 ? 0.0 : 12.0 + i},
                                          .segment = i / 5 % SEGMENTS,
                                          .place   = i};
  }
  f->row[8]       = f->row[3]; /* the same history twice: everything is shared */
  f->row[8].place = 8;
  f->plan         = (clv_forecast_plan){.process     = clv_process_find("bg_nbd"),
                                        .spend       = clv_spend_find("gamma_gamma"),
                                        .n_draw      = DRAWS,
                                        .n_segment   = SEGMENTS,
                                        .theta       = &f->theta[0][0][0],
                                        .spend_theta = &f->spend[0][0][0],
                                        .n_horizon   = HORIZONS,
                                        .n_quantile  = QUANTILES,
                                        .horizon     = HORIZON,
                                        .quantile    = QUANTILE,
                                        .delta       = DELTA,
                                        .margin      = MARGIN,
                                        .T_least     = T_least,
                                        .T_most      = T_most};
}

static int ascending(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return x < y ? -1 : x > y;
}

/* draws[quantity][draw] by direct calls */
static void draws_by_loop(const fixture *f, const clv_forecast_row *row, double draws[QUANTITIES][DRAWS]) {
  const clv_process_ops *process = f->plan.process;
  for (size_t s = 0; s < DRAWS; s++) {
    const double *theta = f->theta[s][row->segment];
    const double  alive = process->p_alive(theta, &row->who),
                 spend  = f->plan.spend->expected(f->spend[s][row->segment], &row->who);
    double updated[CLV_PARAMETER_MAX];
    process->update(theta, &row->who, updated);
    draws[0][s] = alive;
    draws[3][s] = spend;
    for (size_t h = 0; h < HORIZONS; h++) {
      draws[1 + h][s] = alive * process->expected(updated, HORIZON[h]);
      draws[4 + h][s] = MARGIN * spend * alive * process->discounted(updated, DELTA, HORIZON[h]);
    }
    draws[6][s] = MARGIN * spend * alive * process->discounted(updated, DELTA, INFINITY);
  }
}

static void summary_by_sorting(double *draw, double out[SUMMARY]) {
  double sum = 0.0, squares = 0.0;
  for (size_t s = 0; s < DRAWS; s++) sum += draw[s];
  for (size_t s = 0; s < DRAWS; s++) squares += pow(draw[s] - sum / DRAWS, 2.0);
  out[0] = sum / DRAWS;
  out[1] = sqrt(squares / (DRAWS - 1));
  qsort(draw, DRAWS, sizeof *draw, ascending);
  for (size_t q = 0; q < QUANTILES; q++) {
    const double at = QUANTILE[q] * (DRAWS - 1), k = floor(at);
    const double here = draw[(size_t)k], next = draw[(size_t)k + (k + 1 < DRAWS)];
    out[2 + q] = here + (at - k) * (next - here);
  }
}

/* Largest error of any summary, relative to that quantity's mean. */
static double error_most(double T_least, double T_most) {
  fixture       f;
  clv_forecast *forecast = NULL;
  double        result[WHO][QUANTITIES][SUMMARY], most = 0.0;
  fixture_fill(&f, T_least, T_most);
  assert_int_equal(clv_forecast_new(&f.plan, &forecast), CLV_OK);
  assert_int_equal(clv_forecast_width(forecast), QUANTITIES * SUMMARY);
  assert_int_equal(clv_forecast_summarise(forecast, WHO, f.row, &result[0][0][0]), CLV_OK);
  for (size_t i = 0; i < WHO; i++) {
    double draws[QUANTITIES][DRAWS], expected[SUMMARY];
    draws_by_loop(&f, &f.row[i], draws);
    for (size_t q = 0; q < QUANTITIES; q++) {
      summary_by_sorting(draws[q], expected);
      for (size_t k = 0; k < SUMMARY; k++)
        most = fmax(most, fabs(result[f.row[i].place][q][k] - expected[k]) / expected[0]);
    }
  }
  clv_forecast_free(&forecast);
  return most;
}

/* The bounds are those the header of forecast.c states for its nodes in T. */
static void narrow_range(void **state) {
  (void)state;
  const double e = error_most(27.0, 39.0);
  if (!(e < 1e-8)) fail_msg("error %g", e);
}
static void wide_range(void **state) {
  (void)state;
  const double e = error_most(0.143, 300.0);
  if (!(e < 1e-8)) fail_msg("error %g", e);
}
static void single_age(void **state) {
  (void)state;
  const double e = error_most(52.0, 52.0);
  if (!(e < 1e-12)) fail_msg("error %g", e);
}

static void calls_and_tables_do_not_matter(void **state) {
  (void)state;
  fixture                f;
  clv_forecast          *one = NULL, *other = NULL;
  clv_comm              *self = NULL;
  double                 whole[WHO][QUANTITIES * SUMMARY], pieces[WHO][QUANTITIES * SUMMARY];
  const clv_forecast_key key[] = {{0, 0, 1000}, {0, 2, 1000}, {0, 29, 1000}, {1, 1, 1000}};
  fixture_fill(&f, 0.143, 300.0);
  assert_int_equal(clv_comm_self(&self), CLV_OK);
  assert_int_equal(clv_forecast_new(&f.plan, &one), CLV_OK);
  assert_int_equal(clv_forecast_new(&f.plan, &other), CLV_OK);
  assert_int_equal(clv_forecast_tabulate(other, self, key, 4), CLV_OK);
  assert_int_equal(clv_forecast_summarise(one, WHO, f.row, &whole[0][0]), CLV_OK);
  fixture_fill(&f, 0.143, 300.0);
  for (size_t i = 0; i < WHO; i += 4) {
    for (uint32_t k = 0; k < 4; k++) f.row[i + k].place = k;
    assert_int_equal(clv_forecast_summarise(other, 4, f.row + i, &pieces[i][0]), CLV_OK);
  }
  assert_memory_equal(whole, pieces, sizeof whole);
  clv_forecast_free(&one);
  clv_forecast_free(&other);
  clv_comm_free(&self);
}

/* Too few customers for a table: asked for one by one, with the same result but for the interpolation. */
static void few_customers_are_direct(void **state) {
  (void)state;
  fixture                f;
  clv_forecast          *tabulated = NULL, *direct = NULL;
  clv_comm              *self = NULL;
  double                 a[WHO][QUANTITIES * SUMMARY], b[WHO][QUANTITIES * SUMMARY];
  const clv_forecast_key key[] = {{0, 2, 2}, {1, 1, 1}};
  fixture_fill(&f, 0.143, 300.0);
  assert_int_equal(clv_comm_self(&self), CLV_OK);
  assert_int_equal(clv_forecast_new(&f.plan, &tabulated), CLV_OK);
  assert_int_equal(clv_forecast_new(&f.plan, &direct), CLV_OK);
  assert_int_equal(clv_forecast_tabulate(direct, self, key, 2), CLV_OK);
  assert_int_equal(clv_forecast_summarise(tabulated, WHO, f.row, &a[0][0]), CLV_OK);
  fixture_fill(&f, 0.143, 300.0);
  assert_int_equal(clv_forecast_summarise(direct, WHO, f.row, &b[0][0]), CLV_OK);
  bool differs = false;
  for (size_t i = 0; i < WHO; i++)
    for (size_t k = 0; k < QUANTITIES * SUMMARY; k++) {
      differs = differs || a[i][k] != b[i][k];
      assert_true(a[i][k] == b[i][k] || fabs(a[i][k] - b[i][k]) <= 1e-7 * (fabs(b[i][k]) + 1e-3));
    }
  assert_true(differs); /* or nobody was asked for directly */
  clv_forecast_free(&tabulated);
  clv_forecast_free(&direct);
  clv_comm_free(&self);
}

enum { COVARIATES = 2 };

/* Rows with covariates of four vectors, and draws of how they act: alpha by both, a and b by the first, v by
 * the second. */
typedef struct shifted {
  fixture    f;
  double     w[WHO][COVARIATES], vector[4][COVARIATES], gamma[DRAWS][3], spend_gamma[DRAWS][1];
  clv_shifts shifts, spend_shifts;
} shifted;

static void shifted_fill(shifted *s, bool is_tabulated) {
  static const uint32_t  BOTH[]  = {0, 1};
  const clv_covariates   columns = {.n = COVARIATES, .n_column = {2, 1, 1}, .column = {BOTH, BOTH, BOTH + 1}};
  const clv_process_ops *process = clv_process_find("bg_nbd");
  const clv_spend_ops   *spend   = clv_spend_find("gamma_gamma");
  fixture_fill(&s->f, 27.0, 60.0);
  s->shifts       = clv_shifts_of(&columns, process->n_parameter, process->effect, process->n_effect);
  s->spend_shifts = clv_shifts_of(&columns, spend->n_parameter, spend->effect, spend->n_effect);
  for (size_t d = 0; d < DRAWS; d++) {
    const double u = (double)(d * 13 % DRAWS) / DRAWS;
    s->gamma[d][0] = 0.5 + 0.2 * u, s->gamma[d][1] = -0.3 * u, s->gamma[d][2] = 0.4 - 0.3 * u;
    s->spend_gamma[d][0] = 0.2 + 0.1 * u;
  }
  for (size_t v = 0; v < 4; v++) s->vector[v][0] = v % 2 == 0 ? 0.0 : 1.0, s->vector[v][1] = (double)v - 1.4;
  for (size_t i = 0; i < WHO; i++) {
    memcpy(s->w[i], s->vector[i % 4], sizeof s->w[i]);
    s->f.row[i].covariate   = s->w[i];
    s->f.row[i].n_covariate = COVARIATES;
  }
  s->f.plan.shift       = (clv_draw_shift){&s->shifts, s->gamma[0]};
  s->f.plan.spend_shift = (clv_draw_shift){&s->spend_shifts, s->spend_gamma[0]};
  s->f.plan.n_covariate = COVARIATES;
  s->f.plan.vector = s->vector[0], s->f.plan.n_vector = is_tabulated ? 4 : 0;
}

/* alpha exp(-gamma'w), a exp(gamma'w), b exp(gamma'w), v exp(gamma'w), written out. */
static void shift_by_hand(const shifted *s, fixture *to, const double *w) {
  *to = s->f;
  for (size_t d = 0; d < DRAWS; d++)
    for (size_t g = 0; g < SEGMENTS; g++) {
      to->theta[d][g][1] *= exp(-(s->gamma[d][0] * w[0] + s->gamma[d][1] * w[1]));
      to->theta[d][g][2] *= exp(s->gamma[d][2] * w[0]);
      to->theta[d][g][3] *= exp(s->gamma[d][2] * w[0]);
      to->spend[d][g][2] *= exp(s->spend_gamma[d][0] * w[1]);
    }
}

static double shifted_error(bool is_tabulated) {
  static shifted s;
  static fixture own;
  clv_forecast  *forecast = NULL;
  double         result[WHO][QUANTITIES][SUMMARY], most = 0.0;
  shifted_fill(&s, is_tabulated);
  assert_int_equal(clv_forecast_new(&s.f.plan, &forecast), CLV_OK);
  assert_int_equal(clv_forecast_summarise(forecast, WHO, s.f.row, &result[0][0][0]), CLV_OK);
  for (size_t i = 0; i < WHO; i++) {
    double draws[QUANTITIES][DRAWS], kept[QUANTITIES][DRAWS], expected[SUMMARY];
    shift_by_hand(&s, &own, s.f.row[i].covariate);
    draws_by_loop(&own, &s.f.row[i], draws);
    assert_int_equal(clv_forecast_draws(forecast, &s.f.row[i], &kept[0][0]), CLV_OK);
    const clv_theta_view theta = clv_forecast_theta(forecast);
    assert_true(fabs(theta.at[theta.stride + 1] / own.theta[1][s.f.row[i].segment][1] - 1.0) < 1e-14);
    for (size_t q = 0; q < QUANTITIES; q++) {
      summary_by_sorting(draws[q], expected);
      for (size_t k = 0; k < SUMMARY; k++)
        most = fmax(most, fabs(result[s.f.row[i].place][q][k] - expected[k]) / expected[0]);
      summary_by_sorting(kept[q], draws[q]);
      assert_true(fabs(draws[q][0] - result[s.f.row[i].place][q][0]) <= 1e-12 * fabs(draws[q][0]));
    }
  }
  clv_forecast_free(&forecast);
  return most;
}

/* Each customer's forecast is that of his own parameters; tables as above. */
static void covariates_shift_parameters(void **state) {
  (void)state;
  const double direct = shifted_error(false), tabulated = shifted_error(true);
  if (!(direct < 1e-12 && tabulated < 1e-8)) fail_msg("errors %g, %g", direct, tabulated);
}

/* A new customer has the covariates of the baseline. */
static void new_customer_is_the_baseline(void **state) {
  static shifted s;
  clv_forecast  *with = NULL, *without = NULL;
  double         a[QUANTITIES * SUMMARY], b[QUANTITIES * SUMMARY];
  (void)state;
  shifted_fill(&s, false);
  assert_int_equal(clv_forecast_new(&s.f.plan, &with), CLV_OK);
  s.f.plan.shift = s.f.plan.spend_shift = (clv_draw_shift){0};
  assert_int_equal(clv_forecast_new(&s.f.plan, &without), CLV_OK);
  clv_forecast_new_customer(with, 1, a);
  clv_forecast_new_customer(without, 1, b);
  assert_memory_equal(a, b, sizeof a);
  clv_forecast_free(&with);
  clv_forecast_free(&without);
}

/* Customers of one history and one mean amount whose single amounts differ: gamma_value tells them apart. */
static void amounts_tell_customers_apart(void **state) {
  static fixture      f;
  static double       theta[DRAWS][SEGMENTS][5];
  static const double LOG_SPEND[] = {2.9, 2.2, 2.9,
                                     2.6}; /* log 20 is 3.0: these means of logs are possible */
  enum { SAME = sizeof LOG_SPEND / sizeof *LOG_SPEND };
  const clv_spend_ops *spend    = clv_spend_find("gamma_value");
  clv_forecast        *forecast = NULL;
  double               result[SAME][QUANTITIES][SUMMARY];
  (void)state;
  fixture_fill(&f, 27.0, 39.0);
  for (size_t s = 0; s < DRAWS; s++)
    for (size_t g = 0; g < SEGMENTS; g++) {
      const double u = (double)((s * 17 + g * 5) % DRAWS) / DRAWS;
      memcpy(theta[s][g], (double[]){1.5 + u, 30.0 + 5.0 * u, 0.5, 0.4 + 0.2 * u, 1.2}, sizeof theta[s][g]);
    }
  f.plan.spend = spend, f.plan.spend_theta = &theta[0][0][0];
  for (uint32_t i = 0; i < SAME; i++) {
    f.row[i].who     = (clv_customer){.x              = 7,
                                      .t_x            = 20.0,
                                      .T              = 30.0,
                                      .spend          = 20.0,
                                      .n_spend        = 7,
                                      .positive_spend = 20.0,
                                      .log_spend      = LOG_SPEND[i]};
    f.row[i].segment = 0, f.row[i].place = i;
  }
  assert_int_equal(clv_forecast_new(&f.plan, &forecast), CLV_OK);
  assert_int_equal(clv_forecast_summarise(forecast, SAME, f.row, &result[0][0][0]), CLV_OK);
  for (size_t i = 0; i < SAME; i++) {
    double mean = 0.0;
    for (size_t s = 0; s < DRAWS; s++) mean += spend->expected(theta[s][0], &f.row[i].who) / DRAWS;
    const double found = result[f.row[i].place][3][0];
    if (!(fabs(found - mean) < 1e-9 * mean)) fail_msg("customer %zu: %.12g, not %.12g", i, found, mean);
  }
  assert_true(result[0][3][0] == result[2][3][0] && result[0][3][0] != result[1][3][0]);
  clv_forecast_free(&forecast);
}

int main(int argc, char **argv) {
  static const struct CMUnitTest tests[] = {cmocka_unit_test(narrow_range),
                                            cmocka_unit_test(wide_range),
                                            cmocka_unit_test(single_age),
                                            cmocka_unit_test(calls_and_tables_do_not_matter),
                                            cmocka_unit_test(few_customers_are_direct),
                                            cmocka_unit_test(covariates_shift_parameters),
                                            cmocka_unit_test(new_customer_is_the_baseline),
                                            cmocka_unit_test(amounts_tell_customers_apart)};
  if (clv_comm_init(&argc, &argv) < 0) return 1;
  cmocka_set_message_output(CM_OUTPUT_STDOUT);
  const int failed = cmocka_run_group_tests(tests, NULL, NULL);
  clv_comm_finalize();
  return failed;
}
