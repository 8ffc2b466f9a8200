/* The joint posterior of a made portfolio has the same bits, density and gradient, whatever the number of
 * ranks (all ranks against this rank alone) and the instruction set (CLV_ISA plain, avx2, avx512): customers
 * one by one, merged, and each with covariates of his own. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "comm/accumulator.h"
#include "engine/models/joint.h"
#include "tests/unit/models/portfolio_made.h"

enum { DIM_MOST = 12, SUM_MOST = 64, POINTS = 3, COLUMNS = 2, WAYS = 3 };
typedef enum way { ONE_BY_ONE, MERGED, WITH_COVARIATES } way;

/* A vector for each customer that no other has. */
static const double *vectors(void) {
  static double w[MADE_N][COLUMNS];
  for (size_t i = 0; i < MADE_N; i++) w[i][0] = (double)i / MADE_N - 0.5, w[i][1] = i % 3 == 0 ? 1.0 : 0.0;
  return w[0];
}

static clv_covariates covariates_from(uint64_t first) {
  static const uint32_t COLUMN[COLUMNS] = {0, 1};
  static const double   ONE[COLUMNS]    = {1.0, 1.0};
  return (clv_covariates){.n        = COLUMNS,
                          .n_all    = COLUMNS,
                          .value    = vectors() + first * COLUMNS,
                          .scale    = ONE,
                          .n_column = {2, 1, 1},
                          .column   = {COLUMN, COLUMN, COLUMN}};
}

static clv_status evaluate(const clv_comm *comm, const char *purchases, const made *m, way how,
                           double *value) {
  clv_model            part[2] = {{0}, {0}}, joint = {0};
  clv_accumulator     *sums = NULL;
  double               phi[POINTS * DIM_MOST], sum[POINTS * SUM_MOST];
  clv_cells            cells    = made_cells(comm, m);
  clv_spends           spends   = made_spends(comm, m, 3.0);
  clv_status           st       = CLV_OK;
  const clv_covariates of_cell  = covariates_from(cells.blocks.first),
                       of_spend = covariates_from(spends.blocks.first);
  if (how == WITH_COVARIATES) cells.covariates = &of_cell, spends.covariates = &of_spend;
  CLV_TRY(clv_purchases_new(purchases, &(clv_purchase_data){comm, &cells, NULL}, &part[0]));
  CLV_TRY(clv_gamma_gamma_new(comm, &spends, NULL, &part[1]));
  CLV_TRY(clv_joint_new(part, 2, &joint));
  const size_t n_sum = joint.ops->n_sum(joint.self), dim = joint.ops->n_dim(joint.self);
  CLV_CHECK(dim <= DIM_MOST && n_sum <= SUM_MOST);
  const clv_summand what = {joint.self, joint.ops->n_block(joint.self), n_sum, dim, joint.ops->block};
  CLV_TRY(clv_accumulator_new(comm, &what, POINTS, &sums));
  for (uint32_t k = 0; k < POINTS; k++) clv_model_start(&joint, 1, k, phi + k * dim);
  CLV_TRY(clv_accumulator_evaluate(sums, POINTS, phi, sum));
  for (size_t k = 0; k < POINTS; k++)
    joint.ops->finish(joint.self, phi + k * dim, sum + k * n_sum, &value[k * (DIM_MOST + 1)],
                      &value[k * (DIM_MOST + 1) + 1]);
out:
  clv_accumulator_free(&sums);
  clv_model_free(&joint);
  clv_model_free(&part[0]);
  clv_model_free(&part[1]);
  return st;
}

int main(int argc, char **argv) {
  static const char *const ISA[]       = {"plain", "avx2", "avx512"};
  static const char *const PURCHASES[] = {"bg_nbd",    "mbg_nbd",    "pareto_nbd", "pareto_nbd_lognormal",
                                          "bg_cnbd_2", "mbg_cnbd_3", "bg_bb"};
  clv_comm                *world = NULL, *alone = NULL;
  made                    *m                              = NULL;
  double                   first[POINTS * (DIM_MOST + 1)] = {0}, other[POINTS * (DIM_MOST + 1)] = {0};
  clv_status               st = clv_comm_init(&argc, &argv);
  if (st < 0) return 1;
  CLV_TRY(clv_comm_world(&world));
  CLV_TRY(clv_comm_self(&alone));
  CLV_TRY(clv_alloc(1, sizeof *m, (void **)&m));
  for (size_t k = 0; k < WAYS * (sizeof PURCHASES / sizeof *PURCHASES); k++) {
    const char *name = PURCHASES[k / WAYS];
    const way   how  = (way)(k % WAYS);
    if (how == WITH_COVARIATES && strcmp(name, "pareto_nbd_lognormal") == 0)
      continue; /* its way is another */
    how == MERGED ? made_merge(m) : made_fill_for(m, name);
    setenv("CLV_ISA", "plain", 1);
    CLV_TRY(evaluate(alone, name, m, how, first));
    CLV_CHECK(isfinite(first[0]) && isfinite(first[1]));
    for (size_t i = 0; i < 3; i++) {
      setenv("CLV_ISA", ISA[i], 1);
      CLV_TRY(evaluate(world, name, m, how, other));
      if (memcmp(first, other, sizeof first) != 0)
        st = clv_fail(CLV_EFAULT, "%s, way %d: bits differ with CLV_ISA=%s", name, (int)how, ISA[i]);
      CLV_TRY(clv_comm_agree(world, st));
    }
  }
out:
  if (st < 0 && clv_comm_rank(world) == 0) fprintf(stderr, "%s\n", clv_message());
  free(m);
  clv_comm_free(&alone);
  clv_comm_free(&world);
  clv_comm_finalize();
  return st < 0;
}
