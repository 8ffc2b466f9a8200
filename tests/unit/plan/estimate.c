/* A rehearsal that obeys exact laws is scaled by those laws. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "jobs/plan_estimate.h"

static const double START = 0.5;
enum { SAMPLES = 250 };

/* Seconds: prepare 2 µs a transaction; predict 1 + 40 µs a customer, 20 beyond the middle shop; evaluate 2 +
 * 80 µs; fit 2 to begin with, 600 passes for the warm-up and 2 for each draw that is kept; memory: 30 MB and
 * 100 bytes a customer. */
static clv_rehearsed child(double cpu, double bytes) {
  return (clv_rehearsed){.cpu = START + cpu, .wall = START + cpu, .bytes = bytes};
}

static double memory_at(double customers) { return 30e6 + 100.0 * customers; }

static clv_rehearsed_shop shop_at(double customers, double exponent) {
  clv_rehearsed_shop s = {
      .customers = customers, .transactions = 3.0 * customers, .run_bytes = 50.0 * customers};
  s.histories = 10.0 * pow(customers, exponent);
  s.pass      = 1e-6 * s.histories;
  s.prepare   = child(2e-6 * s.transactions, memory_at(customers));
  s.fit_idle  = child(2.0, 30e6);
  s.fit_warm  = child(2.0 + 602.0 * s.pass, memory_at(customers));
  s.fit       = child(2.0 + (600.0 + 2.0 * SAMPLES) * s.pass, memory_at(customers));
  s.diagnose  = child(0.5 + 0.001 * SAMPLES, 30e6 + 1000.0 * SAMPLES);

  s.diagnose_idle = child(0.5, 30e6);
  s.predict       = child(1.0 + 40e-6 * fmin(customers, 60000) + 20e-6 * fmax(0.0, customers - 60000), 40e6);
  s.evaluate      = child(2.0 + 80e-6 * customers, 40e6);
  return s;
}

static clv_rehearsal rehearsal_at(double exponent) {
  return (clv_rehearsal){
      .start       = {.cpu = START, .wall = START, .bytes = 20e6},
      .shop        = {shop_at(20000, exponent), shop_at(60000, exponent), shop_at(300000, exponent)},
      .has_middle  = true,
      .num_warmup  = 150,
      .num_samples = SAMPLES};
}

static clv_config config_of(int chains, int warmup, int samples) {
  clv_config c         = {0};
  c.sampler.num_chains = chains, c.sampler.num_warmup = warmup, c.sampler.num_samples = samples;
  c.data.holdout_end = (char *)"2026-01-01";
  return c;
}

static const clv_plan_step *step_of(const clv_plan *plan, const char *job) {
  for (size_t i = 0; i < plan->n_step; i++)
    if (strcmp(plan->step[i].job, job) == 0) return &plan->step[i];
  fail_msg("no step %s", job);
  return NULL;
}

static void near(double value, double expected) { assert_true(fabs(value - expected) <= 1e-6 * expected); }

static void laws_are_followed(void **state) {
  const clv_rehearsal r      = rehearsal_at(0.5);
  const clv_config    config = config_of(4, 1000, 2000);
  clv_plan_size       size   = {.customers = 1e6, .pieces = 1e9};
  clv_plan            plan;
  (void)state;
  clv_plan_size_complete(&r, &size);
  near(size.transactions, 3e6);
  near(size.histories, 10.0 * sqrt(1e6));
  clv_plan_estimate(&config, &r, &size, 0.0, 1, &plan);
  near(step_of(&plan, "prepare")->seconds, START + 6.0);
  /* 850 draws of the warm-up are like the 2000 that are kept; 602 passes are the first 150 and one draw */
  near(step_of(&plan, "fit")->seconds, START + 2.0 + (602.0 + 2.0 * 2850.0) * 1e-6 * size.histories);
  near(step_of(&plan, "predict")->seconds, START + 1.0 + 2.4 + 18.8);
  near(step_of(&plan, "evaluate")->seconds, START + (2.0 + 4.8) * (1.0 + 2.4 + 18.8) / (1.0 + 2.4));
  near(step_of(&plan, "prepare")->bytes, memory_at(1e6));
  near(step_of(&plan, "fit")->bytes, memory_at(1e6));
  near(step_of(&plan, "predict")->bytes,
       40e6 + 64.0 * (size.histories - r.shop[CLV_REHEARSAL_MIDDLE].histories));
  near(plan.disk_bytes, 50e6);
  /* a pass measured on the portfolio itself takes the place of the scaled one */
  clv_plan_estimate(&config, &r, &size, 2e-6 * size.histories, 1, &plan);
  near(step_of(&plan, "fit")->seconds, START + 2.0 + 2.0 * (602.0 + 2.0 * 2850.0) * 1e-6 * size.histories);
  /* between the shops */
  size = (clv_plan_size){.customers = 3e4, .pieces = 1e9};
  clv_plan_size_complete(&r, &size);
  clv_plan_estimate(&config, &r, &size, 0.0, 1, &plan);
  near(step_of(&plan, "predict")->seconds, START + 1.0 + 1.2);
  near(step_of(&plan, "evaluate")->seconds, START + 2.0 + 2.4);
}

static void ranks_share(void **state) {
  const clv_rehearsal r      = rehearsal_at(0.5);
  const clv_config    config = config_of(4, 1000, 2000);
  clv_plan_size       size   = {.customers = 1e8, .pieces = 2};
  clv_plan            one, four, many;
  (void)state;
  clv_plan_size_complete(&r, &size);
  clv_plan_estimate(&config, &r, &size, 0.0, 1, &one);
  clv_plan_estimate(&config, &r, &size, 0.0, 4, &four);
  clv_plan_estimate(&config, &r, &size, 0.0, 64, &many);
  near(step_of(&four, "prepare")->seconds - START, (step_of(&one, "prepare")->seconds - START) / 2.0);
  near(step_of(&four, "fit")->seconds - START, (step_of(&one, "fit")->seconds - START) / 4.0);
  near(step_of(&four, "prepare")->bytes, memory_at(25e6));
  assert_true(many.seconds < four.seconds && many.bytes < four.bytes);
  /* more ranks than chains reduce over the network */
  assert_true(step_of(&many, "fit")->seconds - START > (step_of(&one, "fit")->seconds - START) / 64.0);
}

static void ranks_are_chosen(void **state) {
  const clv_rehearsal r      = rehearsal_at(0.5);
  const clv_config    config = config_of(4, 1000, 2000);
  clv_plan_size       small = {.customers = 1e4, .pieces = 1e9}, large = {.customers = 1e8, .pieces = 1e9};
  clv_plan            plan;
  (void)state;
  clv_plan_size_complete(&r, &small);
  clv_plan_size_complete(&r, &large);
  assert_int_equal(clv_plan_ranks(&config, &r, &small, 0.0, 4e9), 1);
  assert_true(clv_plan_ranks(&config, &r, &large, 0.0, 4e9) > 8);
  /* memory asks for more, time or not */
  const int ranks = clv_plan_ranks(&config, &r, &large, 0.0, 1e8);
  clv_plan_estimate(&config, &r, &large, 0.0, ranks, &plan);
  assert_true(plan.bytes <= 1e8);
}

/* However they grew, there are not more histories than customers, nor fewer than there were. */
static void histories_are_bounded(void **state) {
  (void)state;
  for (double exponent = 0.1; exponent < 1.0; exponent += 0.2)
    for (double n = 1e3; n < 1e9; n *= 10.0) {
      const clv_rehearsal r    = rehearsal_at(exponent);
      clv_plan_size       size = {.customers = n, .pieces = 1e9};
      clv_plan_size_complete(&r, &size);
      assert_true(size.histories <= n);
      if (n >= 300000) assert_true(size.histories >= floor(fmin(n, r.shop[CLV_REHEARSAL_LARGE].histories)));
    }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(laws_are_followed), cmocka_unit_test(ranks_share),
                                     cmocka_unit_test(ranks_are_chosen),
                                     cmocka_unit_test(histories_are_bounded)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
