/* What the sampler does at its edges: regions without a density, trees at their limit, the shortest runs, one
 * dimension, plans that make no sense, states that do not belong. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "comm/comm.h"
#include "densities.h"

/* More than CLV_METRIC_DENSE_MOST. */
#define MANY 300

static clv_comm *world;

static double sphere(const void *context, const double *x, double *gradient) {
  const size_t dim = *(const size_t *)context;
  double       lp  = 0;
  for (size_t i = 0; i < dim; i++) lp -= 0.5 * x[i] * x[i], gradient[i] = -x[i];
  return lp;
}

/* Half of the plane has no density: NaN there, -inf there, or an infinity that must not attract. */
static double half_nan(const void *context, const double *x, double *gradient) {
  const double lp = sphere(context, x, gradient);
  return x[0] > 0.5 ? (double)NAN : lp;
}
static double half_minus(const void *context, const double *x, double *gradient) {
  const double lp = sphere(context, x, gradient);
  return x[0] > 0.5 ? -(double)INFINITY : lp;
}
static double half_plus(const void *context, const double *x, double *gradient) {
  const double lp = sphere(context, x, gradient);
  return x[0] > 0.5 ? (double)INFINITY : lp;
}
static double half_gradient(const void *context, const double *x, double *gradient) {
  const double lp = sphere(context, x, gradient);
  if (x[0] > 0.5) gradient[0] = (double)NAN;
  return lp;
}
static double nowhere(const void *context, const double *x, double *gradient) {
  (void)sphere(context, x, gradient);
  return (double)NAN;
}

static const size_t TWO = 2, ONE = 1;

static clv_sampler_plan plan_of(int chains, int warmup, int samples) {
  return (clv_sampler_plan){.num_chains     = chains,
                            .num_warmup     = warmup,
                            .num_samples    = samples,
                            .target_accept  = 0.8,
                            .max_tree_depth = 10,
                            .seed           = 3};
}

static void run_density(const density *what, clv_sampler_plan plan, run_draws *out) {
  const run       how   = {.plan = plan, .groups = 1, .leg = 64};
  const clv_model model = density_model(what);
  assert_int_equal(run_model(world, &model, &how, out), CLV_OK);
}

static void half_of_the_plane_diverges(double (*log_density)(const void *, const double *, double *)) {
  const density what      = {"half", 2, log_density, NULL, &TWO};
  run_draws     got       = {0};
  int           diverging = 0;
  run_density(&what, plan_of(2, 300, 500), &got);
  for (size_t k = 0; k < 1000; k++) {
    diverging += got.stat[k].diverging;
    assert_true(got.phi[2 * k] <= 0.5);
    assert_true(isfinite(got.stat[k].lp) && isfinite(got.stat[k].energy) &&
                isfinite(got.stat[k].energy_error));
    assert_true(got.stat[k].acceptance_rate >= 0 && got.stat[k].acceptance_rate <= 1);
  }
  assert_true(diverging > 50);
  assert_true(isfinite(got.step_size) && got.step_size > 0);
  run_draws_free(&got);
}

static void nan_is_a_divergence(void **state) {
  (void)state;
  half_of_the_plane_diverges(half_nan);
}
static void minus_infinity_is_a_divergence(void **state) {
  (void)state;
  half_of_the_plane_diverges(half_minus);
}
static void plus_infinity_does_not_attract(void **state) {
  (void)state;
  half_of_the_plane_diverges(half_plus);
}
static void nan_gradient_is_a_divergence(void **state) {
  (void)state;
  half_of_the_plane_diverges(half_gradient);
}

static void trees_end_at_the_depth(void **state) {
  const double     sd[2] = {1, 1e4};
  const normal     shape = {.dim = 2, .sd = sd, .rho = 0};
  const density    what  = {"long", 2, normal_log_density, NULL, &shape};
  clv_sampler_plan plan  = plan_of(1, 0, 100);
  run_draws        got   = {0};
  int              most  = 0;
  (void)state;
  plan.max_tree_depth = 3;
  run_density(&what, plan, &got);
  for (size_t k = 0; k < 100; k++) {
    assert_true(got.stat[k].tree_depth <= 3 && got.stat[k].n_steps <= 7);
    assert_int_equal(got.stat[k].reached_max_treedepth,
                     got.stat[k].n_steps == 7 && got.stat[k].tree_depth == 3);
    most += got.stat[k].reached_max_treedepth;
  }
  assert_true(most > 80);
  run_draws_free(&got);
}

static void short_runs_run(void **state) {
  static const int LENGTH[] = {0, 1, 2, 19, 20, 21, 40, 99, 334};
  const density    what     = {"sphere", 1, sphere, NULL, &ONE};
  (void)state;
  for (size_t k = 0; k < sizeof LENGTH / sizeof *LENGTH; k++) {
    run_draws got = {0};
    run_density(&what, plan_of(3, LENGTH[k], 5), &got);
    assert_true(got.step_size > 0.05 && got.step_size < 20);
    assert_true(got.inverse[0] > 0.02 && got.inverse[0] < 50);
    run_draws_free(&got);
  }
}

/* Beyond the dense limit: a diagonal metric, of scales over six decades; four chains' draws of a window tell a
 * variance to a third. */
static void many_dimensions_have_a_diagonal_metric(void **state) {
  static double sd[MANY];
  const normal  shape = {.dim = MANY, .sd = sd, .rho = 0};
  const density what  = {"wide", MANY, normal_log_density, NULL, &shape};
  run_draws     got   = {0};
  (void)state;
  for (size_t i = 0; i < MANY; i++) sd[i] = pow(10.0, (double)(i % 7) - 3.0);
  run_density(&what, plan_of(4, 200, 20), &got);
  for (size_t i = 0; i < MANY; i++) {
    const double ratio = got.inverse[i] / (sd[i] * sd[i]); /* [dim] where the metric is diagonal */
    assert_true(ratio > 0.5 && ratio < 2);
  }
  for (size_t k = 0; k < 80; k++) assert_true(got.stat[k].n_steps < 64 && !got.stat[k].diverging);
  run_draws_free(&got);
}

static void one_chain_one_draw(void **state) {
  const density what = {"sphere", 1, sphere, NULL, &ONE};
  run_draws     got  = {0};
  (void)state;
  run_density(&what, plan_of(1, 0, 1), &got);
  assert_true(isfinite(got.phi[0]) && got.stat[0].n_steps >= 1);
  run_draws_free(&got);
}

static clv_status new_status(const density *what, clv_sampler_plan plan) {
  const clv_model model    = density_model(what);
  clv_topology   *topology = NULL;
  clv_sampler    *sampler  = NULL;
  clv_leg         leg      = {0};
  assert_int_equal(clv_topology_new(world, 1, &topology), CLV_OK);
  clv_status st = clv_sampler_new(topology, &model, &plan, &sampler);
  if (st == CLV_OK) st = clv_sampler_run(sampler, 1, NULL, &leg);
  clv_sampler_free(&sampler);
  clv_topology_free(&topology);
  return st;
}

static void no_start_point_is_said(void **state) {
  const density what = {"nowhere", 1, nowhere, NULL, &ONE};
  (void)state;
  assert_int_equal(new_status(&what, plan_of(2, 10, 10)), CLV_EUSAGE);
  assert_non_null(strstr(clv_message(), "chain 0"));
  clv_message_clear();
}

static void senseless_plans_are_refused(void **state) {
  const density    what = {"sphere", 1, sphere, NULL, &ONE};
  clv_sampler_plan plan = plan_of(0, 10, 10);
  (void)state;
  assert_int_equal(new_status(&what, plan), CLV_EUSAGE);
  plan = plan_of(1, -1, 10);
  assert_int_equal(new_status(&what, plan), CLV_EUSAGE);
  plan = plan_of(1, 10, 10), plan.target_accept = 1;
  assert_int_equal(new_status(&what, plan), CLV_EUSAGE);
  plan = plan_of(1, 10, 10), plan.target_accept = (double)NAN;
  assert_int_equal(new_status(&what, plan), CLV_EUSAGE);
  plan = plan_of(1, 10, 10), plan.max_tree_depth = 0;
  assert_int_equal(new_status(&what, plan), CLV_EUSAGE);
  clv_message_clear();
}

static clv_status restore_status(const clv_topology *topology, const clv_model *model, clv_sampler_plan plan,
                                 const void *bytes, size_t n) {
  clv_sampler *sampler = NULL;
  assert_int_equal(clv_sampler_new(topology, model, &plan, &sampler), CLV_OK);
  const clv_status st = clv_sampler_restore(sampler, bytes, n);
  clv_sampler_free(&sampler);
  clv_message_clear();
  return st;
}

static void strange_states_are_refused(void **state) {
  const density          what = {"sphere", 2, sphere, NULL, &TWO}, other = {"sphere", 1, sphere, NULL, &ONE};
  const clv_sampler_plan plan  = plan_of(2, 30, 10);
  const clv_model        model = density_model(&what), narrow = density_model(&other);
  clv_sampler_plan       changed  = plan;
  clv_topology          *topology = NULL;
  clv_sampler           *sampler  = NULL;
  clv_leg                leg      = {0};
  unsigned char         *bytes    = NULL;
  size_t                 n        = 0;
  (void)state;
  assert_int_equal(clv_topology_new(world, 1, &topology), CLV_OK);
  assert_int_equal(clv_sampler_new(topology, &model, &plan, &sampler), CLV_OK);
  assert_int_equal(clv_sampler_run(sampler, 10, NULL, &leg), CLV_OK);
  assert_int_equal(clv_sampler_save(sampler, (void **)&bytes, &n), CLV_OK);
  clv_sampler_free(&sampler);
  assert_int_equal(restore_status(topology, &model, plan, bytes, n), CLV_OK);
  assert_int_equal(restore_status(topology, &narrow, plan, bytes, n), CLV_EUSAGE);
  changed.seed++;
  assert_int_equal(restore_status(topology, &model, changed, bytes, n), CLV_EUSAGE);
  changed = plan, changed.num_samples = 500;
  assert_int_equal(restore_status(topology, &model, changed, bytes, n), CLV_OK);
  for (size_t cut = 0; cut < n; cut += 97)
    assert_true(restore_status(topology, &model, plan, bytes, cut) < 0);
  for (size_t at = 0; at < n; at += 61) {
    bytes[at] ^= 0x40;
    assert_true(restore_status(topology, &model, plan, bytes, n) < 0);
    bytes[at] ^= 0x40;
  }
  free(bytes);
  clv_topology_free(&topology);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(nan_is_a_divergence),
                                     cmocka_unit_test(minus_infinity_is_a_divergence),
                                     cmocka_unit_test(plus_infinity_does_not_attract),
                                     cmocka_unit_test(nan_gradient_is_a_divergence),
                                     cmocka_unit_test(trees_end_at_the_depth),
                                     cmocka_unit_test(short_runs_run),
                                     cmocka_unit_test(one_chain_one_draw),
                                     cmocka_unit_test(many_dimensions_have_a_diagonal_metric),
                                     cmocka_unit_test(no_start_point_is_said),
                                     cmocka_unit_test(senseless_plans_are_refused),
                                     cmocka_unit_test(strange_states_are_refused)};
  if (clv_comm_init(&argc, &argv) < 0 || clv_comm_world(&world) < 0) return 1;
  const int bad = cmocka_run_group_tests(tests, NULL, NULL);
  clv_comm_free(&world);
  clv_comm_finalize();
  return bad;
}
