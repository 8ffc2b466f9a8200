/* Every purchase process agrees with itself: gradients with finite differences, probabilities with their sum
 * and mean, discounting with its limits, draws and simulated histories with what is expected of them; and the
 * collapsed model with the sum over customers. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "comm/accumulator.h"
#include "portfolio_made.h"

typedef struct process_case {
  const char *name;
  double      theta[CLV_PARAMETER_MAX];
} process_case;

static const process_case CASE[] = {
    {"bg_nbd", {0.8, 4.4, 0.9, 2.4}},         {"bg_nbd", {2.5, 9.0, 1.0, 6.0}},
    {"mbg_nbd", {0.8, 4.4, 0.9, 2.4}},        {"mbg_nbd", {2.5, 9.0, 1.7, 6.0}},
    {"pareto_nbd", {0.55, 10.6, 0.61, 11.7}}, {"pareto_nbd", {2.5, 4.0, 1.0, 4.0}},
    {"pareto_nbd", {0.8, 30.0, 1.6, 9.0}},    {"bg_cnbd_1", {0.8, 4.4, 0.9, 2.4}},
    {"mbg_cnbd_1", {0.8, 4.4, 0.9, 2.4}},     {"bg_cnbd_2", {0.8, 2.2, 0.9, 2.4}},
    {"mbg_cnbd_3", {2.5, 3.0, 1.0, 6.0}},     {"mbg_cnbd_12", {1.5, 0.9, 0.7, 4.0}},
    {"bg_bb", {1.2, 0.75, 0.66, 2.8}},        {"bg_bb", {0.4, 3.0, 1.0, 12.0}},
    {"pareto_nbd_lognormal", {-3.5, -3.6, 0.8, 1.5, 0.3}},
    {"pareto_nbd_lognormal", {-1.5, -2.5, 0.4, 0.6, -0.5}},
};
enum { CASES = sizeof CASE / sizeof *CASE };

static const clv_customer WHO[] = {{.x = 0, .t_x = 0.0, .T = 38.9},
                                   {.x = 1, .t_x = 3.0, .T = 30.0},
                                   {.x = 4, .t_x = 27.5, .T = 27.5},
                                   {.x = 12, .t_x = 30.0, .T = 36.0}};
/* The same at whole opportunities. */
static const clv_customer WHO_WHOLE[] = {{.x = 0, .t_x = 0.0, .T = 38.0},
                                         {.x = 1, .t_x = 3.0, .T = 30.0},
                                         {.x = 4, .t_x = 27.0, .T = 27.0},
                                         {.x = 12, .t_x = 30.0, .T = 36.0}};
enum { CUSTOMERS = sizeof WHO / sizeof *WHO };

static bool is_whole(const char *name) { return strcmp(name, "bg_bb") == 0; }

static const clv_customer *who_of(const process_case *it, size_t k) {
  return is_whole(it->name) ? &WHO_WHOLE[k] : &WHO[k];
}

static void close_to(const process_case *it, double got, double expected, double allowed) {
  if (fabs(got - expected) <= allowed) return;
  fail_msg("%s (%.3g %.3g): %.15g, expected %.15g within %g", it->name, it->theta[2], it->theta[3], got, expected, allowed);
}

/* Central differences of step h: error h^2 of a third derivative of order 1, and 1e-13 / h of rounding. */
static void gradients_are_derivatives(void **state) {
  (void)state;
  for (size_t c = 0; c < CASES; c++)
    for (size_t k = 0; k < CUSTOMERS; k++) {
      const clv_process_ops *p = clv_process_find(CASE[c].name);
      double                 by_theta[CLV_PARAMETER_MAX], at[CLV_PARAMETER_MAX];
      const double           value = p->gradient(CASE[c].theta, who_of(&CASE[c], k), by_theta);
      close_to(&CASE[c], value, p->log_likelihood(CASE[c].theta, who_of(&CASE[c], k)),
               1e-12 * (1.0 + fabs(value)));
      for (size_t i = 0; i < p->n_parameter; i++) {
        const double h = 1e-5 * CASE[c].theta[i];
        for (size_t j = 0; j < p->n_parameter; j++) at[j] = CASE[c].theta[j];
        at[i]           = CASE[c].theta[i] + h;
        const double up = p->log_likelihood(at, who_of(&CASE[c], k));
        at[i]           = CASE[c].theta[i] - h;
        const double by = (up - p->log_likelihood(at, who_of(&CASE[c], k))) / (2.0 * h);
        close_to(&CASE[c], by_theta[i], by, 1e-6 * (1.0 + fabs(by)));
      }
    }
}

typedef struct forecast {
  double (*expected)(const double *theta, double t);
  double (*discounted)(const double *theta, double delta, double t);
  double (*pmf)(const double *theta, uint32_t n, double t);
} forecast;

static void forecast_check(const process_case *it, const forecast *f, const double *theta) {
  const double t = 26.0, expected = f->expected(theta, t), forever = f->discounted(theta, 0.01, INFINITY);
  double       mass = 0.0, mean = 0.0;
  for (uint32_t n = 0; n < 600; n++) {
    const double here = f->pmf(theta, n, t);
    mass += here, mean += n * here;
  }
  close_to(it, mass, 1.0, 1e-9);
  close_to(it, mean, expected, 1e-8 * expected);
  close_to(it, f->discounted(theta, 0.0, t), expected, 1e-9 * expected);
  close_to(it, f->discounted(theta, 0.01, 3000.0), forever, 1e-7 * forever); /* e^-30 is beyond */
  assert_true(f->expected(theta, 0.0) >= 0.0 && f->expected(theta, 0.0) <= 0.0);
  /* the discounted integral by the midpoint rule on E's increments; opportunities come at whole times */
  double       sum   = 0.0;
  const double steps = is_whole(it->name) ? t : 4000.0, late = is_whole(it->name) ? 1.0 : 0.5;
  for (double k = 0.0; k < steps; k += 1.0)
    sum += exp(-0.01 * t * (k + late) / steps) *
           (f->expected(theta, t * (k + 1.0) / steps) - f->expected(theta, t * k / steps));
  close_to(it, f->discounted(theta, 0.01, t), sum, 1e-7 * sum);
}

static void forecasts_add_up(void **state) {
  (void)state;
  for (size_t c = 0; c < CASES; c++) {
    const clv_process_ops *p = clv_process_find(CASE[c].name);
    forecast_check(&CASE[c], &(forecast){p->expected_new, p->discounted_new, p->pmf_new}, CASE[c].theta);
    for (size_t k = 0; k < CUSTOMERS; k++) {
      double updated[CLV_PARAMETER_MAX];
      p->update(CASE[c].theta, who_of(&CASE[c], k), updated);
      forecast_check(&CASE[c], &(forecast){p->expected, p->discounted, p->pmf}, updated);
    }
  }
}

/* Running mean and standard error. */
typedef struct average {
  double n, sum, square;
} average;

static void average_add(average *a, double x) { a->n += 1.0, a->sum += x, a->square += x * x; }

/* 5 standard errors: a false alarm in two million; the numbers are named, so the outcome never changes. */
static void average_is(const process_case *it, const average *a, double expected) {
  const double mean = a->sum / a->n, sd = sqrt(a->square / a->n - mean * mean);
  close_to(it, mean, expected, 5.0 * sd / sqrt(a->n));
}

/* A history simulated to T + t, cut at T: purchases until T + t against E_new; the forecast made at T, by its
 * formulas and by drawing the customer, against what then happened; the likelihood is that of the history in
 * so far as P(alive) is right. */
static void histories_are_as_forecast(void **state) {
  enum { N = 20000, MOST = 4096 };
  static double time[MOST];
  const double  T = 20.0, t = 15.0;
  (void)state;
  for (size_t c = 0; c < CASES; c++) {
    const clv_process_ops *p     = clv_process_find(CASE[c].name);
    const double          *theta = CASE[c].theta;
    average                all = {0}, gap = {0}, zero = {0}, drawn = {0};
    for (uint32_t i = 0; i < N; i++) {
      clv_rng      rng = clv_rng_at(11, CLV_RNG_SIMULATE, i, (uint32_t)c, 0);
      const size_t n   = p->simulate(theta, T + t, &rng, time, MOST);
      clv_customer who = {.T = T};
      double       updated[CLV_PARAMETER_MAX], latent[CLV_LATENT_MAX];
      assert_true(n <= MOST);
      for (size_t k = 0; k < n && time[k] <= T; k++) who.x++, who.t_x = time[k];
      p->update(theta, &who, updated);
      const double alive = p->p_alive(theta, &who);
      average_add(&all, (double)n);
      average_add(&gap, (double)(n - who.x) - alive * p->expected(updated, t));
      average_add(&zero, (n == who.x) - (1.0 - alive + alive * p->pmf(updated, 0, t)));
      average_add(&drawn, p->customer_draw(theta, &who, &rng, latent) - alive);
      for (size_t k = 0; k < p->n_latent; k++) assert_true(latent[k] > 0.0);
    }
    average_is(&CASE[c], &all, p->expected_new(theta, T + t));
    average_is(&CASE[c], &gap, 0.0);
    average_is(&CASE[c], &zero, 0.0);
    average_is(&CASE[c], &drawn, 0.0);
  }
}

/* With one phase a gap is exponential: the sums over phases and the integral over lambda against the other
 * forms of the same numbers, from everyday parameters to counts past the sums' reach. */
static void one_phase_is_exponential(void **state) {
  static const char *const PAIR[][2]  = {{"bg_cnbd_1", "bg_nbd"}, {"mbg_cnbd_1", "mbg_nbd"}};
  static const double      THETA[][4] = {{0.8, 4.4, 0.9, 2.4},
                                         {0.25, 4.4, 1.0, 2.4},
                                         {0.3, 1e-4, 0.8, 2.4},
                                         {8.0, 4.4, 1e-3, 2.4},
                                         {0.25, 1e-6, 1.8, 2.4}};
  (void)state;
  for (size_t i = 0; i < 2; i++)
    for (size_t c = 0; c < sizeof THETA / sizeof *THETA; c++)
      for (size_t k = 0; k < CUSTOMERS; k++) {
        const clv_process_ops *one = clv_process_find(PAIR[i][0]), *other = clv_process_find(PAIR[i][1]);
        const process_case     it = {PAIR[i][0], {0}};
        double                 updated[CLV_PARAMETER_MAX], same[CLV_PARAMETER_MAX];
        const double           value = other->log_likelihood(THETA[c], &WHO[k]);
        close_to(&it, one->log_likelihood(THETA[c], &WHO[k]), value, 1e-11 * (1.0 + fabs(value)));
        close_to(&it, one->p_alive(THETA[c], &WHO[k]), other->p_alive(THETA[c], &WHO[k]), 1e-12);
        one->update(THETA[c], &WHO[k], updated), other->update(THETA[c], &WHO[k], same);
        const double expected = other->expected(same, 39.0),
                     forever  = other->discounted(same, 0.002, INFINITY);
        close_to(&it, one->expected(updated, 39.0), expected, 1e-8 * expected);
        close_to(&it, one->discounted(updated, 0.002, INFINITY), forever, 1e-7 * forever);
        close_to(&it, one->pmf(updated, 2, 39.0), other->pmf(same, 2, 39.0), 1e-10);
        const double fresh = other->expected_new(THETA[c], 39.0);
        close_to(&it, one->expected_new(THETA[c], 39.0), fresh, 1e-7 * fresh);
      }
}

static double collapsed(const clv_comm *comm, const clv_model *model, const double *phi) {
  clv_accumulator  *sums = NULL;
  double            sum[32];
  const clv_summand what = {model->self, model->ops->n_block(model->self), model->ops->n_sum(model->self),
                            model->ops->n_dim(model->self), model->ops->block};
  assert_true(what.n_sum <= 32);
  assert_int_equal(clv_accumulator_new(comm, &what, 1, &sums), CLV_OK);
  assert_int_equal(clv_accumulator_evaluate(sums, 1, phi, sum), CLV_OK);
  clv_accumulator_free(&sums);
  return model->ops->log_likelihood(model->self, phi, sum);
}

/* Made customers under three starts: 20000 terms, each with a rounding error of its own. */
static void models_are_sums_over_customers(void **state) {
  static made m;
  clv_comm   *comm = NULL;
  (void)state;
  assert_int_equal(clv_comm_self(&comm), CLV_OK);
  for (size_t c = 0; c < CASES; c++) {
    made_fill_for(&m, CASE[c].name);
    const clv_process_ops  *p     = clv_process_find(CASE[c].name);
    const clv_cells         cells = made_cells(comm, &m);
    const clv_purchase_data data  = {comm, &cells, NULL};
    clv_model               model = {0};
    double                  phi[CLV_PARAMETER_MAX], theta[CLV_PARAMETER_MAX];
    assert_int_equal(clv_purchases_new(CASE[c].name, &data, &model), CLV_OK);
    for (uint32_t chain = 0; chain < 3; chain++) {
      double sum = 0.0;
      clv_model_start(&model, 5, chain, phi);
      model.ops->constrain(model.self, phi, theta);
      for (size_t i = 0; i < m.n; i++)
        sum += p->log_likelihood(theta, &(clv_customer){.x = m.x[i], .t_x = m.t_x[i], .T = m.T[i]});
      close_to(&CASE[c], collapsed(comm, &model, phi), sum, 1e-10 * fabs(sum));
    }
    clv_model_free(&model);
  }
  clv_comm_free(&comm);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(gradients_are_derivatives), cmocka_unit_test(forecasts_add_up),
      cmocka_unit_test(histories_are_as_forecast), cmocka_unit_test(one_phase_is_exponential),
      cmocka_unit_test(models_are_sums_over_customers)};
  if (clv_comm_init(&argc, &argv) < 0) return 1;
  const int failed = cmocka_run_group_tests(tests, NULL, NULL);
  clv_comm_finalize();
  return failed;
}
