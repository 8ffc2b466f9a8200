/* The sampler's parts alone: schedule, moments, metric, momentum, dual averaging, step-size search. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/numerics/dense.h"
#include "engine/sampler/step_size.h"
#include "engine/sampler/warmup.h"

#define DIM 3

/* With num_warmup 1000: 30 early swaps, windows that end at 380, 500 and 680, the last metric at 850. */
static void schedule_of_1000(void **state) {
  int swaps = 0, metrics = 0, restarts = 0, collected = 0;
  (void)state;
  for (int draw = 0; draw < 1100; draw++) {
    const clv_warmup_action todo = clv_warmup_after(1000, draw);
    const int               done = draw + 1;
    const bool              late = done == 380 || done == 500 || done == 680;
    assert_int_equal(todo.swap, (done <= 300 && done % 10 == 0) || late);
    assert_int_equal(todo.adapt_metric, todo.swap || done == 850);
    assert_int_equal(todo.restart_steps, late || done == 850);
    assert_int_equal(todo.adapt_step, done <= 1000);
    swaps += todo.swap, metrics += todo.adapt_metric, restarts += todo.restart_steps,
        collected += todo.collect;
  }
  assert_int_equal(swaps, 33);
  assert_int_equal(metrics, 34);
  assert_int_equal(restarts, 4);
  assert_int_equal(collected, 850);
}

/* Any warm-up of 20 draws and more makes a metric, and leaves draws to fit the step size to the last one. */
static void schedules_of_all_lengths(void **state) {
  (void)state;
  for (int length = 0; length < 3000; length++) {
    int last = 0;
    for (int draw = 0; draw < length; draw++)
      if (clv_warmup_after(length, draw).adapt_metric) last = draw + 1;
    if (length < CLV_WARMUP_FEWEST) assert_int_equal(last, 0);
    if (length >= CLV_WARMUP_FEWEST) assert_in_range(last, length / 2, length - length / 10);
  }
}

typedef struct fixture {
  double           memory[400];
  clv_metric       metric;
  clv_moments      moments;
  clv_metric_room *room; /* owned */
} fixture;

static void fixture_make(fixture *self) {
  clv_slab slab = {.base = (char *)self->memory};
  memset(self, 0, sizeof *self);
  clv_metric_cut(&slab, DIM, &self->metric);
  clv_moments_cut(&slab, DIM, true, &self->moments);
  assert_int_equal(clv_metric_room_new(DIM, &self->room), CLV_OK);
  assert_true(slab.used <= sizeof self->memory);
}

static const double COVARIANCE[DIM * DIM] = {1e-6, 0.9e-3 * 0.5, 0, 0.9e-3 * 0.5, 0.25, 50, 0, 50, 1e6};

/* Independent draws of N(0, covariance) with their gradients -covariance^-1 x. */
static void fixture_draw(fixture *self, int n) {
  double  l[DIM * DIM], x[DIM], g[DIM];
  clv_rng rng = clv_rng_at(1, CLV_RNG_SIMULATE, 0, 0, 0);
  assert_true(clv_dense_cholesky(DIM, COVARIANCE, l));
  for (int k = 0; k < n; k++) {
    double z[DIM];
    for (size_t i = 0; i < DIM; i++) z[i] = clv_rng_normal(&rng);
    for (size_t i = 0; i < DIM; i++) {
      x[i] = 10.0 * (double)i;
      for (size_t j = 0; j <= i; j++) x[i] += l[i * DIM + j] * z[j];
      g[i] = -z[i];
    }
    clv_dense_solve_lower_transposed(DIM, l, g);
    clv_moments_add(&self->moments, x, g);
  }
}

/* For a normal, Cov(g)^-1 # Cov(x) is the covariance from any number of draws that span the space; the rest
 * is the shrinkage by one draw in 2000, which the geometric mean keeps below a percent of each scale. */
static void fisher_metric_of_a_normal(void **state) {
  fixture f;
  (void)state;
  fixture_make(&f);
  const double one[DIM] = {1, 1, 1};
  clv_metric_set_diagonal(&f.metric, one);
  fixture_draw(&f, 2000);
  assert_true(clv_metric_adapt(&f.metric, &f.moments, f.room));
  clv_metric_room_free(&f.room);
  for (size_t i = 0; i < DIM; i++)
    for (size_t j = 0; j < DIM; j++) {
      const double scale = sqrt(COVARIANCE[i * DIM + i] * COVARIANCE[j * DIM + j]);
      assert_true(fabs(f.metric.inverse[i * DIM + j] - COVARIANCE[i * DIM + j]) < 0.01 * scale);
    }
}

static void few_draws_change_nothing(void **state) {
  const double four[DIM] = {4, 4, 4};
  fixture      f;
  (void)state;
  fixture_make(&f);
  clv_metric_set_diagonal(&f.metric, four);
  fixture_draw(&f, CLV_METRIC_FEWEST - 1);
  assert_false(clv_metric_adapt(&f.metric, &f.moments, f.room));
  clv_metric_room_free(&f.room);
  assert_true(f.metric.inverse[0] == 4 && f.metric.factor[0] == 2 && f.metric.inverse[1] == 0);
}

/* A coordinate that did not spread keeps its scale, and the matrix stays positive definite. */
static void still_coordinates_keep_their_scale(void **state) {
  const double four[DIM] = {4, 4, 4};
  fixture      f;
  (void)state;
  fixture_make(&f);
  clv_metric_set_diagonal(&f.metric, four);
  for (int k = 0; k < 10; k++) {
    const double x[DIM] = {k, 7, (k * k) % 5}, g[DIM] = {-k, 0, -2.0 * ((k * k) % 5)};
    clv_moments_add(&f.moments, x, g);
  }
  assert_true(clv_metric_adapt(&f.metric, &f.moments, f.room));
  clv_metric_room_free(&f.room);
  assert_true(fabs(f.metric.inverse[4] - 4) < 1e-12);
  assert_true(f.metric.inverse[0] > 0.3 && f.metric.inverse[0] < 3);
  assert_true(f.metric.inverse[8] > 0.1 && f.metric.inverse[8] < 2);
}

/* p ~ N(0, M): the kinetic energy p' M^-1 p is chi-squared with DIM degrees, mean DIM, variance 2 DIM; 4
 * standard errors. */
static void momentum_has_the_metric(void **state) {
  const int n = 4000;
  fixture   f;
  double    mean = 0;
  (void)state;
  fixture_make(&f);
  clv_metric_room_free(&f.room);
  memcpy(f.metric.inverse, COVARIANCE, sizeof COVARIANCE);
  assert_true(clv_dense_cholesky(DIM, COVARIANCE, f.metric.factor));
  clv_rng rng = clv_rng_at(2, CLV_RNG_NUTS, 0, 0, 0);
  for (int k = 0; k < n; k++) {
    double p[DIM], v[DIM];
    clv_metric_momentum(&f.metric, &rng, p);
    clv_metric_velocity(&f.metric, p, v);
    for (size_t i = 0; i < DIM; i++) mean += p[i] * v[i] / n;
  }
  assert_true(fabs(mean - DIM) < 4 * sqrt(2.0 * DIM / n));
}

/* An acceptance that falls with the step size as exp(-epsilon) is 0.8 at epsilon = 0.2231. */
static void averaging_finds_the_step(void **state) {
  clv_step_size step;
  (void)state;
  clv_step_size_restart(&step, 0.8, 5.0);
  assert_true(fabs(clv_step_size_log_final(&step) - log(5.0)) < 1e-12);
  for (int t = 0; t < 500; t++) clv_step_size_update(&step, exp(-step.epsilon));
  assert_true(fabs(exp(clv_step_size_log_final(&step)) - 0.2231) < 0.02);
}

/* The search ends where one step's acceptance crosses 0.8, from far above and from far below. */
static void search_crosses(void **state) {
  (void)state;
  for (int from = -20; from <= 20; from += 10) {
    double          memory[200] = {0}, x = 1, variance = 1;
    clv_slab        slab = {.base = (char *)memory};
    clv_metric      metric;
    clv_step_search search;
    clv_point       start;
    const clv_rng   rng = clv_rng_at(4, CLV_RNG_STEP_SIZE, 0, 0, 0);
    clv_metric_cut(&slab, 1, &metric);
    clv_step_search_cut(&slab, &metric, &search);
    clv_point_cut(&slab, 1, &start);
    assert_true(slab.used <= sizeof memory);
    clv_metric_set_diagonal(&metric, &variance);
    *start.theta = x, *start.gradient = -x, *start.log_density = -0.5 * x * x;
    clv_step_search_begin(&search, ldexp(1, from), &rng);
    double gradient, lp;
    do {
      clv_step_search_request(&search, &start, &x);
      gradient = -x, lp = -0.5 * x * x;
    } while (!clv_step_search_feed(&search, lp, &gradient));
    const double found = clv_step_search_result(&search);
    assert_true(found > 0.2 && found < 8);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(schedule_of_1000),          cmocka_unit_test(schedules_of_all_lengths),
      cmocka_unit_test(fisher_metric_of_a_normal), cmocka_unit_test(few_draws_change_nothing),
      cmocka_unit_test(momentum_has_the_metric),   cmocka_unit_test(still_coordinates_keep_their_scale),
      cmocka_unit_test(averaging_finds_the_step),  cmocka_unit_test(search_crosses)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
