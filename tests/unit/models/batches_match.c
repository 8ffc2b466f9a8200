/* The kernels of customers under parameters of their own say what the models say of each customer, with every
 * instruction set in the same bits; parameters beyond what kernels take are left to the models. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "engine/models/bg_batch_kernel.h"
#include "engine/models/bg_bb.h"
#include "engine/models/bg_bb_kernel.h"
#include "engine/models/bg_family.h"
#include "engine/models/gamma_gamma.h"
#include "engine/models/gamma_gamma_batch_kernel.h"
#include "engine/models/pareto_nbd_kernel.h"
#include "engine/models/process.h"
#include "engine/models/shifted.h"

enum { N = 64, PARAMETERS = 4, ROUNDS = 200 };

typedef struct kernel {
  const char         *name;
  size_t              n_parameter;
  clv_batch_gradient *look;
  clv_batch_kind      kind;
} kernel;

static void pareto(const clv_batch_kind *kind, clv_isa isa, const clv_batch *b, double *value, double *by) {
  (void)kind;
  CLV_KERNEL_PICK(clv_pareto_nbd_batch, isa)(b, value, by);
}
static void spend(const clv_batch_kind *kind, clv_isa isa, const clv_batch *b, double *value, double *by) {
  (void)kind;
  CLV_KERNEL_PICK(clv_gamma_gamma_batch, isa)(b, value, by);
}
static void whole(const clv_batch_kind *kind, clv_isa isa, const clv_batch *b, double *value, double *by) {
  (void)kind;
  CLV_KERNEL_PICK(clv_bg_bb_batch, isa)(b, value, by);
}

static const kernel KERNEL[] = {{"bg_nbd", 4, clv_bg_batch_gradient, {1, 0.0}},
                                {"mbg_nbd", 4, clv_bg_batch_gradient, {1, 1.0}},
                                {"bg_cnbd_3", 4, clv_bg_batch_gradient, {3, 0.0}},
                                {"mbg_cnbd_12", 4, clv_bg_batch_gradient, {12, 1.0}},
                                {"pareto_nbd", 4, pareto, {0}},
                                {"bg_bb", 4, whole, {0}},
                                {"gamma_gamma", 3, spend, {0}}};

typedef struct customers {
  double x[N], t_x[N], T[N], mean[N], theta[PARAMETERS * N];
} customers;

/* From those who never bought again to a thousand purchases; parameters up to e^width from one, either way.
 */
static void customers_make(customers *c, uint32_t round, double width, bool buys) {
  for (uint32_t i = 0; i < N; i++) {
    clv_rng rng = clv_rng_at(3, CLV_RNG_SIMULATE, i, 0, round);
    c->x[i]     = floor(exp(7.0 * clv_rng_uniform(&rng)) - (buys ? 0.0 : 1.0));
    c->T[i]     = exp(8.0 * clv_rng_uniform(&rng) - 3.0);
    c->t_x[i]   = c->x[i] == 0.0 ? 0.0 : i % 8 == 0 ? c->T[i] : c->T[i] * clv_rng_uniform(&rng);
    c->mean[i]  = exp(10.0 * clv_rng_uniform(&rng) - 5.0);
    for (size_t k = 0; k < PARAMETERS; k++)
      c->theta[k * N + i] = exp(width * (2.0 * clv_rng_uniform(&rng) - 1.0));
  }
}

/* Whole opportunities, at most one purchase at each; some customers have just bought, some never. */
static void opportunities_make(customers *c) {
  for (size_t i = 0; i < N; i++) {
    c->T[i]   = fmin(1.0 + floor(c->T[i]), CLV_BG_BB_OPPORTUNITIES_MOST);
    c->t_x[i] = c->x[i] == 0.0 ? 0.0 : i % 8 == 0 ? c->T[i] : 1.0 + floor(c->t_x[i]);
    if (c->x[i] > c->t_x[i]) c->x[i] = c->t_x[i];
  }
}

static double gradient_of(const kernel *k, const customers *c, size_t i, double *by) {
  const clv_customer who = {.x = (uint32_t)c->x[i], .t_x = c->t_x[i], .T = c->T[i], .spend = c->mean[i]};
  double             theta[PARAMETERS];
  for (size_t p = 0; p < PARAMETERS; p++) theta[p] = c->theta[p * N + i];
  const double value = k->look == spend ? CLV_GAMMA_GAMMA_SPEND.gradient(theta, &who, by)
                                        : clv_process_find(k->name)->gradient(theta, &who, by);
  for (size_t p = 0; p < k->n_parameter; p++) by[p] *= theta[p];
  return value;
}

/* Terms that may cancel are of this size: purchases, or opportunities, and parameters times their logarithms.
 */
static double size_of(const kernel *k, const customers *c, size_t i) {
  const double events = k->look == whole ? c->t_x[i] : c->x[i];
  double       size   = 1.0 + events * (10.0 + log1p(events));
  for (size_t p = 0; p < PARAMETERS; p++) {
    const double theta = c->theta[p * N + i];
    size += (1.0 + theta + c->x[i]) * (1.0 + fabs(log(theta)) + fabs(log(c->mean[i])));
    if (p == 0) size += theta * c->x[i] * (1.0 + fabs(log(theta))); /* gamma_gamma: p x */
  }
  return size;
}

/* A few roundings of each of some ten terms, and 1e-11 for the integral of pareto_nbd, whose bound is 1e-12.
 */
static double allowed(const kernel *k, const customers *c, size_t i) {
  return 2e-15 * size_of(k, c, i) + (k->look == pareto ? 1e-11 * (1.0 + c->x[i]) : 0.0);
}

static void kernel_check(const kernel *k, const customers *c) {
  const clv_batch batch = {N, c->x, c->t_x, c->T, c->mean, c->theta};
  double          value[N], by[PARAMETERS * N], other[N], other_by[PARAMETERS * N];
  k->look(&k->kind, CLV_ISA_PLAIN_C, &batch, value, by);
  for (size_t i = 0; i < N; i++) {
    double       expected[PARAMETERS];
    const double whole = gradient_of(k, c, i, expected);
    assert_true(fabs(value[i] - whole) <= allowed(k, c, i));
    for (size_t p = 0; p < k->n_parameter; p++)
      assert_true(fabs(by[p * N + i] - expected[p]) <= allowed(k, c, i));
  }
  for (clv_isa isa = CLV_ISA_PLAIN_C; isa <= clv_isa_best(); isa++) {
    k->look(&k->kind, isa, &batch, other, other_by);
    assert_memory_equal(value, other, sizeof value);
    assert_memory_equal(by, other_by, k->n_parameter * N * sizeof *by);
  }
}

static void kernels_match(void **state) {
  static customers c;
  (void)state;
  for (size_t k = 0; k < sizeof KERNEL / sizeof *KERNEL; k++)
    for (uint32_t round = 0; round < ROUNDS; round++) {
      customers_make(&c, round, round % 4 == 3 ? 12.0 : 3.0, KERNEL[k].look == spend);
      if (KERNEL[k].look == whole) opportunities_make(&c);
      kernel_check(&KERNEL[k], &c);
    }
}

/* At the ends of what kernels are asked for, with histories and amounts that are out of this world, nothing
 * overflows. */
static void ends_are_finite(void **state) {
  static customers c;
  (void)state;
  for (size_t k = 0; k < sizeof KERNEL / sizeof *KERNEL; k++)
    for (uint32_t round = 0; round < 1u << PARAMETERS; round++) {
      const clv_batch batch = {N, c.x, c.t_x, c.T, c.mean, c.theta};
      double          value[N], by[PARAMETERS * N];
      customers_make(&c, round, 1.0, KERNEL[k].look == spend);
      for (size_t i = 0; i < N; i += 3) c.x[i] = i % 2 == 0 ? 1.0 : 0x1p32 - 1.0;
      for (size_t i = 1; i < N; i += 3) c.T[i] = 1e9, c.mean[i] = i % 2 == 0 ? 1e-12 : 1e12;
      if (KERNEL[k].look == whole) opportunities_make(&c);
      for (size_t i = 0; i < PARAMETERS * N; i++)
        c.theta[i] = (round >> i / N & 1u) != 0 ? CLV_BATCH_MOST : CLV_BATCH_LEAST;
      for (clv_isa isa = CLV_ISA_PLAIN_C; isa <= clv_isa_best(); isa++) {
        KERNEL[k].look(&KERNEL[k].kind, isa, &batch, value, by);
        for (size_t i = 0; i < N; i++) assert_true(fabs(value[i]) < INFINITY);
        for (size_t i = 0; i < KERNEL[k].n_parameter * N; i++) assert_true(fabs(by[i]) < INFINITY);
      }
    }
}

enum { ROWS = N + 7, COLUMNS = 2, TERMS = 1 + PARAMETERS + 3 };

/* Sums over rows of the BG/NBD with covariates, by its kernel or customer by customer. */
static void rows_sum(clv_batch_gradient *batch, const double *theta, double *sum) {
  static const uint32_t  COLUMN[COLUMNS] = {0, 1};
  static const double    ONE[COLUMNS] = {1.0, 1.0}, GAMMA[] = {0.3, -0.2, 0.5};
  const clv_process_ops *process = clv_process_find("bg_nbd");
  static customers       c;
  uint32_t               x[ROWS];
  double                 t_x[ROWS], T[ROWS], w[ROWS][COLUMNS];
  customers_make(&c, 1, 1.0, false);
  for (size_t i = 0; i < ROWS; i++) {
    x[i] = (uint32_t)c.x[i % N], t_x[i] = c.t_x[i % N], T[i] = c.T[i % N];
    w[i][0] = (double)(i % 3) - 1.0, w[i][1] = (double)i / ROWS;
  }
  const clv_covariates   covariates = {COLUMNS, COLUMNS, w[0], ONE, {2, 1, 0}, {COLUMN, COLUMN, NULL}};
  const clv_shifts       shifts = clv_shifts_of(&covariates, PARAMETERS, process->effect, process->n_effect);
  const clv_shifted_plan plan   = {.shifts     = &shifts,
                                   .covariates = &covariates,
                                   .blocks     = clv_blocks_of(ROWS, 0, 1),
                                   .n_segment  = 1,
                                   .x          = x,
                                   .t_x        = t_x,
                                   .T          = T,
                                   .gradient   = process->gradient,
                                   .batch      = batch,
                                   .kind       = KERNEL[0].kind};
  clv_shifted            rows;
  assert_int_equal(clv_shifted_rows_new(&plan, &rows), CLV_OK);
  memset(sum, 0, TERMS * sizeof *sum);
  rows.ops->block(rows.self, 0, theta, GAMMA, sum);
  rows.ops->free(rows.self);
}

static void wild_parameters_go_one_by_one(void **state) {
  static const double TAME[] = {0.5, 6.0, 0.8, 2.0}, WILD[] = {0x1p-210, 0x1p70, NAN, INFINITY};
  double              batched[TERMS], alone[TERMS];
  (void)state;
  rows_sum(clv_bg_batch_gradient, TAME, batched), rows_sum(NULL, TAME, alone);
  assert_memory_not_equal(batched, alone, sizeof batched); /* or nothing is told apart below */
  for (size_t i = 0; i < TERMS; i++) assert_true(fabs(batched[i] - alone[i]) <= 1e-11 * fabs(alone[0]));
  for (size_t i = 0; i < PARAMETERS * (sizeof WILD / sizeof *WILD); i++) {
    double theta[PARAMETERS];
    memcpy(theta, TAME, sizeof theta);
    theta[i % PARAMETERS] = WILD[i / PARAMETERS];
    rows_sum(clv_bg_batch_gradient, theta, batched), rows_sum(NULL, theta, alone);
    assert_memory_equal(batched, alone, sizeof batched);
  }
}

/* What no kernel can resolve has no density, rather than some number's. */
static void silences_know_their_parameters(void **state) {
  enum { ROOM = 16 };
  static const double THETA[][PARAMETERS] = {
      {1e-200, 1e-200, 1e-200, 1e-200}, {NAN, 0.7, 0.6, 2.0}, {1.2, 0.7, 0.6, 2.0}};
  double               x[ROOM] = {0.0}, t_x[ROOM] = {0.0}, T[ROOM], count[ROOM];
  const clv_bg_bb_rows rows = {ROOM, x, t_x, T, count};
  (void)state;
  for (size_t i = 0; i < ROOM; i++) T[i] = 6.0, count[i] = 1.0;
  for (size_t k = 0; k < 3; k++)
    for (clv_isa isa = CLV_ISA_PLAIN_C; isa <= clv_isa_best(); isa++) {
      double sum[1 + PARAMETERS] = {0.0};
      CLV_KERNEL_PICK(clv_bg_bb_silences, isa)(&rows, THETA[k], sum);
      assert_int_equal(isfinite(sum[0]) != 0, k == 2);
    }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(kernels_match), cmocka_unit_test(ends_are_finite),
                                     cmocka_unit_test(wild_parameters_go_one_by_one),
                                     cmocka_unit_test(silences_know_their_parameters)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
