/* What is appended is read back, leg by leg and after a resume that cuts, on any number of ranks; a missing
 * folder and a file that is no trace are one sentence on every rank. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "io/trace.h"

enum { N_CHAIN = 3, N_DRAW = 10, N_WARMUP = 4, N_VALUE = 3, N_CUSTOMER = 1001 };

static clv_comm *world;
static char      folder[64], path[96];

static const char *const        LABEL[]    = {"north", "süd"};
static const clv_trace_variable VARIABLE[] = {
    {.name = "r", .length = 1}, {.name = "alpha", .dimension = "segment", .length = 2, .label = LABEL}};
static const char *const         COLUMN[]    = {"frequency"};
static const clv_trace_attribute ATTRIBUTE[] = {{"model", "test"}};
static const clv_trace_constant  CONSTANT[]  = {{"rescale_factor", 1000.0}};
static const clv_trace_plan      PLAN        = {.n_chain     = N_CHAIN,
                                                .n_draw      = N_DRAW,
                                                .n_warmup    = N_WARMUP,
                                                .n_variable  = 2,
                                                .variable    = VARIABLE,
                                                .n_dim       = 2,
                                                .n_attribute = 1,
                                                .attribute   = ATTRIBUTE,
                                                .n_constant  = 1,
                                                .constant    = CONSTANT,
                                                .n_observed  = N_CUSTOMER,
                                                .n_column    = 1,
                                                .column      = COLUMN};

static double value_at(int chain, int draw, int v) { return 100.0 * chain + draw + 0.25 * v; }

static void leg_append(clv_trace *trace, bool warmup, int first, int n) {
  double         value[N_CHAIN * N_DRAW * N_VALUE];
  clv_trace_stat stat[N_CHAIN * N_DRAW];
  memset(stat, 0, sizeof stat);
  for (int c = 0; c < N_CHAIN; c++)
    for (int d = 0; d < n; d++) {
      for (int v = 0; v < N_VALUE; v++) value[(c * n + d) * N_VALUE + v] = value_at(c, first + d, v);
      stat[c * n + d].energy    = value_at(c, first + d, 9);
      stat[c * n + d].n_steps   = first + d;
      stat[c * n + d].diverging = (int8_t)((first + d) % 2);
    }
  assert_int_equal(clv_trace_append(trace, warmup, (size_t)n, value, stat), CLV_OK);
}

static void draws_check(int n) {
  clv_draws *draws = NULL;
  assert_int_equal(clv_draws_read(world, path, true, &draws), CLV_OK);
  assert_int_equal(draws->n_chain, N_CHAIN);
  assert_int_equal(draws->n_draw, n);
  assert_int_equal(draws->n_value, N_VALUE);
  assert_int_equal(clv_draws_find(draws, "alpha"), 1);
  assert_string_equal(draws->variable[1].dimension, "segment");
  assert_string_equal(draws->variable[1].label[1], "süd");
  for (int c = 0; c < N_CHAIN; c++)
    for (int d = 0; d < n; d++) {
      for (int v = 0; v < N_VALUE; v++)
        assert_true(draws->value[(c * n + d) * N_VALUE + v] == value_at(c, d, v));
      assert_true(draws->stat[c * n + d].energy == value_at(c, d, 9));
      assert_int_equal(draws->stat[c * n + d].n_steps, d);
      assert_int_equal(draws->stat[c * n + d].diverging, d % 2);
    }
  clv_draws_free(&draws);
}

static void appended_is_read_back(void **state) {
  (void)state;
  clv_trace *trace     = NULL;
  char      *text      = NULL;
  double     metric[4] = {1, 0.5, 0.5, 2}, *frequency;
  uint64_t   first     = (uint64_t)clv_comm_rank(world) * N_CUSTOMER / (uint64_t)clv_comm_size(world);
  uint64_t   last      = ((uint64_t)clv_comm_rank(world) + 1) * N_CUSTOMER / (uint64_t)clv_comm_size(world);
  assert_int_equal(clv_trace_create(world, path, &PLAN, &trace), CLV_OK);
  draws_check(0); /* a file without draws opens */
  frequency = calloc(N_CUSTOMER, sizeof *frequency);
  assert_non_null(frequency);
  assert_int_equal(clv_trace_observe(trace, 0, first, last - first, frequency), CLV_OK);
  leg_append(trace, true, 0, N_WARMUP);
  assert_int_equal(clv_trace_tuning(trace, 0.7, metric), CLV_OK);
  leg_append(trace, false, 0, 3);
  leg_append(trace, false, 3, 4);
  assert_int_equal(clv_trace_close(&trace), CLV_OK);
  draws_check(7);
  assert_int_equal(clv_trace_resume(world, path, &PLAN, N_WARMUP, 5, &trace), CLV_OK);
  leg_append(trace, false, 5, 5);
  assert_int_equal(clv_trace_close(&trace), CLV_OK);
  draws_check(N_DRAW);
  assert_int_equal(clv_trace_attribute_read(world, path, "model", &text), CLV_OK);
  assert_string_equal(text, "test");
  free(text);
  free(frequency);
}

static void more_than_was_committed_is_refused(void **state) {
  (void)state;
  clv_trace *trace = NULL;
  assert_int_equal(clv_trace_resume(world, path, &PLAN, N_WARMUP, N_DRAW + 1, &trace), CLV_EDATA);
  assert_null(trace);
  clv_message_clear();
}

static void errors_are_everywhere(void **state) {
  (void)state;
  clv_trace *trace = NULL;
  clv_draws *draws = NULL;
  char       elsewhere[128];
  snprintf(elsewhere, sizeof elsewhere, "%s/not/there.nc", folder);
  assert_true(clv_trace_create(world, elsewhere, &PLAN, &trace) < 0);
  assert_non_null(strstr(clv_message(), "not/there.nc"));
  clv_message_clear();
  assert_int_equal(clv_draws_read(world, elsewhere, true, &draws), CLV_EDATA);
  clv_message_clear();
  if (clv_comm_rank(world) == 0) {
    FILE *file = fopen(path, "w");
    fputs("this is no trace", file);
    fclose(file);
  }
  clv_comm_barrier(world);
  assert_int_equal(clv_draws_read(world, path, true, &draws), CLV_EDATA);
  assert_null(draws);
  clv_message_clear();
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(appended_is_read_back),
                                     cmocka_unit_test(more_than_was_committed_is_refused),
                                     cmocka_unit_test(errors_are_everywhere)};
  if (clv_comm_init(&argc, &argv) < 0 || clv_comm_world(&world) < 0) return 1;
  snprintf(folder, sizeof folder, "/tmp/clv-trace-XXXXXX");
  if (clv_comm_rank(world) == 0 && mkdtemp(folder) == NULL) return 1;
  clv_comm_broadcast(world, folder, sizeof folder, 0);
  snprintf(path, sizeof path, "%s/trace.nc", folder);
  const int failed = cmocka_run_group_tests(tests, NULL, NULL);
  clv_comm_barrier(world);
  if (clv_comm_rank(world) == 0) {
    unlink(path);
    rmdir(folder);
  }
  clv_comm_free(&world);
  clv_comm_finalize();
  return failed;
}
